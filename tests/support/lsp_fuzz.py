"""Somebody who types nonsense: random edits and requests, and a copy of the text to compare with.

    python -m tests.support.lsp_fuzz [SECONDS] [SEED]

prints what it did and how the server's memory went, and fails where the server answers with an internal
error, logs anything, or knows another text than was typed."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import attrs

from flowlang.ide.snapshot import Snapshot
from flowlang.tools.lsp.disk import Stamps, workspace_on_disk
from flowlang.tools.lsp.texts import Lines

try:
    from support.lsp import PULLED, Client, server
except ModuleNotFoundError:
    from tests.support.lsp import PULLED, Client, server

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

PIECES = (
    "step a = ", "let b = ", "flow f() {\n", "}\n", "{", "(", ")", '"', '"""', "${", "'", "//", "///",
    "\n", "\r\n", "\r", " ", "\t", "=", ":", ",", ".", "?.", "??", "->", "=>", "|", "0", "9" * 20, "1.5",
    "2m", "/", "😀", "é", "\u2028", "\x00", "\ufeff", "import ", "use python ", "type T = ", "error E",
    "agent g() -> int", 'test "t" {', "for each x in ", "match ", "choose {", "while ", "race {", "catch ",
    "retry ", "when ", "if ", "then ", "else ", "return ", "yield ",
)  # fmt: skip

AT = (
    "hover", "completion", "signatureHelp", "definition", "typeDefinition", "implementation",
    "documentHighlight", "linkedEditingRange", "prepareRename", "prepareCallHierarchy",
)  # fmt: skip
ABOUT = (
    "documentSymbol", "foldingRange", "documentLink", "codeLens", "semanticTokens/full", "diagnostic",
    "flow/graph",
)  # fmt: skip

ANSWERED = {None, -32801, -32803, -32800}
"""Codes of errors that are answers: content modified, a request that failed with a reason, cancelled."""


