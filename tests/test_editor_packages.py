"""What the editors' packages claim of the language holds: snippets parse, and `flow check` is understood."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flowlang.syntax import words
from flowlang.syntax.highlight.__main__ import EDITORS
from flowlang.syntax.parser import parse
from flowlang.text.source import Source

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = json.loads((EDITORS / "vscode" / "package.json").read_text(encoding="utf-8"))
SNIPPETS = json.loads((EDITORS / "vscode" / "snippets" / "flow.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_parses_as_it_comes(name):
    text = expanded("\n".join(SNIPPETS[name]["body"]))
    if not text.startswith(words.DECLARATIONS):
        text = f"flow f() {{\n{text}\n}}"
    module = parse(Source("snippet.flow", text))
    found = [*module.diagnostics, *(d for item in module.items for d in item.parsed.diagnostics)]
    assert not found, text


def expanded(body: str) -> str:
    """A snippet with its placeholders as they are when nobody fills them in."""
    body = re.sub(r"\$\{\d+\|([^,|]*)[^}]*\}", r"\1", body)
    return re.sub(r"\$\{\d+:([^}]*)\}|\$\{\d+\}|\$\d+", lambda found: found[1] or "", body)


def test_the_problem_matcher_reads_what_flow_check_prints(tmp_path):
    path = tmp_path / "main.flow"
    path.write_text("flow f() -> int {\n  return missing\n}\n")
    done = subprocess.run(
        [sys.executable, "-m", "flowlang", "check", path], capture_output=True, text=True, cwd=ROOT
    )
    heading, place = done.stdout.splitlines()[:2]
    first, second = PACKAGE["contributes"]["problemMatchers"][0]["pattern"]
    found = re.match(first["regexp"], heading)
    assert found and (found[first["severity"]], found[first["code"]]) == ("error", "E201")
    found = re.match(second["regexp"], place)
    assert found and (found[second["file"]], found[second["line"]], found[second["column"]]) == (
        str(path),
        "2",
        "10",
    )


def test_every_file_that_the_extension_names_is_there_or_is_built():
    contributed = PACKAGE["contributes"]
    paths = [contributed["languages"][0]["configuration"], contributed["snippets"][0]["path"]]
    assert all((EDITORS / "vscode" / path).is_file() for path in paths)
    assert Path(contributed["grammars"][0]["path"]).name == (EDITORS / "flow.tmLanguage.json").name


def block_of_the_readme(language: str) -> str:
    text = (EDITORS / "README.md").read_text(encoding="utf-8")
    return text.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_lines_for_helix_name_a_grammar_and_its_server():
    settings = tomllib.loads(block_of_the_readme("toml"))
    (language,), (grammar,) = settings["language"], settings["grammar"]
    assert language["name"] == grammar["name"] == "flow"
    assert set(language["language-servers"]) == set(settings["language-server"])
    assert Path(grammar["source"]["path"]).name == "tree-sitter-flow"


def test_the_lines_that_build_the_parser_for_neovim_build_it(tmp_path):
    for name in ("neovim", "tree-sitter-flow"):
        shutil.copytree(EDITORS / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so"))
    subprocess.run(["sh", "-euc", block_of_the_readme("sh")], cwd=tmp_path, check=True)
    assert (tmp_path / "neovim" / "parser" / "flow.so").is_file()


@pytest.mark.parametrize(
    "path", sorted((EDITORS / "vscode" / "src").glob("*.js")), ids=lambda path: path.name
)
def test_the_extension_is_javascript(path):
    if not shutil.which("node"):
        assert not os.environ.get("CI"), "CI has node"
        pytest.skip("no node")
    subprocess.run(["node", "--check", str(path)], check=True)


def test_the_extension_carries_out_what_it_tells_the_server_that_it_can():
    source = (EDITORS / "vscode" / "src" / "extension.js").read_text(encoding="utf-8")
    promised = source.partition("async function lensCommands()")[2].partition("}\n")[0]
    registered = re.findall(r'registerCommand\("(flow\.\w+)"', source)
    assert set(re.findall(r'"(flow\.\w+)"', promised)) <= set(registered)
    assert {found["command"] for found in PACKAGE["contributes"]["commands"]} <= set(registered)
