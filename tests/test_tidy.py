"""The house rules that a machine can hold: floors, packages, docstrings and sizes."""

from __future__ import annotations

import ast
import fnmatch
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import flowlang

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "flowlang"
MODULES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
MEDIAN_FUNCTION = 13

EXEMPT_FROM_LENGTH = {
    "flowlang/syntax/ast.py": "one class a construct of the language, read as a catalogue",
    "flowlang/plan/model.py": "one class a construct of the plan, read as a catalogue",
}

LAZY = {
    # Both bring pydantic.
    "flowlang/tools/lsp/server.py": {"flowlang.tools.lsp.pictures", "flowlang.tools.last_runs"},
    "flowlang/tools/lsp/disk.py": {"flowlang.tools.plan_files"},  # brings pydantic, for plans
    "flowlang/tools/pytest_plugin.py": {"flowlang.tools.pytest_collecting"},  # most projects have no flows
    "flowlang/tools/cli/lsp.py": {"flowlang.tools.lsp.serving"},  # an extra that may not be installed
    # Most texts are sound.
    "flowlang/syntax/declaration.py": {
        "flowlang.syntax.brackets",
        "flowlang.syntax.mistakes.diagnosis",
        "flowlang.syntax.mistakes.misfit",
        "flowlang.syntax.recovery",
    },
    "flowlang/semantics/doubt.py": {"flowlang.syntax.brackets"},
    "flowlang/text/patterns.py": {"re2"},  # most flows have no pattern
    "flowlang/planning/reading.py": {"flowlang.planning.yaml_text"},  # a plan in JSON needs no YAML
    "flowlang/tools/cli/check.py": {"flowlang.tools.plan_bounds", "flowlang.tools.plan_repairs"},  # for plans
    "flowlang/agents/secret_sources.py": {"dotenv"},  # few secrets come from such a file
    # Many flows call no agents, and have no flow.toml.
    "flowlang/tools/engine.py": {"flowlang.agents.binding", "flowlang.agents.config"},
    "flowlang/tools/cli/run.py": {"flowlang.tools.plan_bounds", "flowlang.tools.plan_files"},  # for plans
    "flowlang/tools/frontend.py": {"flowlang.tools.plan_files", "flowlang.plan.lower"},  # bring pydantic
}
"""What a module may import inside a function, because it is heavy and often not needed."""


@attrs.frozen
class Floor:
    name: str
    level: int
    packages: frozenset[str]
    unknown: frozenset[str]
    exceptions: tuple[str, ...]  # patterns of module names that may know them all the same


def read_floors() -> dict[str, Floor]:
    rows = [line.split("|") for line in (flowlang.__doc__ or "").splitlines() if line.count("|") == 3]
    floors = {}
    for level, row in enumerate(rows[1:]):
        name, packages, unknown, exceptions = (cell.strip() for cell in row)
        floors[name] = Floor(name, level, words(packages), words(unknown), tuple(words(exceptions)))
    return floors


def words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())


FLOORS = read_floors()


def floor_of(module: str) -> Floor | None:
    parts = module.split(".")
    return FLOORS.get(parts[1]) if len(parts) > 1 else None


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def on_floor(path: Path) -> str | None:
    floor = floor_of(name_of(path))
    return floor.name if floor else None


def imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node, node.module
            if node.module == "flowlang":
                yield from ((node, f"flowlang.{alias.name}") for alias in node.names)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_the_table_of_floors_names_every_folder():
    assert list(FLOORS) == [
        "text",
        "syntax",
        "semantics",
        "plan",
        "values",
        "runtime",
        "hosts",
        "agents",
        "planning",
        "ide",
        "tools",
        "testing",
    ]
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_knows_only_the_floors_below_it(path):
    floor = floor_of(name_of(path))
    if floor is None:
        return  # the façade stands above all floors
    excepted = any(fnmatch.fnmatch(path.stem, pattern) for pattern in floor.exceptions)
    for node, imported in imports(parsed(path)):
        other = floor_of(imported)
        if other is None:
            continue
        assert other.level <= floor.level, f"line {node.lineno}: {floor.name} imports {imported} from above"
        if not excepted:
            assert other.name not in floor.unknown, (
                f"line {node.lineno}: {floor.name} must not know {imported}"
            )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_the_packages_of_its_floor(path):
    floor = floor_of(name_of(path))
    allowed = (floor.packages if floor else frozenset()) | sys.stdlib_module_names | {"flowlang"}
    for node, imported in imports(parsed(path)):
        assert imported.split(".")[0] in allowed, f"line {node.lineno}: {imported}"


