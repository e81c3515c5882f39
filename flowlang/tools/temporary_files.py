"""Files of runs without a store: in a folder of their own, for the time of the run."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowlang.hosts.sqlite.artifacts import Artifacts, RunFiles


@contextmanager
def temporary_files() -> Iterator[RunFiles]:
    """The `Files` of a run. The folder is made by the first of them, and gone at the end."""
    folder = Path(tempfile.gettempdir()) / f"flow-{secrets.token_hex(8)}"
    files = RunFiles(Artifacts(folder, synced=False), "run")
    try:
        yield files
    finally:
        if files.kept:
            shutil.rmtree(folder, ignore_errors=True)
