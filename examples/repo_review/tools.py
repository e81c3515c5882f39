"""What the review needs beyond git: reading its output, measuring Python files, and writing the report.

Every public function here is an agent of `repo_review.flow`; its annotations are its types. Nothing here
is particular to flowlang but the `effect` decorator, so all of it can be tested as plain Python."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flowlang.agents import effect

BULK = 100  # a commit over more files than this says nothing about any of them
COMMIT, FIELD = "\x1e", "\x1f"
TEST = re.compile(
    r"(^|/)(tests?|testing|spec|specs)/|(^|/)(test_[^/]*|[^/]*_test|[^/]*[._]spec|conftest)\.\w+$"
)
CODE = re.compile(
    r"\.(py|pyi|js|jsx|ts|tsx|go|rs|java|kt|c|h|cc|cpp|hpp|cs|rb|php|swift|scala|sh|lua|ex|exs)$"
)
LARGEST_FILE_BYTES = 2_000_000


@dataclass
class Change:
    """What a page of history did to one file."""

    path: str
    commits: int
    lines: int
    authors: list[str]


@dataclass
class Pair:
    """Two files, and how many commits changed both."""

    first: str
    second: str
    commits: int


@dataclass
class Page:
    """A stretch of history. `bulk` commits touched so many files that only their number is kept."""

    commits: int
    bulk: int
    first: datetime | None
    last: datetime | None
    authors: dict[str, int]
    changes: list[Change]
    pairs: list[Pair]


@dataclass
class Function:
    name: str
    line: int
    lines: int
    complexity: int


@dataclass
class Measured:
    """`complexity` is the sum over the file; `functions` are its most complex ones, worst first."""

    lines: int
    complexity: int
    functions: list[Function]


@dataclass
class Balance:
    """Lines of code and of tests, blank lines left out; `skipped` files could not be read."""

    code_files: int
    code_lines: int
    test_files: int
    test_lines: int
    skipped: int


@dataclass
class Hot:
    """A file that changes often."""

    path: str
    commits: int
    lines: int
    authors: list[str]


@dataclass
class Spot:
    """A file that changes often and is complex."""

    path: str
    commits: int
    authors: list[str]
    complexity: int
    score: int


@dataclass
class Closer:
    """A second look at a spot; `recent` are one line a commit."""

    path: str
    functions: list[Function]
    recent: list[str]
    tests: list[str]


@dataclass
class Review:
    """All that the report is made of."""

    root: str
    head: str
    shallow: bool
    commits: int
    bulk: int
    first: datetime | None
    last: datetime | None
    authors: dict[str, int]
    hot: list[Hot]
    pairs: list[Pair]
    spots: list[Spot]
    closer: list[Closer]
    balance: Balance | None
    unread: int


# Reading what git says


@effect("pure")
def read_history(log: str) -> Page:
    """Reads `git log --numstat`, a record separator before each commit and a unit separator in its head."""
    commits = [_commit(text) for text in log.split(COMMIT)[1:]]
    small = [commit for commit in commits if len(commit.files) <= BULK]
    times = [commit.time for commit in commits]
    return Page(
        commits=len(commits),
        bulk=len(commits) - len(small),
        first=min(times, default=None),
        last=max(times, default=None),
        authors=dict(Counter(commit.author for commit in commits)),
        changes=_changes(small),
        pairs=_pairs(small),
    )


@dataclass
class _Commit:
    author: str
    time: datetime
    files: dict[str, int]  # path -> lines added and deleted


def _commit(text: str) -> _Commit:
    head, _, body = text.partition("\n")
    author, seconds = head.split(FIELD)[:2]
    files = {}
    for line in body.splitlines():
        parts = line.split("\t", 2)
        if len(parts) == 3:
            added, deleted, path = parts
            # Git writes `-` for a binary file.
            files[_unquoted(path)] = sum(int(n) for n in (added, deleted) if n.isdigit())
    return _Commit(author.strip() or "(nobody)", datetime.fromtimestamp(int(seconds), UTC), files)


def _changes(commits: list[_Commit]) -> list[Change]:
    changes: dict[str, Change] = {}
    for commit in commits:
        for path, lines in commit.files.items():
            change = changes.setdefault(path, Change(path, 0, 0, []))
            change.commits += 1
            change.lines += lines
            if commit.author not in change.authors:
                change.authors.append(commit.author)
    return list(changes.values())


def _pairs(commits: list[_Commit]) -> list[Pair]:
    """Files that changed together more than once, in commits small enough to mean something."""
    together: Counter[tuple[str, str]] = Counter()
    for commit in commits:
        paths = sorted(commit.files)
        if len(paths) <= 12:
            together.update((a, b) for i, a in enumerate(paths) for b in paths[i + 1 :])
    return [Pair(a, b, count) for (a, b), count in together.most_common(200) if count > 1]


def _listed(listing: str) -> list[str]:
    return [_unquoted(line) for line in listing.splitlines() if line]


def _unquoted(path: str) -> str:
    """Git's C-quoted form of a path, undone; bytes that are no UTF-8 become lone surrogates, then `\\xNN`."""
    if not (path.startswith('"') and path.endswith('"')):
        return path
    named = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
    raw = re.sub(
        rb"\\([0-7]{3}|.)",
        lambda m: (
            bytes([int(m[1], 8)]) if len(m[1]) == 3 else named.get(m[1].decode(), m[1].decode()).encode()
        ),
        path[1:-1].encode(),
    )
    return raw.decode("utf-8", "backslashreplace")


