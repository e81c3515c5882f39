"""The door to pytest: it collects the tests of `.flow` files.

pytest loads this in every project where flowlang is installed, so it brings nothing along: only a file that
looks as if a test stood in it costs more than its name. `flow_tests = false` in the configuration of pytest
switches it off."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_LOOKS_LIKE_A_TEST = re.compile(rb'^[ \t]*test[ \t]*"', re.MULTILINE)
LARGEST = 1 << 20  # bytes; a source has no more


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("flow_tests", "Collect the tests of .flow files.", type="bool", default=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".flow" or not parent.config.getini("flow_tests") or not _has_tests(file_path):
        return None
    from flowlang.tools.pytest_collecting import FlowFile

    return FlowFile.from_parent(parent, path=file_path)


def _has_tests(path: Path) -> bool:
    """Whether a test may stand in a file. What cannot be read is none of pytest's."""
    try:
        with path.open("rb") as file:
            return _LOOKS_LIKE_A_TEST.search(file.read(LARGEST)) is not None
    except OSError:
        return False
