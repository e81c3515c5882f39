"""One text for one meaning: canonical JSON, the hash of a plan, and the fingerprints of its parts.

Canonical JSON has no blanks and its keys in the order of their UTF-16 code units (RFC 8785); unlike there
an int is written without and a float with a point or an exponent, since they are different values here.

What a person reads (places, paths, docs) and what follows from the rest (waves, free names, bounds) is no
part of a meaning. A field at its default is left out, so that a version of the format that adds one does
not change the hash of a plan that does not use it. Inside a fingerprint, nested statements and called
flows stand as their own fingerprints, so computing them all takes one pass; the hash of a plan trusts
none, and reads everything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from pydantic import JsonValue

from flowlang.plan.model import Agent, Block, Flow, Model, Plan, Statement

FOR_READERS = frozenset({"at", "doc", "unit", "sources", "path"})
DERIVED = frozenset({"wave", "free", "fingerprint", "bounds", "longest", "strategy"})


def canonical_json(value: JsonValue) -> str:
    """The canonical text of a JSON value. Raises ValueError for a float that is not finite."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plan_hash(plan: Plan) -> str:
    """SHA-256 of what a plan means, as 64 hexadecimal digits."""
    return _digest(_meaning(plan))


def statement_fingerprint(statement: Statement) -> str:
    """A short hash of a statement's own meaning, not of where it stands or what it waits for. Statements
    nested in it have theirs already."""
    return _digest(_meaning(statement.model_copy(update={"depends": ()}), by_fingerprint=True))[:16]


def flow_fingerprint(flow: Flow, flows: Mapping[str, Flow], agents: Mapping[str, Agent]) -> str:
    """A short hash of a flow and of what it calls: `flows`, which have theirs already, and `agents`."""
    called: dict[str, JsonValue] = {name: other.fingerprint for name, other in flows.items()}
    policies = {name: _meaning(agent) for name, agent in agents.items()}
    return _digest([_meaning(flow, by_fingerprint=True), called, policies])[:16]


def _digest(value: JsonValue) -> str:
    return sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def _meaning(value: object, *, by_fingerprint: bool = False) -> JsonValue:
    """A part of a plan as JSON, without what is for readers, derived, or at its default.

    One call a level and no comprehensions: plans may be deep."""
    items: list[JsonValue] = []
    fields: dict[str, JsonValue] = {}
    if isinstance(value, Block) and by_fingerprint:
        for statement in value.statements:
            items.append([statement.name, list(statement.depends), statement.fingerprint])
        return items
    if isinstance(value, Model):
        for name, field in type(value).model_fields.items():
            part = getattr(value, name)
            if name == "kind" or not (name in FOR_READERS or name in DERIVED or part == field.default):
                fields[name] = _meaning(part, by_fingerprint=by_fingerprint)
        return fields
    if isinstance(value, Mapping):
        for key, part in value.items():
            fields[key] = _meaning(part, by_fingerprint=by_fingerprint)
        return fields
    if isinstance(value, tuple | list):
        for part in value:
            items.append(_meaning(part, by_fingerprint=by_fingerprint))
        return items
    assert value is None or isinstance(value, str | int | float), type(value)
    return value


def _ordered(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        ordered: dict[str, JsonValue] = {}
        for key in sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass")):
            ordered[key] = _ordered(value[key])
        return ordered
    if isinstance(value, list):
        items: list[JsonValue] = []
        for item in value:
            items.append(_ordered(item))
        return items
    return value
