"""The folder a flow file's project starts at, by paths as text: `flow check` asks for it, and starting
`pathlib` takes longer than finding the answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

CONFIG_NAME: Final = "flow.toml"


def root_folder(path: str) -> str:
    """The nearest folder, from the file's own upwards, that holds a `flow.toml`; without one the file's own.
    Absolute; links are not followed."""
    return config_folder(path) or os.path.dirname(os.path.abspath(path))


def config_folder(path: str) -> str | None:
    """The nearest folder at or above a file that holds a `flow.toml`."""
    return next((f for f in folders_above(path) if os.path.isfile(os.path.join(f, CONFIG_NAME))), None)


def folders_above(path: str) -> Iterator[str]:
    """The folder of a file, the one around it, and so on."""
    folder = os.path.dirname(os.path.abspath(path))
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
