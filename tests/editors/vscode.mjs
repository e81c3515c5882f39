// The extension in VS Code itself: node tests/editors/vscode.mjs CODE_SERVER VSIX [FOLDER FOR PICTURES]
//
// Starts code-server (its entry point is the first argument) on this machine with nothing but our extension,
// opens a project in headless Chromium ($CHROMIUM, else /usr/bin/chromium), and does with it what somebody
// does. Prints a line for each, leaves pictures of what there was to see, and leaves with 1 where one did not
// work. Needs `playwright-core` where node finds it, and `flow` on the path.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, writeFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [entry, vsix, pictures = "."] = process.argv.slice(2);
const MAIN = `/// Finds pages about a topic.
agent search(query: string, limit: int = 10) -> list<string> effect read

agent shout(text: string) -> string effect pure

/// What there is about a topic, loudly.
flow main(topic: string) -> string {
  step found = search(query: topic)
  step loud = shout(text: "\${topic}: \${found.size()} pages")
    retry 3 times backoff 1s
  return loud
}
`;

const HELLO = `flow hello(name: string = "a terminal") -> string {
  step greeting = "hello from \${name}"
  return greeting
}
`;

const work = mkdtempSync(join(tmpdir(), "flow-vscode-"));
const project = join(work, "project");
mkdirSync(join(work, "data", "User"), { recursive: true });
mkdirSync(project);
writeFileSync(join(project, "main.flow"), MAIN);
writeFileSync(join(project, "hello.flow"), HELLO);
writeFileSync(
  join(work, "data", "User", "settings.json"),
  JSON.stringify({
    "workbench.startupEditor": "none",
    "security.workspace.trust.enabled": false,
    "telemetry.telemetryLevel": "off",
    "window.commandCenter": false,
    "chat.commandCenter.enabled": false,
    "workbench.colorTheme": "Default Light Modern",
    "terminal.integrated.gpuAcceleration": "off", // so that its text is on the page
    "flow.command": execFileSync("which", ["flow"], { encoding: "utf8" }).trim(), // the shell may set its own path
  }),
);
const own = ["--user-data-dir", join(work, "data"), "--extensions-dir", join(work, "extensions")];

let failures = 0;
async function check(what, promise) {
  const said = await promise.then((found) => found ?? true).catch((error) => error);
  const failed = said instanceof Error || !said;
  failures += failed;
  console.log(`${failed ? "FAIL" : "ok  "} ${what}${failed ? `: ${String(said).split("\n")[0]}` : ""}`);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

execFileSync(process.execPath, [entry, ...own, "--install-extension", vsix], { stdio: "ignore" });
const port = await freePort();
const address = `127.0.0.1:${port}`;
const options = ["--bind-addr", address, "--auth", "none", "--disable-telemetry", "--disable-update-check"];
const env = { ...process.env, FLOW_STORE: join(work, "runs.db") };
const server = spawn(process.execPath, [entry, ...own, ...options, project], { stdio: "ignore", env });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
});

try {
  for (let tries = 0; tries < 100; tries++) {
    if (await fetch(`http://${address}/healthz`).then(() => true, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const page = await browser.newPage({ viewport: { width: 1440, height: 860 } });
  page.setDefaultTimeout(60_000);
  const command = async (title) => {
    await page.keyboard.press("F1");
    await page.keyboard.type(title);
    await page.keyboard.press("Enter");
  };
  const picture = (name) => page.screenshot({ path: join(pictures, `vscode-${name}.png`) });
  const row = (text) => page.locator(".view-line", { hasText: text }).first();

  await page.goto(`http://${address}/?folder=${encodeURIComponent(project)}`);
  await page.getByRole("treeitem", { name: "main.flow" }).dblclick();
  await check("the file opens", row("flow main").waitFor());
  await check("keywords have colours", page.locator('.view-line span[class*="mtk"]', { hasText: /^agent$/ }).first().waitFor());
  await check("a lens runs the flow", page.locator(".codelens-decoration a", { hasText: "run" }).first().waitFor());
  await row("search(query: topic)").getByText("search", { exact: false }).last().hover();
  await check("hover shows the documentation", page.locator(".monaco-hover", { hasText: "Finds pages" }).first().waitFor());
  await picture("hover");
  await page.keyboard.press("Escape");

  await command("flow: Show the Graph Beside");
  const panel = page.frameLocator("iframe.webview").first().frameLocator("iframe").first();
  await check("the graph is drawn", panel.locator("svg g", { hasText: "loud" }).first().waitFor());
  await picture("graph");
  await panel.locator("svg g", { hasText: "loud" }).first().click();
  await check("a node leads to its text", page.locator(".statusbar-item", { hasText: "selected" }).waitFor());

  await row("flow main").click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("Control+F");
  await page.keyboard.type("= search(");
  await page.keyboard.press("Escape");
  await page.keyboard.type("= serch(");
  await check("a mistake is underlined", page.locator(".squiggly-error").first().waitFor());
  await command("View: Show Problems");
  await check("and stands among the problems", page.locator(".markers-panel", { hasText: "serch" }).first().waitFor());
  await check("the graph stays, pale", panel.locator("#picture.old svg").waitFor());
  await picture("mistake");
  await row("serch").click();
  await page.keyboard.press("Control+.");
  await check("a quick fix is offered", page.locator(".action-widget", { hasText: "search" }).first().waitFor());
  await picture("fix");
  await page.keyboard.press("Enter");
  await check("and mends it", page.locator(".squiggly-error").first().waitFor({ state: "detached" }));

  await page.getByRole("treeitem", { name: "hello.flow" }).dblclick();
  await row("flow hello").waitFor();
  await page.locator(".codelens-decoration a", { hasText: "▶ run" }).first().click();
  await check("the lens runs it in a terminal", page.locator(".xterm-rows", { hasText: "hello from a terminal" }).first().waitFor());
  await check("and the run stands beside it", page.locator(".codelens-decoration", { hasText: "ago" }).first().waitFor());
  await picture("run");
} finally {
  await browser.close();
  server.kill();
  rmSync(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
process.exit(failures ? 1 : 0);
