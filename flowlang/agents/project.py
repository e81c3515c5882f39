"""Where a flow file's project is: its root, which bounds what may be read, and its `flow.toml`."""

from __future__ import annotations

from pathlib import Path

from flowlang.agents.roots import CONFIG_NAME, config_folder, root_folder


def project_root(file: Path) -> Path:
    """The folder that a flow file's project starts at; absolute, links not followed."""
    return Path(root_folder(str(file)))


def config_path(file: Path) -> Path | None:
    """The nearest `flow.toml` at or above a flow file."""
    folder = config_folder(str(file))
    return Path(folder, CONFIG_NAME) if folder else None
