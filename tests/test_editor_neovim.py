"""The language server in a real editor, as somebody types: Neovim, without a screen."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowlang.syntax.highlight.__main__ import EDITORS
from tests.support.neovim import Neovim, neovim

MAIN = """\
/// Finds pages about a topic.
agent search(query: string, limit: int = 10) -> list<string> effect read

agent shout(text: string) -> string effect pure

flow main(topic: string) -> string {
  step found = search(query: topic)
  step loud = shout(text: "${topic}, ${found.size()} pages")
  return loud
}
"""

TRIPS = "agent book(city: string) -> string effect read\n"


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Iterator[Neovim]:
    """One editor for all tests, with one server."""
    with neovim(tmp_path_factory.mktemp("project")) as editor:
        yield editor


@pytest.fixture
def project(session: Neovim) -> Path:
    folder = Path(session.nvim.funcs.getcwd())
    (folder / "flow.toml").write_text("")
    (folder / "main.flow").write_text(MAIN)
    (folder / "trips.flow").write_text(TRIPS)
    return folder


@pytest.fixture
def editor(session: Neovim, project: Path) -> Iterator[Neovim]:
    """The editor with a fresh file open."""
    session.nvim.command("silent! %bwipeout!")
    session.open(project / "main.flow")
    yield session
    session.keys("<Esc>")
    assert "Error" not in session.complaints()


def test_mistakes_show_while_typing_and_go_when_mended(editor):
    editor.go_to("search(query", after=6)
    editor.keys("i<BS><BS><Esc>")
    assert "sear(query" in editor.text()
    editor.until(lambda: [message for message in editor.messages() if "sear" in message])
    editor.keys("u")
    editor.until(lambda: not editor.messages())


def test_hover_shows_the_signature_and_the_documentation(editor):
    editor.go_to("search(query")
    editor.keys("K")
    shown = editor.until(editor.popup)
    assert "search(query: string" in shown
    assert "Finds pages about a topic." in shown


OFFERED = "return vim.fn.complete_info({ 'items' }).items"


def test_completion_offers_agents_and_puts_one_in(editor):
    editor.go_to("  return loud")
    editor.keys("Ostep more = sea<C-x><C-o>")
    assert editor.until(lambda: [item["abbr"] for item in editor.lua(OFFERED)])[0] == "search"
    editor.keys("<C-y><Esc>")
    editor.until(lambda: "step more = search" in editor.text())


def test_rename_changes_every_mention(editor):
    editor.go_to("shout(text: string")
    editor.lua("vim.lsp.buf.rename('cry')")
    editor.until(lambda: "step loud = cry(text:" in editor.text())
    assert "agent cry(text" in editor.text()


def test_formatting_lays_the_file_out(editor):
    editor.keys(":%s/step loud = shout(/step   loud=shout(  /<CR>")
    editor.until(lambda: "step   loud=shout(  text" in editor.text())
    editor.lua("vim.lsp.buf.format({ timeout_ms = 20000 })")
    assert editor.text() + "\n" == MAIN


def test_a_quick_fix_mends_a_misspelt_name(editor):
    editor.keys(":%s/= shout(/= shuot(/<CR>")
    editor.until(lambda: [m for m in editor.messages() if "shuot" in m])
    editor.go_to("shuot")
    editor.lua(FIX)
    editor.until(lambda: "= shout(text" in editor.text())
    editor.until(lambda: not editor.messages())


FIX = """
vim.lsp.buf.code_action({
  context = { only = { 'quickfix' } },
  filter = function(action) return action.isPreferred end,
  apply = true,
})
"""

TOKEN = "return vim.tbl_map(function(t) return t.type end, vim.lsp.semantic_tokens.get_at_pos(0, ...) or {})"


def test_semantic_tokens_tell_a_parameter_from_a_step(editor):
    def kind(piece: str, offset: int) -> list[str]:
        before = editor.text()[: editor.text().index(piece) + offset]
        return editor.lua(TOKEN, before.count("\n"), len(before) - before.rfind("\n") - 1)

    assert editor.until(lambda: kind("topic)", 0)) == ["parameter"]
    assert kind("loud\n}", 0) != ["parameter"]


def test_definition_goes_to_the_other_file(editor, project):
    editor.keys('ggOimport "trips.flow" as trips<Esc>')
    editor.keys(":%s/search(query: topic)/trips.book(city: topic)/<CR>")
    editor.until(lambda: "trips.book" in editor.text())
    editor.go_to("book(city: topic)")
    editor.lua("vim.lsp.buf.definition()")
    editor.until(lambda: editor.nvim.current.buffer.name.endswith("trips.flow"))
    assert editor.nvim.current.line.startswith("agent book")


def test_a_lens_runs_a_flow_in_a_terminal_and_another_shows_the_run(editor, project):
    (project / "hello.flow").write_text(HELLO)
    editor.open(project / "hello.flow")
    editor.until(lambda: editor.lua(LENSES) == ["flow.run"])
    editor.go_to("hello")
    editor.lua("vim.lsp.codelens.run()")
    editor.until(lambda: "hello from a terminal" in editor.text())
    editor.nvim.command("close")
    editor.until(lambda: editor.lua(LENSES) == ["flow.run", "flow.show"])


HELLO = """\
flow hello() -> string {
  return "hello from a terminal"
}
"""

LENSES = """
vim.lsp.codelens.refresh({ bufnr = 0 })
return vim.tbl_map(function(lens) return lens.command.command end, vim.lsp.codelens.get(0))
"""


def test_the_server_goes_when_the_editor_does(tmp_path):
    (tmp_path / "main.flow").write_text(MAIN)
    with neovim(tmp_path) as editor:
        editor.open(tmp_path / "main.flow")
        servers = children_of(editor.lua("return vim.fn.getpid()"))
        assert servers
    gone = f"while kill -0 {' '.join(servers)} 2>/dev/null; do sleep 0.1; done"
    assert subprocess.run(["sh", "-c", gone], timeout=20).returncode == 0


def children_of(process: int) -> list[str]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True)
    return listed.stdout.split()


# ------------------------------------------------------------------------------- without the server


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> Path:
    """Our plugin with its parser built, as its README says."""
    folder = tmp_path_factory.mktemp("plugin")
    for name in ("lsp", "ftdetect", "ftplugin", "queries"):
        (folder / name).symlink_to(EDITORS / "neovim" / name)
    (folder / "parser").mkdir()
    source = EDITORS / "tree-sitter-flow" / "src"
    command = [
        "cc",
        "-shared",
        "-fPIC",
        "-O1",
        f"-I{source}",
        str(source / "parser.c"),
        str(source / "scanner.c"),
    ]
    subprocess.run([*command, "-o", str(folder / "parser" / "flow.so")], check=True)
    return folder


CAPTURES = """
return vim.tbl_map(function(c) return c.capture end, vim.treesitter.get_captures_at_pos(0, ...))
"""


def test_tree_sitter_colours_a_file(tmp_path, plugin):
    (tmp_path / "main.flow").write_text(MAIN)
    with neovim(tmp_path, plugin=plugin) as editor:
        editor.open(tmp_path / "main.flow", server=False)
        editor.lua("vim.treesitter.get_parser(0):parse(true)")
        assert editor.lua(CAPTURES, 1, 0)[-1] == "keyword.type"
        assert editor.lua(CAPTURES, 1, 6)[-1] == "function"
        assert editor.lua(CAPTURES, 6, 7)[-1] == "variable"


def test_neovim_reads_each_query(tmp_path, plugin):
    with neovim(tmp_path, plugin=plugin) as editor:
        for name in ("highlights", "folds", "indents", "locals", "injections"):
            assert editor.lua("return vim.treesitter.query.get('flow', ...) ~= nil", name), name
