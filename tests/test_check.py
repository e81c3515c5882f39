"""The checker, case by case: `tests/cases/check/*.flow` say beside each line what it finds there.

Beside mistakes, types: `// type: list<int>` at the end of a line is the type of the first value name that
the line declares, `// type x: int` that of the name `x`. Imported modules stand in `modules/` and are
compared too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cases import UPDATING, blessed, differences, found_in
from support.checking import check_path

from flowlang.semantics.check import Checked
from flowlang.semantics.facts import Local
from flowlang.semantics.types import show

CASES = sorted((Path(__file__).parent / "cases/check").glob("*.flow"))

_TYPE = re.compile(r"// type(?: (\w+))?: (.*?)(?= // |$)")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path):
    checked = check_path(path)
    if UPDATING:
        bless(path, checked)
        return
    wrong = [
        f"{name}: {difference}"
        for name, module in checked.project.modules.items()
        for difference in differences(module.source.text, found_in(module.source, checked.diagnostics))
    ]
    assert not wrong + wrong_types(path.name, checked), "\n".join(wrong + wrong_types(path.name, checked))


def bless(path: Path, checked: Checked) -> None:
    for name, module in checked.project.modules.items():
        text = with_types(module.source.text, declared_types(name, checked))
        file = path.parent / name
        file.write_text(blessed(text, found_in(module.source, checked.diagnostics)), encoding="utf-8")


def wrong_types(name: str, checked: Checked) -> list[str]:
    """Where a comment says another type than was found."""
    text, found = checked.project.modules[name].source.text, declared_types(name, checked)
    pairs = zip(text.split("\n"), with_types(text, found).split("\n"), strict=True)
    return [
        f"{name}: line {number}: {right.partition('//')[2]} is right"
        for number, (line, right) in enumerate(pairs, 1)
        if line != right
    ]


def with_types(text: str, found: dict[int, dict[str, str]]) -> str:
    """A text whose comments about types say what was found."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        declared = found.get(number, {})
        lines[number - 1] = _TYPE.sub(lambda match: _type_comment(match[1], declared), line)  # noqa: B023
    return "\n".join(lines)


def _type_comment(name: str | None, declared: dict[str, str]) -> str:
    if name is not None:
        return f"// type {name}: {declared.get(name, 'nothing')}"
    return f"// type: {next(iter(declared.values()), 'nothing')}"


def declared_types(name: str, checked: Checked) -> dict[int, dict[str, str]]:
    """The types of the value names that a module declares, by line and name, in the order of the source."""
    found: dict[int, dict[str, str]] = {}
    module = checked.modules[name]
    for item in module.module.items:
        for local, type in declared_locals(module.facts[item.key]):
            line = module.module.source.position(local.span.start + item.offset)[0]
            found.setdefault(line, {})[local.name] = type
    return found


def declared_locals(facts) -> Iterator[tuple[Local, str]]:
    locals_ = [s for i, s in facts.symbols.items() if isinstance(s, Local) and s.node == i and i >= 0]
    for local in sorted(locals_, key=lambda local: local.span):
        yield local, show(facts.types[local.node])
