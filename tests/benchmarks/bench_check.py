"""Checking a file of 10,000 lines, from scratch and after a keystroke, against Lark's own parse of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lark

from flowlang.semantics.check import Checked, check
from flowlang.semantics.modules import load
from flowlang.semantics.providers import Description
from flowlang.text.source import Source
from tests.benchmarks import Figure, best_of

GRAMMAR = Path(__file__).resolve().parents[2] / "grammar/flowlang.lark"
LINES = 10_000

FLOW = """\
/// Finds and reads pages, the {n}th time.
flow brief{n}(topic: string, depth: int = 2) -> list<string> {{
  require depth >= 1 and depth <= 5 else "depth must be 1 to 5, got ${{depth}}"
  step found = search(query: topic, limit: 10 * depth)
  return [] when found.is_empty()

  step pages = for each source in found where source.score > 0.5, 8 at once {{
    step page = read(url: source.url)
      retry 2 times on AgentFailed backoff 1s
      catch NotFound -> null
    yield page
  }}
  let good = pages.filter(p => p != null).take(20)
  step kind = choose {{
    when good.size() > {n} -> "many"
    else -> "few"
  }}
  return good.map(p => "${{kind}}: ${{p.trim().lower()}}")
}}

"""

HEAD = """\
type Source = { url: string, title: string, score: float, published: datetime? }
error NotFound
agent search(query: string, limit: int = 10) -> list<Source> effect read timeout 30s
agent read(url: string) -> string raises NotFound effect read

"""


def figures() -> Iterator[Figure]:
    text = generated()
    parser = lark.Lark(GRAMMAR.read_text(), parser="lalr", propagate_positions=True, maybe_placeholders=True)
    whole, parse = best_of(2, lambda: checked(text), lambda: parser.parse(text))
    yield Figure("check 10,000 lines", whole * 1e3, "ms", whole / parse, "Lark's own parse of them", 2.0)

    before = checked(text)
    assert not before.diagnostics, before.diagnostics[0].message
    edited = [text.replace('"many"', f'"more{n}"', 1) for n in range(12)]
    (again,) = best_of(len(edited), lambda: checked(edited.pop(), before))
    yield Figure(
        "check again after one changed declaration", again * 1e3, "ms", again * 1e3, "a millisecond", 30.0
    )


def generated() -> str:
    flows = (LINES - HEAD.count("\n")) // FLOW.count("\n") + 1
    return HEAD + "".join(FLOW.format(n=n) for n in range(flows))


def checked(text: str, previous: Checked | None = None) -> Checked:
    source = Source("big.flow", text)
    before = previous.project if previous else None
    project = load("big.flow", read=lambda path: source, describe=nothing, previous=before)
    made = check(project, previous=previous)
    assert len(made.diagnostics) == 0
    return made


def nothing(provider: str, target: str, path: str) -> Description:
    return Description(target, known=False)
