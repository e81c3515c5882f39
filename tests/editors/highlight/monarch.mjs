// Texts (a JSON array on stdin) -> for each, its tokens as [name, text], as Monaco's Monarch would tell them.
// argument: the Monarch grammar.
//
// The part of Monarch that our grammar uses: rules tried in order at each place of a line, with a token for
// each group, and states that are entered and left. Monaco itself is 50 MB, and was compared with this once.

import { readFileSync } from "node:fs";

const grammar = JSON.parse(readFileSync(process.argv[2], "utf8"));

function rules(name) {
  return grammar.tokenizer[name].flatMap((rule) =>
    Array.isArray(rule) ? [{ pattern: new RegExp(`^(?:${rule[0]})`), actions: rule[1] }] : rules(rule.include.slice(1)),
  );
}
const states = Object.fromEntries(Object.keys(grammar.tokenizer).map((name) => [name, rules(name)]));

function tokens(text) {
  const found = [];
  const stack = [grammar.start];
  for (const line of text.split(/(?<=\n)/)) {
    for (let place = 0; place < line.length; ) {
      const rest = line.slice(place);
      const before = stack.length;
      let [match, actions] = [[rest[0]], [grammar.defaultToken]];
      for (const rule of states[stack.at(-1)]) {
        const tried = rule.pattern.exec(rest);
        if (tried) {
          [match, actions] = [tried, rule.actions];
          break;
        }
      }
      actions.forEach((action, n) => {
        found.push([action.token ?? action, match[n + 1] ?? match[0]]);
        if (action.next === "@pop") stack.pop();
        else if (action.next) stack.push(action.next.slice(1));
      });
      place += match[0].length;
      if (!match[0] && stack.length === before) throw new Error(`no progress at ${JSON.stringify(rest)}`);
    }
  }
  return found;
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(tokens)));