# Measuring


@effect("read")
def measure(root: str, path: str) -> Measured | None:
    """Cyclomatic complexity of a Python file; null where it is gone or does not parse as Python 3."""
    text = _text(Path(root) / path)
    if text is None:
        return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = sorted(_functions(tree), key=lambda f: (-f.complexity, f.line))
    rest = _branches(node for node in tree.body if not isinstance(node, _DEFINITIONS))
    total = rest + sum(f.complexity for f in functions)
    return Measured(lines=len(text.splitlines()), complexity=total, functions=functions[:5])


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BRANCHES = (
    ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.Assert, ast.comprehension,
    ast.match_case,
)  # fmt: skip


def _functions(tree: ast.AST, inside: str = "") -> list[Function]:
    """Functions and methods with their complexity after McCabe: branches plus one."""
    found = []
    for node in ast.iter_child_nodes(tree):
        name = f"{inside}{getattr(node, 'name', '')}"
        if isinstance(node, _FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            found.append(Function(name, node.lineno, lines, 1 + _branches(node.body)))
        if isinstance(node, _DEFINITIONS):
            found += _functions(node, name + ".")
        elif not isinstance(node, ast.expr):
            found += _functions(node, inside)
    return found


def _branches(nodes: object) -> int:
    """Decisions in some nodes, without those of functions and classes that are defined in them."""
    count = 0
    pending = list(nodes)  # type: ignore[call-overload]
    while pending:
        node = pending.pop()
        if isinstance(node, _DEFINITIONS):
            continue
        if isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        count += isinstance(node, _BRANCHES)
        pending += ast.iter_child_nodes(node)
    return count


@effect("read")
def balance(root: str, listing: str) -> Balance:
    """Counts lines of code and of tests in the files that git knows."""
    result = Balance(0, 0, 0, 0, 0)
    for path in _listed(listing):
        if not CODE.search(path):
            continue
        text = _text(Path(root) / path)
        if text is None:
            result.skipped += 1
            continue
        lines = sum(1 for line in text.splitlines() if line.strip())
        if TEST.search(path):
            result.test_files += 1
            result.test_lines += lines
        else:
            result.code_files += 1
            result.code_lines += lines
    return result


@effect("pure")
def tests_of(path: str, listing: str) -> list[str]:
    """Test files whose name says that they test a file."""
    stem = Path(path).stem.removeprefix("_")
    if stem in ("init__", "__init__"):
        stem = Path(path).parent.name
    names = re.compile(rf"(^|/)(test_{re.escape(stem)}\w*|{re.escape(stem)}_test)\.py$")
    return [] if TEST.search(path) else [test for test in _listed(listing) if names.search(test)]


def _text(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE_BYTES:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None


# Writing


@effect("pure")
def report(review: Review) -> str:
    """The review as Markdown."""
    sections = [_summary(review), _spots(review), _closer(review), _hot(review), _together(review)]
    sections += [_tests(review), _knowledge(review), _notes(review)]
    return "\n".join(section for section in sections if section)


@effect("idempotent")
def save(path: str, text: str) -> None:
    """Writes a text to a file."""
    Path(path).write_text(text, encoding="utf-8")


def _summary(review: Review) -> str:
    lines = [f"# Review of {_plain(Path(review.root).name)}", ""]
    if review.commits == 0:
        return "\n".join([*lines, "There are no commits yet, so there is nothing to review.", ""])
    span = f"{review.first:%Y-%m-%d} to {review.last:%Y-%m-%d}" if review.first and review.last else "unknown"
    lines.append(
        f"{_count(review.commits, 'commit')} up to {review.head[:12]}, {span}, "
        f"by {_count(len(review.authors), 'author')}."
    )
    if review.spots:
        top = review.spots[0]
        lines += [
            "",
            f"**The riskiest file is {_code(top.path)}**: {_count(top.commits, 'change')} "
            f"at a complexity of {top.complexity}.",
        ]
    return "\n".join([*lines, ""])


def _spots(review: Review) -> str:
    if not review.commits:
        return ""
    if not review.spots:
        return "## Risky spots\n\nNone: no Python file was both changed and complex.\n"
    most = max(spot.score for spot in review.spots) or 1
    rows = [
        [_code(s.path), s.commits, s.complexity, len(s.authors), _bar(s.score / most)] for s in review.spots
    ]
    return _section(
        "Risky spots",
        "Where the next bug is most likely: files that change often *and* are complex.",
        _table(["file", "changes", "complexity", "authors", "risk"], rows),
    )


def _closer(review: Review) -> str:
    if not review.closer:
        return ""
    return "## A closer look\n\n" + "\n".join(_spot(closer) for closer in review.closer)


def _spot(closer: Closer) -> str:
    rows = [[_code(f"{f.name}"), f.line, f.lines, f.complexity, _advice(f)] for f in closer.functions]
    parts = [f"### {_code(closer.path)}", ""]
    if rows:
        parts += [_table(["function", "line", "lines", "complexity", ""], rows), ""]
    if closer.tests:
        parts.append("Tests by name: " + ", ".join(_code(path) for path in closer.tests[:5]) + ".")
    elif not TEST.search(closer.path):
        parts.append("No test file goes by its name.")
    if closer.recent:
        parts += ["", "Last changes:", ""] + [f"- {_plain(line)}" for line in closer.recent]
    return "\n".join([*parts, ""])


def _advice(function: Function) -> str:
    """After the thresholds that SEI and radon use."""
    if function.complexity > 20:
        return "split before changing"
    return "hard to test" if function.complexity > 10 else ""


def _hot(review: Review) -> str:
    if not review.hot:
        return ""
    rows = [[_code(h.path), h.commits, h.lines, len(h.authors)] for h in review.hot]
    intro = "What work really happens in, whatever its language."
    return _section("Most changed files", intro, _table(["file", "commits", "lines", "authors"], rows))


def _together(review: Review) -> str:
    """Pairs that change together in more than half of the changes of the rarer one."""
    if not review.pairs:
        return ""
    rows = [[_code(p.first), _code(p.second), p.commits] for p in review.pairs]
    intro = "A pair that is not a file and its test may be one thing in two places."
    return _section("Files that change together", intro, _table(["file", "with", "commits"], rows))


def _tests(review: Review) -> str:
    if review.balance is None:
        return ""
    b = review.balance
    if b.code_lines == 0:
        return ""
    ratio = b.test_lines / b.code_lines
    verdict = "thin" if ratio < 0.3 else "fair" if ratio < 0.8 else "good"
    return (
        "## Tests\n\n"
        f"{_count(b.test_lines, 'line')} of tests in {_count(b.test_files, 'file')} for "
        f"{_count(b.code_lines, 'line')} of code in {_count(b.code_files, 'file')}: "
        f"**{ratio:.2f} lines of test a line of code** ({verdict}).\n"
    )


def _knowledge(review: Review) -> str:
    total = sum(review.authors.values())
    if not total:
        return ""
    ranked = sorted(review.authors.items(), key=lambda item: (-item[1], item[0]))
    factor, sum_ = 0, 0
    for _, commits in ranked:
        factor, sum_ = factor + 1, sum_ + commits
        if sum_ * 2 > total:
            break
    names = ", ".join(f"{_plain(name)} ({commits * 100 // total} %)" for name, commits in ranked[:5])
    alone = [spot.path for spot in review.spots if len(spot.authors) == 1 and len(review.authors) > 1]
    lines = [
        "## Who knows it",
        "",
        f"Half of the commits are by {_count(factor, 'person', 'people')}: {names}.",
    ]
    if alone:
        lines.append(f"Only one person has changed {', '.join(_code(path) for path in alone[:5])}.")
    return "\n".join([*lines, ""])


def _notes(review: Review) -> str:
    notes = []
    if review.unread:
        notes.append(f"Up to {_count(review.unread, 'commit')} could not be read as UTF-8 text.")
    if review.shallow:
        notes.append("The clone is shallow, so older history is missing (`git fetch --unshallow` brings it).")
    if review.bulk:
        notes.append(
            f"{_count(review.bulk, 'commit')} over more than {BULK} files were left out of the counts."
        )
    return "## Notes\n\n" + "\n".join(f"- {note}" for note in notes) + "\n" if notes else ""


def _section(title: str, intro: str, table: str) -> str:
    return f"## {title}\n\n{intro}\n\n{table}\n"


def _table(heads: list[str], rows: list[list[object]]) -> str:
    """A Markdown table whose columns line up in plain text too; numbers stand to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    numeric = [all(isinstance(row[i], int) for row in rows) for i in range(len(heads))]
    widths = [max(3, len(head), *(len(row[i]) for row in cells)) for i, head in enumerate(heads)]

    def line(row: list[str]) -> str:
        padded = (t.rjust(w) if n else t.ljust(w) for t, w, n in zip(row, widths, numeric, strict=True))
        return "| " + " | ".join(padded) + " |"

    rule = (
        "|"
        + "|".join("-" * (w + 1) + (":" if n else "-") for w, n in zip(widths, numeric, strict=True))
        + "|"
    )
    return "\n".join([line(heads), rule, *(line(row) for row in cells)])


def _bar(share: float) -> str:
    return "█" * max(1, round(share * 10))


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _code(text: str) -> str:
    """A name as code, whatever is in it."""
    return f"`{_clean(text).replace('`', chr(39)).replace('|', '¦')}`"


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", _clean(text))


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
