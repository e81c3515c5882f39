"""Where a flow file's project is: its root, which bounds what may be read, and its `flow.toml`.

The root is the nearest folder, from the file's own upwards, that holds a `flow.toml`; without one it is the
file's own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CONFIG_NAME: Final = "flow.toml"


def project_root(file: Path) -> Path:
    """The folder that a flow file's project starts at; absolute, links not followed."""
    config = config_path(file)
    return config.parent if config else file.absolute().parent


def config_path(file: Path) -> Path | None:
    """The nearest `flow.toml` at or above a flow file."""
    folder = file.absolute().parent
    return next((f / CONFIG_NAME for f in (folder, *folder.parents) if (f / CONFIG_NAME).is_file()), None)