@attrs.define(eq=False)
class Fuzz:
    client: Client
    folder: Path
    random: random.Random
    texts: dict[str, str] = attrs.field(factory=dict)  # by URI
    counts: Counter[str] = attrs.field(factory=Counter)
    waiting: list[tuple[str, int]] = attrs.field(factory=list)

    def start(self) -> None:
        self.client.initialize(self.folder, PULLED)
        for path in sorted(self.folder.rglob("*.flow")):
            self.texts[path.as_uri()] = path.read_text(encoding="utf-8")
            self.client.open(path.as_uri(), self.texts[path.as_uri()])

    def turn(self) -> None:
        """One thing that a client does."""
        uri = self.random.choice(sorted(self.texts))
        what = self.random.choices(
            [self.edit, self.replace, self.ask_at, self.ask_about, self.ask_range, self.cancel, self.reopen],
            [50, 1, 20, 15, 10, 3, 1],
        )[0]
        self.counts[what.__name__] += 1
        what(uri)
        if len(self.waiting) > 8:
            self.receive()

    def edit(self, uri: str) -> None:
        changes = []
        for _ in range(self.random.choice([1, 1, 1, 3])):
            text = self.texts[uri]
            start = self.random.randrange(len(text) + 1)
            end = min(len(text), start + self.random.choice([0, 0, 0, 1, 2, 30]))
            piece = self.random.choice([*PIECES, text[start:end], text[end : end + 40]])
            lines = Lines(text, "utf-16")
            # Only places between whole characters and outside of line ends have one position, and come back.
            start, end = (lines.offset(lines.position(offset)) for offset in (start, end))
            place = {"start": self.position(lines, start), "end": self.position(lines, end)}
            changes.append({"range": place, "text": piece})
            self.texts[uri] = text[:start] + piece + text[end:]
        self.client.change(uri, *changes)

    def replace(self, uri: str) -> None:
        self.texts[uri] = self.random.choice(sorted(EXAMPLES.rglob("*.flow"))).read_text(encoding="utf-8")
        self.client.change(uri, {"text": self.texts[uri]})

    def reopen(self, uri: str) -> None:
        self.client.close(uri)
        self.client.open(uri, self.texts[uri])

    def ask_at(self, uri: str) -> None:
        position = self.position(
            Lines(self.texts[uri], "utf-16"), self.random.randrange(len(self.texts[uri]) + 9)
        )
        self.ask(f"textDocument/{self.random.choice(AT)}", uri, position=position)

    def ask_about(self, uri: str) -> None:
        method = self.random.choice(ABOUT)
        self.ask(method if "flow/" in method else f"textDocument/{method}", uri)

    def ask_range(self, uri: str) -> None:
        lines = Lines(self.texts[uri], "utf-16")
        ends = [self.position(lines, self.random.randrange(len(self.texts[uri]) + 1)) for _ in range(2)]
        place, options = {"start": ends[0], "end": ends[1]}, {"tabSize": 2, "insertSpaces": True}
        method, more = self.random.choice(
            [
                ("codeAction", {"range": place, "context": {"diagnostics": []}}),
                ("inlayHint", {"range": place}),
                ("semanticTokens/range", {"range": place}),
                ("rangeFormatting", {"range": place, "options": options}),
                ("formatting", {"options": options}),
                ("selectionRange", {"positions": ends}),
                ("onTypeFormatting", {"position": ends[0], "ch": "\n", "options": options}),
                ("references", {"position": ends[0], "context": {"includeDeclaration": True}}),
                ("rename", {"position": ends[0], "newName": "other_name"}),
            ]
        )
        self.ask(f"textDocument/{method}", uri, **more)

    def cancel(self, uri: str) -> None:
        if self.waiting:
            self.client.notify("$/cancelRequest", id=self.random.choice(self.waiting)[1])

    def ask(self, method: str, uri: str, **params: object) -> None:
        self.waiting.append((method, self.client.ask(method, {"textDocument": {"uri": uri}, **params})))

    def receive(self) -> None:
        """Take the answers to what was asked."""
        for method, id in self.waiting:
            error = self.client.answer(id).error or {}
            self.client.responses.pop(id, None)
            assert error.get("code") in ANSWERED, (method, error)
            self.counts[f"answer {error.get('code', 'with a result')}"] += 1
        self.waiting.clear()

    def position(self, lines: Lines, offset: int) -> dict[str, int]:
        line, character = lines.position(offset)
        return {"line": line, "character": character}

    def compare(self) -> None:
        """The server finds in each document what is to be found in the text that was typed."""
        self.receive()
        workspace = workspace_on_disk(Stamps())
        for uri, text in self.texts.items():
            workspace.open(uri.removeprefix("file://"), text)
        for uri, text in self.texts.items():
            found = workspace.snapshot(uri.removeprefix("file://"))
            assert isinstance(found, Snapshot)
            lines = Lines(text, "utf-16")
            expected = [
                (d.code.number, self.position(lines, d.primary.span.start)) for d in found.diagnostics
            ]
            report = self.client.about("textDocument/diagnostic", uri)
            assert [(each["code"], each["range"]["start"]) for each in report["items"]] == expected, uri


def run(folder: Path, seed: int, *, turns: int | None = None, seconds: float = 0.0) -> Counter[str]:
    """So many turns, or turns for so long, in a folder of flows."""
    with server() as client:
        fuzz = Fuzz(client, folder, random.Random(seed))
        fuzz.start()
        started, count, reported = time.monotonic(), 0, 0.0
        while count < turns if turns is not None else time.monotonic() - started < seconds:
            fuzz.turn()
            count += 1
            if count % 200 == 0:
                fuzz.compare()
                for uri in fuzz.texts:
                    if len(fuzz.texts[uri]) > 20_000:
                        fuzz.replace(uri)
            if turns is None and time.monotonic() - reported > 30:
                reported = time.monotonic()
                print(f"{reported - started:5.0f} s, {count} turns, {memory(client)}", flush=True)
        fuzz.compare()
        assert client.stop() == 0
        return fuzz.counts


def memory(client: Client) -> str:
    status = Path(f"/proc/{client.process.pid}/status")
    lines: list[Any] = status.read_text().splitlines() if status.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("VmRSS")), "?")


if __name__ == "__main__":
    wanted = [float(argument) for argument in sys.argv[1:]]
    chosen = int(wanted[1]) if len(wanted) > 1 else random.randrange(10**6)
    print(f"seed {chosen}", flush=True)
    print(run(EXAMPLES, chosen, seconds=wanted[0] if wanted else 60.0))
