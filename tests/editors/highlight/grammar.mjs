// grammar.js -> its rules as JSON, in tree-sitter's own form. argument: the grammar.

import { createRequire } from "node:module";

const rule = (given) =>
  typeof given === "string" ? { type: "STRING", value: given }
  : given instanceof RegExp ? { type: "PATTERN", value: given.source }
  : given;
const symbols = new Proxy({}, { get: (_, name) => ({ type: "SYMBOL", name }) });
const token = (content) => ({ type: "TOKEN", content: rule(content) });
token.immediate = (content) => ({ type: "IMMEDIATE_TOKEN", content: rule(content) });

Object.assign(globalThis, {
  seq: (...members) => ({ type: "SEQ", members: members.map(rule) }),
  choice: (...members) => ({ type: "CHOICE", members: members.map(rule) }),
  optional: (content) => ({ type: "CHOICE", members: [rule(content), { type: "BLANK" }] }),
  repeat: (content) => ({ type: "REPEAT", content: rule(content) }),
  repeat1: (content) => ({ type: "REPEAT1", content: rule(content) }),
  alias: (content, value) => ({ type: "ALIAS", content: rule(content), value: rule(value) }),
  prec: (value, content) => ({ type: "PREC", value, content: rule(content) }),
  token,
  grammar: ({ rules, externals, extras, word }) => ({
    rules: Object.fromEntries(Object.entries(rules).map(([name, body]) => [name, rule(body(symbols))])),
    externals: externals(symbols),
    extras: extras(symbols).map(rule),
    word: word(symbols).name,
  }),
});

const grammar = createRequire(import.meta.url)(process.argv[2]);
process.stdout.write(JSON.stringify(grammar));
