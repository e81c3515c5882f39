"""How many calls a flow can make, and how long it can take, from its text alone."""

from __future__ import annotations

import pytest
from support.plans import plan_of

from flowlang.plan.amounts import MANY, Amount, Unknown, add, greatest, multiply, number, unknown
from flowlang.plan.longest import FOREVER, longest_times
from flowlang.plan.show import render_plan
from flowlang.plan.text import duration_text

AGENTS = """
error Busy
agent search(query: string) -> list<string> raises Busy effect read retry 3 times timeout 10s
agent read(url: string) -> string effect read timeout 1m
agent undo(of: string) effect idempotent
agent gone(of: string) effect idempotent retry 1 times
ask who() -> string
event Ping(id: string)
"""


def bounds(body: str, parameters: str = "", others: str = "") -> str:
    compiled = plan_of(f"{AGENTS}{others}\nflow main({parameters}) {{\n{body}\n}}\n")
    found = compiled.flows["main"].bounds
    return " · ".join(f"{agent} ≤ {bound.formula}" for agent, bound in found.items())


# ruff: noqa: E501 - a case is a line


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('step a = read(url: "x")', "read ≤ 1"),
        ("let a = 1", ""),
        ('step a = search(query: "x")', "search ≤ 4"),
        ('step a = search(query: "x") retry 1 times', "search ≤ 2"),
        ('step a = read(url: "x") retry n times', "read ≤ 1 + n"),
        ('step a = for each x in xs { yield read(url: x) }', "read ≤ |xs|"),
        ('step a = for each x in xs { step p = read(url: x) retry 2 times }', "read ≤ 3·|xs|"),
        ('step a = for each x in xs { step p = for each y in xs { yield read(url: y) } }', "read ≤ |xs|²"),
        ('step a = for each x in ["a", "b"] { yield read(url: x) }', "read ≤ 2"),
        ('step a = for each i in 0..5 { yield read(url: "${i}") }', "read ≤ 5"),
        ('step a = for each i in 0..n { yield read(url: "${i}") }', "read ≤ n"),
        ('step a = for each x in xs.filter(x => x != "").take(3) { yield read(url: x) }', "read ≤ 3"),
        ('step a = for each x in xs.sort().distinct() { yield read(url: x) }', "read ≤ |xs|"),
        ('step a = for each x in xs.concat(["a"]) { yield read(url: x) }', "read ≤ 1 + |xs|"),
        ('let few = xs.take(2)\nstep a = for each x in few { yield read(url: x) }', "read ≤ 2"),
        (
            'step a = for each x in xs { yield read(url: x) }\nstep b = for each y in a { yield read(url: y) }',
            "read ≤ 2·|xs|",
        ),
        ('step a = for each x in (if n > 1 then xs else ["a"]) { yield read(url: x) }', "read ≤ max(|xs|, 1)"),
        ('step a = for each x in r.items { yield read(url: x) }', "read ≤ |r.items|"),
        ('step a = for each x in r.items.map(i => i + "!") { yield read(url: x) }', "read ≤ |r.items|"),
        ('step a = for each w in "a b".split(" ") { yield read(url: w) }', 'read ≤ |"a b".split(" ")|'),
        ('step a = for each k, v in { "a": 1, "b": 2 } { yield read(url: k) }', "read ≤ 2"),
        (
            'step a = while s.size() < 9, at most 4 times, from s = "" { next read(url: s) }',
            "read ≤ 4",
        ),
        ('step a = while s < 9, at most n times, from s = 0 { step p = read(url: "")\nnext s + 1 }', "read ≤ n"),
        (
            'step a = choose { when n > 1 -> read(url: "a") else -> do { step b = search(query: "b")\nyield "" } }',
            "read ≤ 1 · search ≤ 4",
        ),
        (
            'step a = choose { when n > 1 -> for each x in xs { yield read(url: x) } '
            'else -> for each i in 0..3 { yield read(url: "") } }',
            "read ≤ max(|xs|, 3)",
        ),
        ('step a = match r.kind { null -> read(url: "a") else -> read(url: "b") }', "read ≤ 1"),
        ('step a = choose { when n > 1 -> search(query: "a") } retry 1 times', "search ≤ 2"),
        ('step a = do { step b = search(query: "a") } retry 1 times', "search ≤ 8"),
        ('step a = race { search(query: "a"), search(query: "b") }', "search ≤ 8"),
        ('step a = first 2 of for each x in xs { yield read(url: x) }', "read ≤ |xs|"),
        ('step a = search(query: "a") catch Busy -> [] catch -> search(query: "b") retry 1 times', "search ≤ 6"),
        ('step a = read(url: "x") undo undo(of: a)', "read ≤ 1 · undo ≤ 6"),
        ('step a = read(url: "x") undo gone(of: a)', "read ≤ 1 · gone ≤ 2"),
        ('step a = read(url: "x") finally { step b = undo(of: "x") }', "read ≤ 1 · undo ≤ 1"),
        ('step a = read(url: "x")\nstep b = read(url: "y") when a == ""', "read ≤ 2"),
    ],
)  # fmt: skip
def test_call_bounds(body: str, expected: str):
    parameters = "n: int, xs: list<string>, r: { items: list<string>, kind: string? }"
    assert bounds(body, parameters) == expected


