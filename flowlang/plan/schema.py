"""The JSON Schema of the plan format, for `flow schema plan` and for editors."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from flowlang.plan.model import PLAN_VERSION, Plan

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def plan_schema() -> dict[str, JsonValue]:
    """The schema of a plan as `dump_plan` writes it: what has a default may be left out."""
    schema: dict[str, JsonValue] = Plan.model_json_schema(by_alias=True, mode="validation")
    described = {
        "$schema": DIALECT,
        "$id": f"flowlang-plan-{PLAN_VERSION}.json",
        "title": f"flowlang plan, version {PLAN_VERSION}",
    }
    return {**described, **{key: value for key, value in schema.items() if key != "title"}}