PURE = ("text", "semantics", "plan", "values", "runtime", "ide")
IMPURE = {
    "asyncio",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "threading",
    "time",
}
READS_THE_ENVIRONMENT = ("flowlang.tools.", "flowlang.agents.processes", "flowlang.agents.secret_sources")


@pytest.mark.parametrize("path", [path for path in MODULES if on_floor(path) in PURE], ids=name_of)
def test_the_pure_floors_see_no_files_clocks_threads_or_chance(path):
    for node, imported in imports(parsed(path)):
        names = [alias.name for alias in node.names]
        only_paths_as_text = imported == "pathlib" and all(name.startswith("Pure") for name in names)
        assert only_paths_as_text or imported.split(".")[0] not in IMPURE, f"line {node.lineno}: {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_tools_read_the_environment(path):
    read = [
        n for n in ast.walk(parsed(path)) if isinstance(n, ast.Attribute) and n.attr in ("environ", "getenv")
    ]
    assert not read or name_of(path).startswith(READS_THE_ENVIRONMENT)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_language_server_knows_its_protocol(path):
    packages = {imported.split(".")[0] for _, imported in imports(parsed(path))}
    assert not packages & {"pygls", "lsprotocol"} or name_of(path).startswith("flowlang.tools.lsp.")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_stand_at_the_top(path):
    tree = parsed(path)
    relative = path.relative_to(ROOT).as_posix()
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {imported for function in functions for _, imported in imports(function)}
    assert inside <= LAZY.get(relative, set())


def test_no_lazy_import_is_allowed_that_is_not_made():
    for relative, allowed in LAZY.items():
        assert allowed <= {imported for _, imported in imports(parsed(ROOT / relative))}, relative


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_with_a_docstring(path):
    assert ast.get_docstring(parsed(path)), "say what this module is for"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_are_short(path):
    relative = path.relative_to(ROOT).as_posix()
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE or relative in EXEMPT_FROM_LENGTH, f"{lines} lines"
    long = [(f.name, length(f)) for f in functions_of(parsed(path)) if length(f) > LONGEST_FUNCTION]
    assert not long


def test_most_functions_are_small():
    lengths = sorted(length(f) for path in MODULES for f in functions_of(parsed(path)))
    assert lengths[len(lengths) // 2] <= MEDIAN_FUNCTION


def functions_of(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = (first.end_lineno or 0) if documented else function.lineno - 1
    return (function.end_lineno or 0) - start


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_nothing_names_the_place_where_it_was_made():
    # The pattern is put together here so that it does not find itself.
    place = re.compile(rb"(?<![\w.])/" + rb"work/|/far" + rb"m/|\.\./sha" + rb"red/|/tm" + rb"p/p/")
    found = [str(path.relative_to(ROOT)) for path in tracked_files() if place.search(path.read_bytes())]
    assert not found


def test_the_tree_has_its_agreed_frame():
    frame = {
        "pyproject.toml",
        "flowlang",
        "grammar",
        "examples",
        "tests",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
    }
    tops = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert {top for top in tops if not top.startswith(".")} <= frame


def test_importing_flowlang_imports_nothing_heavy():
    assert not heavy_modules("import flowlang")


def test_flow_check_imports_only_what_it_needs():
    assert not heavy_modules("import flowlang.tools.cli.check, flowlang.tools.cli") - {
        "click",
        "lark",
        "attr",
    }


def heavy_modules(code: str) -> set[str]:
    """The packages from outside that a piece of code imports."""
    probe = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    tops = {name.split(".")[0] for name in run.stdout.split()}
    known = {"click", "lark", "attr", "attrs", "pydantic", "trio", "rich", "re2", "httpx", "interegular"}
    known |= {"platformdirs", "sqlite3"}
    return (tops & known) - {"attrs"}
