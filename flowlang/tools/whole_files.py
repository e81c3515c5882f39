"""Files that are written as a whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_whole(path: Path | str, text: str) -> None:
    """Put a text in the place of a file, with the permissions that it had. Raises OSError."""
    folder, name = os.path.split(os.path.realpath(path))
    with NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=f".{name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, _mode(path))
            os.replace(file.name, os.path.join(folder, name))
        except BaseException:
            with suppress(OSError):
                os.unlink(file.name)
            raise


def _mode(path: Path | str) -> int:
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return 0o644