def test_only_one_return_runs():
    compiled = plan_of(
        AGENTS
        + """
flow main(n: int) -> string {
  step first = read(url: "x")
  return read(url: "1") when n == 1
  return read(url: "2") when n == 2
  return first
}
"""
    )
    assert compiled.flows["main"].bounds["read"].calls == 2


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("inner(urls: xs)", "read ≤ |xs| · search ≤ 8"),
        ('inner(urls: ["a", "b", "c"])', "read ≤ 3 · search ≤ 8"),
        ("inner(urls: xs.take(2), times: n)", "read ≤ 2 · search ≤ 4·n"),
        ("inner(urls: r.items, times: 0)", "read ≤ |r.items| · search ≤ 0"),
        ('inner(urls: "a b".split(" "))', 'read ≤ |"a b".split(" ")| · search ≤ 8'),
        ("deep(of: r)", "read ≤ |r.items| · search ≤ 8"),
        ("own()", "search ≤ 4 · read ≤ |own.found|"),
    ],
)
def test_a_called_flow_counts_with_its_arguments(call: str, expected: str):
    others = """
flow inner(urls: list<string>, times: int = 2) {
  step pages = for each url in urls { yield read(url: url) }
  step more = while n < 9, at most times times, from n = 0 {
    step found = search(query: "${n}")
    next n + found.size()
  }
}
flow deep(of: { items: list<string> }) { step a = inner(urls: of.items) }
flow own() {
  step found = search(query: "x")
  step pages = for each url in found { yield read(url: url) }
}
"""
    parameters = "n: int, xs: list<string>, r: { items: list<string> }"
    assert bounds(f"step a = {call}", parameters, others) == expected


def test_bounds_stay_short_however_flows_are_nested():
    flows = ["flow f0(a: list<string>, b: list<string>) { step x = for each i in a { yield read(url: i) } }"]
    for i in range(1, 30):
        flows.append(
            f"flow f{i}(a: list<string>, b: list<string>) {{\n"
            f"  step x = for each i in a {{ step y = f{i - 1}(a: a, b: b) }}\n"
            f"  step z = for each i in b {{ step y = f{i - 1}(a: b, b: a) }}\n}}"
        )
    bound = plan_of(AGENTS + "\n".join(flows)).flows["f29"].bounds["read"]
    assert bound == bound.model_copy(update={"formula": "more than can be said", "calls": None})


def test_numbers_beyond_all_bounds_are_many():
    found = plan_of(f"{AGENTS}flow main() {{\n{_numbered(4)}\n}}\n").flows["main"].bounds["read"]
    assert (found.formula, found.calls) == ("more than can be said", None)


def _numbered(levels: int) -> str:
    """So many loops of a million rounds inside each other."""
    body = 'step page = read(url: "x")'
    for level in range(levels):
        body = f"step s{level} = for each i{level} in 0..1_000_000 {{\n{body}\n}}"
    return body


