// Puts into dist/ what the package holds: the bundled client, and the grammar that is made from flowlang.lark.

import { copyFileSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

mkdirSync("dist", { recursive: true });
copyFileSync("../flow.tmLanguage.json", "dist/flow.tmLanguage.json");
copyFileSync("../../../LICENSE", "LICENSE");
await build({
  entryPoints: ["src/extension.js"],
  outfile: "dist/extension.js",
  bundle: true,
  minify: true,
  platform: "node",
  target: "node18",
  format: "cjs",
  external: ["vscode"],
});
