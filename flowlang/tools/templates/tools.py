"""Agents of `main.flow`: every public function here can be called as `tools.NAME(…)`.

The annotations are the types that the flow sees, and the docstring is the documentation."""

from pathlib import Path

from flowlang.agents import effect


@effect("read")
def list_files(folder: str) -> list[str]:
    """The names of the files in a folder."""
    return sorted(path.name for path in Path(folder).iterdir() if path.is_file())


@effect("read")
def count_lines(folder: str, file: str) -> int:
    """How many lines a file has."""
    return len((Path(folder) / file).read_bytes().splitlines())