class TestAmounts:
    xs, n = unknown(Unknown("xs", "xs", size=True)), unknown(Unknown("n", "n"))

    def test_sums_and_products_are_polynomials(self):
        made = multiply(add([number(2), self.xs]), add([number(1), self.n]))
        assert made.show() == "2 + 2·n + |xs| + n·|xs|"

    def test_the_greatest_of_what_can_be_compared_is_one_of_them(self):
        assert greatest([number(1), number(3), number(2)]) == number(3)
        assert greatest([self.xs, add([self.xs, number(1)])]).show() == "1 + |xs|"
        assert multiply(number(2), greatest([self.xs, self.n])).show() == "2·max(|xs|, n)"

    def test_many_stays_many(self):
        for made in (add([MANY, number(1)]), multiply(MANY, self.xs), greatest([MANY, self.n])):
            assert made == MANY
        assert multiply(MANY, number(0)) == Amount(())
        assert number(2**60) == MANY


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("let a = 1", "0s"),
        ('step a = read(url: "x")', "1m"),
        ('step a = search(query: "x")', "40s"),
        ('step a = read(url: "x")\nstep b = read(url: "y")', "1m"),
        ('step a = read(url: "x")\nstep b = read(url: a)', "2m"),
        ('step a = read(url: "x") timeout 5s per attempt retry 2 times', "15s"),
        ('step a = read(url: "x") timeout 5s retry 2 times', "5s"),
        ('step a = read(url: "x") retry 3 times backoff constant 10s', "4m30s"),
        ('step a = read(url: "x") retry 3 times backoff linear 10s', "5m"),
        ('step a = read(url: "x") retry 3 times backoff 1s', "4m7s"),
        ('step a = read(url: "x") retry 5 times backoff 10s to 30s', "8m"),
        ('step a = read(url: "x") retry 100 times backoff 10s within 3m', "4m"),
        ('step a = read(url: "x") catch -> read(url: "y")', "2m"),
        ('step a = read(url: "x") finally { step b = read(url: "y") }', "2m"),
        ("step a = for each x in [1, 2, 3] { yield read(url: '') }", "1m"),
        ("step a = for each x in [1, 2, 3], 2 at once { yield read(url: '') }", "2m"),
        ("step a = for each x in [1, 2, 3], in order { yield read(url: '') }", "3m"),
        ("step a = while n < 9, at most 3 times, from n = 0 { step b = read(url: '')\nnext n }", "3m"),
        ("step a = while n < 9, at most 3 times, every 2m, from n = 0 { step b = read(url: '')\nnext n }", "5m"),
        ('step a = race { read(url: "x"), read(url: "y") }', "1m"),
        ("step a = race { who(), sleep 5m }", "5m"),
        ('step a = choose { when 1 < n -> read(url: "x") else -> sleep 10s }', "1m"),
        ("step a = sleep 1h30m", "1h30m"),
        ("step a = who() timeout 2d", "2d"),
        ("step a = who() timeout 2d per attempt retry 1 times", "4d"),
        ("step a = wait for Ping timeout 1d", "1d"),
        ("step a = do { step b = who() } timeout 3d", "3d"),
        ("step a = for each x in xs { yield read(url: x) } timeout 1h", "1h"),
        ("step a = other()", "1m"),
        ("step a = who()", "`who` may never be answered"),
        ("step a = wait for Ping", "`Ping` may never come"),
        ("step a = sleep until t", "`t` is known only in the run"),
        ("step a = for each x in xs { yield read(url: x) }", "the size of `xs` is known only in the run"),
        ('step a = read(url: "x") retry n times', "`n` is known only in the run"),
        ("step a = for each x in xs { yield x.size() }", "0s"),
    ],
)  # fmt: skip
def test_longest_times(body: str, expected: str):
    parameters = "n: int, xs: list<string>, t: datetime"
    text = f'{AGENTS}flow other() {{ step a = read(url: "x") }}\nflow main({parameters}) {{\n{body}\n}}\n'
    compiled = plan_of(text)
    found = longest_times(compiled.flows, compiled.agents)["main"]
    assert found.microseconds == compiled.flows["main"].longest
    if found.microseconds is None:
        assert [end.reason for end in found.because] == [expected]
    else:
        assert duration_text(found.microseconds) == expected


def test_times_beyond_all_bounds_are_ten_thousand_years():
    compiled = plan_of(AGENTS + "flow main() {\n" + _numbered(3).replace(" {\n", ", in order {\n") + "\n}\n")
    assert compiled.flows["main"].longest == FOREVER
    assert "longest  10,000 years or more" in render_plan(compiled, None)


def test_a_flow_with_a_timeout_takes_no_longer():
    compiled = plan_of(f"{AGENTS}flow main() timeout 1h {{ step a = who() }}\n")
    assert compiled.flows["main"].longest == 3_600_000_000
