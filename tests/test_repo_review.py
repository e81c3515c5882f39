"""The example, over repositories made here: what it says, and what it says of odd ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import flowlang
from flowlang.tools.frontend import compile_file

FLOW = Path(__file__).resolve().parent.parent / "examples/repo_review/repo_review.flow"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

TANGLED = "def tangle(a):\n" + "".join(f"    if a == {n}:\n        return {n}\n" for n in range(25))


@pytest.fixture(scope="module")
def plan():
    compiled = compile_file(str(FLOW))
    assert compiled.diagnostics == ()
    return compiled.plan


class Repository:
    """A git repository in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q")

    def git(self, *arguments: str, author: str = "Ada") -> None:
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
               for key, value in (("NAME", author), ("EMAIL", "a@b"))}  # fmt: skip
        command = ["git", "-C", str(self.path), "-c", "commit.gpgsign=false", *arguments]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | who)

    def commit(self, files: dict[str | bytes, str], message: str = "work", author: str = "Ada") -> None:
        for name, text in files.items():
            path = os.path.join(os.fsencode(self.path), os.fsencode(name))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(os.fsdecode(path)).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, author=author)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repo")


def review(plan, path: Path, **inputs) -> str:
    result = flowlang.run_sync(plan, {"repo": str(path), **inputs})
    assert result.status == "done", result.failure
    return result.data


def test_a_repository_with_a_risky_file(plan, repository, tmp_path):
    for n in range(4):
        repository.commit({"src/knot.py": TANGLED + f"# {n}\n", "src/other.py": f"x = {n}\n"}, f"knot {n}")
    repository.commit({"tests/test_knot.py": "def test():\n    assert 1\n", "notes.md": "hi\n"}, author="Bob")
    report = review(plan, repository.path, out=str(tmp_path / "report.md"))
    assert "5 commits up to " in report and "by 2 authors" in report
    assert "**The riskiest file is `src/knot.py`**: 4 changes at a complexity of 26." in report
    assert "| `tangle` |    1 |    51 |         26 | split before changing |" in report
    assert "Tests by name: `tests/test_knot.py`." in report and "Ada: knot 3" in report
    assert "| `src/knot.py` | `src/other.py` |       4 |" in report
    assert "**0.04 lines of test a line of code** (thin)" in report
    assert "Half of the commits are by 1 person: Ada (80 %), Bob (20 %)." in report
    assert (tmp_path / "report.md").read_text() == report


def test_a_repository_without_commits(plan, repository):
    assert "There are no commits yet" in review(plan, repository.path)


def test_a_repository_without_python(plan, repository):
    repository.commit({"main.go": "package main\n", "README.md": "hi\n"})
    report = review(plan, repository.path)
    assert "None: no Python file was both changed and complex." in report
    assert "| `main.go`   |       1 |     1 |       1 |" in report


def test_names_that_are_no_ascii_or_no_text_at_all(plan, repository):
    names: list[str | bytes] = ["häßlich `|`.py", b"not-\xff-utf8.py", 'q"uote.py', "tab\t.py", "日本.py"]
    repository.commit({name: TANGLED for name in names})
    report = review(plan, repository.path)
    assert all(name in report for name in ("`häßlich '¦'.py`", "not-\\xff-utf8.py", 'q"uote.py', "日本.py"))


def test_python_that_does_not_parse(plan, repository):
    repository.commit({"old.py": "print 'two'\n", "nul.py": "\0", "deep.py": "(" * 5000, "fine.py": TANGLED})
    assert "riskiest file is `fine.py`" in review(plan, repository.path)


def test_a_shallow_clone_says_so(plan, repository, tmp_path):
    for n in range(3):
        repository.commit({"a.py": f"x = {n}\n"})
    source = f"file://{repository.path}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, str(tmp_path / "clone")], check=True)
    report = review(plan, tmp_path / "clone")
    assert "1 commit up to " in report and "The clone is shallow" in report


def test_a_commit_over_many_files_is_left_out_of_the_counts(plan, repository):
    repository.commit({f"f{n}.py": TANGLED for n in range(101)})
    assert "1 commit over more than 100 files were left out" in review(plan, repository.path)


def test_a_folder_below_the_top_is_the_same_repository(plan, repository):
    repository.commit({"below/a.py": TANGLED})
    assert "`below/a.py`" in review(plan, repository.path / "below")


def test_history_is_read_in_pages(plan, repository):
    commit = "commit refs/heads/main\ncommitter C <c@d> {0} +0000\ndata 1\nx"
    change = "M 644 inline a.py\ndata 4\n{0:04}\n"
    script = "".join((commit + change).format(n) for n in range(230))
    command = ["git", "-C", str(repository.path), "fast-import", "--quiet"]
    subprocess.run(command, input=script.encode(), check=True, capture_output=True)
    repository.git("symbolic-ref", "HEAD", "refs/heads/main")
    assert "\n230 commits up to " in review(plan, repository.path)
    assert "\n150 commits up to " in review(plan, repository.path, commits=150)


@pytest.mark.parametrize("what", ["plain", "missing"])
def test_no_repository_is_a_clear_failure(plan, tmp_path, monkeypatch, what):
    monkeypatch.setenv("LC_ALL", "C")  # git speaks the user's language
    if what == "plain":
        (tmp_path / "plain").mkdir()
    result = flowlang.run_sync(plan, {"repo": str(tmp_path / what)})
    assert result.status == "failed" and result.failure.error == "NotARepository"
    assert result.failure.fields["path"] == str(tmp_path / what)
    assert "not a git repository" in str(result.failure.fields) or "No such file" in str(
        result.failure.fields
    )


@pytest.mark.parametrize("inputs", [{"commits": 0}, {"worst": 21}])
def test_inputs_out_of_range_are_refused(plan, tmp_path, inputs):
    result = flowlang.run_sync(plan, {"repo": str(tmp_path), **inputs})
    assert result.status == "failed" and result.failure.error == "RequirementFailed"
