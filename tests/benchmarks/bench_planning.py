"""Converting and checking a plan of 1,000 steps, against reading it with the YAML library alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from ruamel.yaml import YAML

from flowlang.tools.frontend import check_text
from flowlang.tools.plan_settings import PlanSettings
from tests.benchmarks import Figure, best_of

STEPS = 1_000

AGENTS = """\
type Page = { url: string, title: string? }
error NotFound
agent read(url: string, depth: int = 1) -> Page raises NotFound effect read timeout 30s
"""

HEAD = """\
plan_id: big
intent: A thousand steps, each of which mentions two above it.
inputs: {url: string}
steps:
  - step_id: s0
    agent_id: read
    parameters: {url: "${inputs.url}"}
  - step_id: s1
    agent_id: read
    parameters: {url: "${inputs.url}/1"}
"""

STEP = """\
  - step_id: s{n}
    agent_id: read
    task_type: read
    parameters:
      url: "${{results.s{a}.url}}/${{results.s{b}?.title ?? 'none'}}"
      depth: {depth}
    condition: results.s{a}.title != null
    dependencies: [s{b}]
    retry_policy: {{max_retries: 3, initial_delay: 1s, retry_on: [NotFound]}}
    fallback: {{value: {{url: "", title: null}}}}
    timeout: 5m
"""


def figures() -> Iterator[Figure]:
    text = generated()
    with TemporaryDirectory() as folder:
        agents = Path(folder, "agents.flow")
        agents.write_text(AGENTS, encoding="utf-8")
        (Path(folder) / "flow.toml").touch()
        settings = PlanSettings(use=(str(agents),))
        path = str(Path(folder, "plan.yaml"))

        def convert_and_check() -> None:
            found = check_text(text, path, plans=settings)
            assert not found.has_errors, found.diagnostics[0].message

        whole, loading = best_of(2, convert_and_check, lambda: YAML(typ="safe", pure=True).load(text))
    yield Figure(
        "convert and check a plan of 1,000 steps", whole * 1e3, "ms", whole / loading, "its YAML alone", 3.0
    )


def generated() -> str:
    """Steps 0 and 1 are sure, the others may be skipped, and mention those above as they are."""
    steps = (STEP.format(n=n, a=n % 2, b=n - 1 if n > 2 else 1, depth=n % 5) for n in range(2, STEPS))
    return HEAD + "".join(steps)
