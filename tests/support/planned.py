"""Plans that are made up: every construct a plan has, over the agents of `tests/cases/planning`.

They are sound by construction: each step knows the type of its result, and mentions steps above it only as
what they are."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import strategies as st

Value = Any
IDS = [
    "fetch",
    "fetch-page",
    "a b",
    "1st",
    "step",
    "für",
    "results",
    "match",
    "x" * 70,
    "a_b",
    "find",
    "call",
]
TEXT = st.text(st.sampled_from("aé$\\{}\"'\n:# -😀"), max_size=8)
DURATIONS = st.sampled_from(["1s", "250ms", "1h30m", 5, 0.5])


@attrs.define
class Sight:
    """What expressions may mention: how it is written, and whether it is a string, a list or a record that
    may be null."""

    texts: list[str]
    lists: list[str]
    maybe: list[str]


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Value]:
    sight = Sight(["inputs.topic", "metadata.owner"], ["['a', 'b']", "inputs.names"], ["inputs.hint"])
    ids = iter(draw(st.permutations(IDS)))
    plan: dict[str, Value] = {
        "plan_id": draw(st.sampled_from(["plan", "my plan", "read", "42", "é"])),
        "inputs": {
            "topic": "string",
            "names": {"type": "list<string>", "default": draw(st.lists(TEXT.map(literal), max_size=2))},
            "hint": {"type": "string?", "default": None},
        },
        "metadata": {"owner": draw(TEXT.map(literal)), "unused": [1, {"a": None}]},
        "steps": draw(bodies(ids, sight, 2)),
    }
    if draw(st.booleans()):
        plan["intent"] = draw(TEXT)
    if draw(st.booleans()):
        plan["output"] = draw(templates(sight))
    if draw(st.booleans()):
        plan["timeout"] = draw(DURATIONS)
    return plan


def literal(text: str) -> str:
    """A text that stands for itself."""
    import re

    return re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + "\\${", text)


@st.composite
def templates(draw: st.DrawFn, sight: Sight) -> str:
    parts = draw(st.lists(st.one_of(TEXT.map(literal), st.sampled_from(sight.texts).map(hole)), max_size=3))
    text = ""
    for part in parts:
        stripped = text.rstrip("\\")
        text += "\\" * (len(text) - len(stripped)) * part.startswith("${") + part
    return literal_dollar(text)


def literal_dollar(text: str) -> str:
    """A `$` at the end of a text and a `{` at the start of the next would make a hole."""
    return text.replace("$${", "$ ${")


def hole(expression: str) -> str:
    return f"${{{expression}}}"


@st.composite
def bodies(draw: st.DrawFn, ids: Any, sight: Sight, depth: int) -> list[dict[str, Value]]:
    steps: list[dict[str, Value]] = []
    for _ in range(draw(st.integers(1, 3))):
        id = next(ids, None)
        if id is None:
            break
        before = [step["step_id"] for step in steps]
        step = draw(steps_of(id, ids, sight, depth))
        if before and draw(st.booleans()):
            step["dependencies"] = [draw(st.sampled_from(before))]
        steps.append(step)
    return steps or [{"step_id": f"last_{depth}", "agent_id": "remove", "parameters": {"id": "x"}}]


@st.composite
def steps_of(draw: st.DrawFn, id: str, ids: Any, sight: Sight, depth: int) -> dict[str, Value]:
    step: dict[str, Value] = {"step_id": id}
    kind = draw(st.sampled_from(["call", "call", "each", "while", "group"][: 5 if depth else 4]))
    mine = f"results[{id!r}]"
    if kind == "group":
        inner = attrs.evolve(sight, texts=[*sight.texts], lists=[*sight.lists], maybe=[*sight.maybe])
        step["steps"] = draw(bodies(ids, inner, depth - 1))
        if draw(st.booleans()):
            step["strategy"] = draw(st.sampled_from(["sequential", "parallel"]))
    elif kind == "each":
        item = draw(st.sampled_from(["item", "page", "fetch"]))
        pace = draw(st.sampled_from([{}, {"max_parallel": 1}, {"max_parallel": 3}]))
        step["loop"] = {"type": "for_each", "items": draw(st.sampled_from(sight.lists)), "item": item, **pace}
        step |= {"agent_id": "read", "parameters": {"url": f"${{{item}}}"}}
        sight.lists.append(mine)
    elif kind == "while":
        step["loop"] = {"type": "while", "condition": f"{mine} == null", "max_iterations": 3}
        step |= {"agent_id": "read", "parameters": {"url": draw(templates(sight))}}
        sight.maybe.append(mine)
    else:
        step |= draw(calls(sight))
        if draw(st.booleans()):
            step["condition"] = draw(
                st.sampled_from([True, f"{sight.maybe[0]} != null", "inputs.topic == 'a'"])
            )
        if step["agent_id"] == "read":
            (sight.maybe if "condition" in step else sight.texts).append(mine)
    if kind != "group":
        step |= draw(policies(step["agent_id"]))
    if draw(st.booleans()):
        step["timeout"] = draw(DURATIONS)
    return step


@st.composite
def calls(draw: st.DrawFn, sight: Sight) -> dict[str, Value]:
    text = templates(sight)
    maybe = st.sampled_from(sight.maybe).map(lambda name: hole(f"{name} ?? 'x'"))
    json = st.recursive(
        st.none() | st.integers(-9, 9) | st.sampled_from([0.5, -1e30]) | text,
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["a", "b c", "if"]), inner, max_size=2)
        ),
        max_leaves=4,
    )
    read = st.fixed_dictionaries({"agent_id": st.just("read"), "parameters": st.fixed_dictionaries(
        {"url": text | maybe})})  # fmt: skip
    improve = st.fixed_dictionaries({"agent_id": st.just("improve"), "parameters": st.fixed_dictionaries({
        "text": text, "last": json, "within": st.sampled_from(["1h", "${1h + 2s}"]),
        "tags": st.dictionaries(st.sampled_from(["a", "b-c"]), text, max_size=2),
    })})  # fmt: skip
    return draw(read | improve)


@st.composite
def policies(draw: st.DrawFn, agent: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if draw(st.booleans()):
        retry: dict[str, Value] = {"max_retries": draw(st.integers(1, 4))}
        if draw(st.booleans()):
            retry["backoff_type"] = draw(st.sampled_from(["constant", "linear", "exponential"]))
        if draw(st.booleans()):
            retry |= {"initial_delay": draw(DURATIONS), "max_delay": "1h"}
        if draw(st.booleans()):
            retry["retry_on"] = ["Timeout", "NotFound"] if agent == "read" else ["Unavailable"]
        found["retry_policy"] = retry
    if agent == "read" and draw(st.booleans()):
        fallback: dict[str, Value] = draw(
            st.sampled_from(
                [
                    {"value": "none"},
                    {"agent_id": "read", "parameters": {"url": "b"}},
                    {"value": "x", "on": ["NotFound"]},
                ]
            )
        )
        found["fallback"] = fallback
    if draw(st.booleans()):
        found["undo"] = {"agent_id": "remove", "parameters": {"id": "${run.id}"}}
    return found
