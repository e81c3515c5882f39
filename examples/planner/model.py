"""The model that writes plans: any server with OpenAI's API, or, without one, a stand-in that works offline.

    PLANNER_URL=http://localhost:11434/v1 PLANNER_MODEL=qwen3 flow run planner.flow intent=…

The stand-in errs the way models do: its first draft has five mistakes. Then it does what it is told, which
shows what the checker tells it."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from dataclasses import dataclass
from typing import Any

from flowlang.agents import effect


@dataclass
class Problem:
    """A mistake in a plan, as the checker tells it."""

    pointer: str
    message: str
    help: str | None
    patch: str | None


@effect("read")
def write_plan(intent: str, catalogue: str, before: str | None, problems: list[Problem]) -> str:
    """A plan for an intent, in JSON; after the first time, the one before without its problems."""
    url = os.environ.get("PLANNER_URL")
    if url:
        return ask_server(url, intent, catalogue, before, problems)
    return first_draft(intent) if before is None else mended(before, problems)


# A server


def ask_server(url: str, intent: str, catalogue: str, before: str | None, problems: list[Problem]) -> str:
    known = json.loads(catalogue)
    messages = [
        {"role": "system", "content": f"Write a plan as JSON. It may call: {json.dumps(known['agents'])}"},
        {"role": "user", "content": intent},
    ]
    if before is not None:
        told = "\n".join(f"{p.pointer}: {p.message} ({p.help}) {p.patch or ''}" for p in problems)
        messages += [
            {"role": "assistant", "content": before},
            {"role": "user", "content": f"The plan has these mistakes. Write it again without them.\n{told}"},
        ]
    schema = {"name": "plan", "schema": known["schema"]}
    body = {
        "model": os.environ.get("PLANNER_MODEL", "default"),
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("PLANNER_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=110) as reply:
        content: str = json.load(reply)["choices"][0]["message"]["content"]
    return content


# The stand-in


def first_draft(intent: str) -> str:
    """A plan with a wrong field, a wrong agent, a wrong step, a wrong type and a forbidden agent."""
    words = [word for word in re.findall(r"\w+", intent) if len(word) > 3]
    steps = [
        {"step_id": "found", "agent": "serch", "parameters": {"words": words}},
        {
            "step_id": "notes",
            "agent_id": "read",
            "loop": {"type": "for_each", "items": "results.found.take(1)"},
            "parameters": {"name": "${item}"},
        },
        {
            "step_id": "answer",
            "agent_id": "shorten",
            "parameters": {"text": "${results.note.map(note => note.text).join(' ')}", "sentences": "2"},
        },
        {"step_id": "tidy", "agent_id": "delete", "parameters": {"name": "${results.found.first() ?? ''}"}},
    ]
    return json.dumps({"plan_id": "answer", "intent": intent, "steps": steps, "output": "${results.answer}"})


def mended(before: str, problems: list[Problem]) -> str:
    """The plan with every patch made; what has none is turned into a number, or its step given up."""
    plan: Any = json.loads(before)
    given_up: list[int] = []
    patches = [operation for problem in problems for operation in json.loads(problem.patch or "[]")]
    # All pointers are into the plan as it was, so what moves a value comes after what changes it.
    for operation in sorted(patches, key=lambda operation: operation["op"] == "move"):
        apply(plan, operation)
    for problem in problems:
        if problem.patch is not None:
            continue
        holder, key = find(plan, problem.pointer)
        if isinstance(holder[key], str) and holder[key].isdecimal():
            holder[key] = int(holder[key])
        else:
            given_up.append(int(problem.pointer.split("/")[2]))
    for number in sorted(set(given_up), reverse=True):
        del plan["steps"][number]
    return json.dumps(plan)


def apply(plan: Any, operation: dict[str, Any]) -> None:
    """One operation of a JSON Patch, as far as the checker uses them."""
    holder, key = find(plan, operation["path"])
    if operation["op"] == "move":
        old_holder, old_key = find(plan, operation["from"])
        holder[key] = old_holder.pop(old_key)
    elif operation["op"] == "remove":
        del holder[key]
    else:
        holder[key] = operation["value"]


def find(plan: Any, pointer: str) -> tuple[Any, Any]:
    """What holds the value at a JSON Pointer, and under which key."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    holder = plan
    for part in way:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    return holder, int(last) if isinstance(holder, list) else last
