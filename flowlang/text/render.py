"""Diagnostics for a terminal: what is wrong, the source with the place underlined, and what to write instead.

    error[E201 unknown-name]: nothing here is called `serch`
      --> brief.flow:12:16
       |
    12 |   step found = serch(query: topic)
       |                ^^^^^ not declared
       |
       = help: did you mean `search`?

Takes placed diagnostics (absolute spans, `label.anchor.path` is the file) and a function that gives the
source of a path. Everything is data until `_paint`: a snippet is rows of styled pieces, so that the plain
and the coloured text cannot differ. No character of a source reaches the terminal but through `display`.

Deliberately absent: any library for colours; the few escape codes are written here, since this runs on
the path whose start-up time is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from flowlang.text.diagnostics import Diagnostic, Fix, Label, Severity
from flowlang.text.display import ELLIPSIS, Cells, cells, clean, width, window
from flowlang.text.source import Source, Span

ReadSource: TypeAlias = Callable[[str], Source | None]
"""The source that the path of an anchor stands for, if it can be had. What is shown is `Source.path`."""

LINES_SHOWN_WHOLE = 4  # a span over more lines shows its first and its last ones
LINES_PREVIEWED = 6  # of a fix
LINE_READ = 4_000  # characters of a line that are looked at, around what is underlined

_ESCAPES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "strong": "\x1b[1m",
    "frame": "\x1b[34m",
    "related": "\x1b[36m",
    "added": "\x1b[32m",
}
_RESET = "\x1b[0m"

Piece: TypeAlias = tuple[str, str]
"""A style ("" for none) and a text."""
Row: TypeAlias = list[Piece]


class Style(NamedTuple):
    """How to draw. `columns` is the width of the terminal; colour is the caller's decision."""

    columns: int = 100
    color: bool = False


PLAIN = Style()


class Report(NamedTuple):
    """Anything that is shown like a diagnostic, such as the failure of a run: `heading` is its first word."""

    severity: Severity
    heading: str
    message: str
    primary: Label | None = None
    related: tuple[Label, ...] = ()
    help: str | None = None
    fix: Fix | None = None


def render(diagnostic: Diagnostic, read: ReadSource, style: Style = PLAIN) -> str:
    """One placed diagnostic as text that ends in a line break."""
    it = diagnostic
    heading = str(it.code)
    return render_report(
        Report(it.severity, heading, it.message, it.primary, it.related, it.help, it.fix), read, style
    )


def render_all(diagnostics: Iterable[Diagnostic], read: ReadSource, style: Style = PLAIN) -> str:
    """Diagnostics one below the other, with an empty line between."""
    return "\n".join(render(diagnostic, read, style) for diagnostic in diagnostics)


def render_report(report: Report, read: ReadSource, style: Style = PLAIN) -> str:
    """A report as text that ends in a line break."""
    labels = [label for label in (report.primary, *report.related) if label is not None]
    places = _by_file(labels, report.primary)
    sources = {path: read(path) for path in places}
    gutter = _gutter_width(places, sources, report.fix)
    rows = _heading(report, style.columns)
    for path, group in places.items():
        first = path == next(iter(places))
        if not first:
            rows.append(_frame(gutter, "|"))
        rows += _snippet(
            path, sources[path], group, report, first=first, gutter=gutter, columns=style.columns
        )
    notes = _notes(report, sources, gutter, style.columns)
    if notes and labels:
        rows.append(_frame(gutter, "|"))
    return _paint(rows + notes, color=style.color)


def summary(diagnostics: Sequence[Diagnostic], files: int) -> str:
    """One line for the end: `2 errors and 1 warning in 3 files`."""
    errors = sum(d.severity == "error" for d in diagnostics)
    warnings = len(diagnostics) - errors
    counts = [_count(errors, "error")] * (errors > 0) + [_count(warnings, "warning")] * (warnings > 0)
    where = f"in {_count(files, 'file')}"
    return f"{' and '.join(counts)} {where}" if counts else f"no mistakes {where}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# Layout


def _by_file(labels: list[Label], primary: Label | None) -> dict[str, list[Label]]:
    """Labels by file, the primary label's file first, each file's in the order of the source."""
    groups: dict[str, list[Label]] = {}
    for label in labels:
        path = label.anchor.path if label.anchor else ""
        groups.setdefault(path, []).append(label)
    return {
        path: sorted(group, key=lambda label: (label.span.start, label is not primary))
        for path, group in groups.items()
    }


def _gutter_width(places: dict[str, list[Label]], sources: dict[str, Source | None], fix: Fix | None) -> int:
    last = 1
    for path, group in places.items():
        if source := sources[path]:
            ends = [label.span.end for label in group]
            ends += [edit.span.end for edit in fix.edits] if fix else []
            last = max(last, source.position(max(ends))[0])
    return len(str(last))


def _heading(report: Report, columns: int) -> list[Row]:
    head = clean(report.heading) + ": "
    lines = _wrapped(clean(report.message), columns, indent=2, first=width(head))
    rows: list[Row] = [[(report.severity, head), ("strong", lines[0])]]
    return rows + [[("strong", "  " + line)] for line in lines[1:]]


def _snippet(
    path: str,
    source: Source | None,
    labels: list[Label],
    report: Report,
    *,
    first: bool,
    gutter: int,
    columns: int,
) -> list[Row]:
    """The place of a file's labels, and their lines with the labels below them."""
    arrow = "-->" if first else ":::"
    if source is None:
        return [[("frame", f"{' ' * gutter}{arrow} "), ("", clean(path) or "?")]]
    chief = report.primary if report.primary in labels else labels[0]
    assert chief is not None
    line, column = source.position(_within(source, chief.span).start)
    rows: list[Row] = [[("frame", f"{' ' * gutter}{arrow} "), ("", f"{clean(source.path)}:{line}:{column}")]]
    rows.append(_frame(gutter, "|"))
    marks = _marks(source, labels, report)
    return rows + _lines(source, marks, gutter, columns)


class _Mark(NamedTuple):
    """A stretch of one line to underline, in characters of the line."""

    start: int
    end: int
    text: str
    style: str
    sign: str


def _marks(source: Source, labels: list[Label], report: Report) -> dict[int, list[_Mark]]:
    """What to underline, by line number. A line with an empty list is shown without an underline."""
    marks: dict[int, list[_Mark]] = {}
    for label in labels:
        chief = label is report.primary
        style, sign = (report.severity, "^") if chief else ("related", "-")
        span = _within(source, label.span)
        (first, start), (last, end) = source.position(span.start), _end_position(source, span)
        for number in _shown(first, last):
            line = source.line(number)
            here = marks.setdefault(number, [])
            if first < number < last:
                continue
            begin = start - 1 if number == first else len(line) - len(line.lstrip())
            finish = end - 1 if number == last else len(line)
            here.append(_Mark(begin, finish, label.text if number == last else "", style, sign))
        if first == last and first > 1 and not source.line(first).strip():
            marks.setdefault(first - 1, [])  # an empty line alone would not tell where this is
    return dict(sorted(marks.items()))


def _within(source: Source, span: Span) -> Span:
    """A span cut to its source, which may have changed since."""
    start = min(max(span.start, 0), len(source.text))
    return Span(start, min(max(span.end, start), len(source.text)))


def _end_position(source: Source, span: Span) -> tuple[int, int]:
    """The position after a span; one that ends with a line break ends on the line it breaks."""
    end = span.end
    while end > span.start and source.text[end - 1] in "\r\n":
        end -= 1
    return source.position(end)


def _shown(first: int, last: int) -> list[int]:
    if last - first < LINES_SHOWN_WHOLE:
        return list(range(first, last + 1))
    return [first, first + 1, last]


def _lines(source: Source, marks: dict[int, list[_Mark]], gutter: int, columns: int) -> list[Row]:
    rows: list[Row] = []
    previous: int | None = None
    for number, here in marks.items():
        if previous is not None and number > previous + 1:
            rows.append([("frame", "..." if gutter < 3 else " " * (gutter - 3) + "...")])
        previous = number
        rows += _line(number, source.line(number), here, gutter, columns)
    return rows


def _line(number: int, line: str, marks: list[_Mark], gutter: int, columns: int) -> list[Row]:
    """One line of source, and below it a row for each mark with its text."""
    room = max(columns - gutter - 4, 20)
    chief = next((m for m in marks if m.sign == "^"), marks[0] if marks else _Mark(0, 0, "", "", ""))
    view = _view(line, chief, room)
    rows: list[Row] = [[("frame", f"{number:>{gutter}} |"), ("", _blank_or(" " + view.text()))]]
    for mark in sorted(marks, key=lambda m: m.sign != "^"):
        rows += _underline(mark, view, gutter, room)
    return rows


class _View(NamedTuple):
    """What is shown of a line: its characters `start:end`. `shown` holds the line from `base` on."""

    shown: Cells
    base: int
    start: int
    end: int
    cut_left: bool
    cut_right: bool

    def text(self) -> str:
        glyphs = self.shown.glyphs[self.start - self.base : self.end - self.base]
        return ELLIPSIS * self.cut_left + "".join(glyphs).rstrip() + ELLIPSIS * self.cut_right

    def column(self, character: int) -> int:
        """The column of a character of the line, cut to what is shown."""
        inside = min(max(character, self.start), self.end)
        starts = self.shown.starts
        return starts[inside - self.base] - starts[self.start - self.base] + self.cut_left


def _view(line: str, mark: _Mark, room: int) -> _View:
    base = max(0, mark.start - LINE_READ // 2)
    read = line[base : base + LINE_READ]
    shown = cells(read)
    start, end = window(shown, mark.start - base, mark.end - base, room)
    cut_right = base + end < len(line)
    return _View(shown, base, base + start, base + end, base + start > 0, cut_right)


def _underline(mark: _Mark, view: _View, gutter: int, room: int) -> list[Row]:
    """The underline of a mark with its text beside it, or below it where there is no room."""
    begin = view.column(mark.start)
    length = max(view.column(mark.end) - begin, 1)
    text = clean(mark.text)
    under: Row = [*_frame(gutter, "|"), ("", " " * (begin + 1)), (mark.style, mark.sign * length)]
    if not text:
        return [under]
    if "\n" not in text and begin + length + 1 + width(text) <= room:
        return [[*under, (mark.style, " " + text)]]
    indent = min(begin, room // 2)
    lines = _wrapped(text, room - indent, indent=0)
    return [under] + [[*_frame(gutter, "|"), (mark.style, " " * (indent + 1) + line)] for line in lines]


def _notes(report: Report, sources: dict[str, Source | None], gutter: int, columns: int) -> list[Row]:
    rows: list[Row] = []
    if report.help:
        rows += _note("help", report.help, gutter, columns)
    if report.fix:
        rows += _note("fix", report.fix.title, gutter, columns)
        path = report.primary.anchor.path if report.primary and report.primary.anchor else ""
        if source := sources.get(path):
            rows += _preview(source, report.fix, gutter, columns)
    return rows


def _note(word: str, text: str, gutter: int, columns: int) -> list[Row]:
    head = f"{' ' * gutter} = "
    indent = gutter + 3 + len(word) + 2
    lines = _wrapped(clean(text), columns, indent=indent, first=indent)
    rows: list[Row] = [[("frame", head), ("strong", word + ": "), ("", lines[0])]]
    return rows + [[("", _blank_or(" " * indent + line))] for line in lines[1:]]


def _preview(source: Source, fix: Fix, gutter: int, columns: int) -> list[Row]:
    """The lines that a fix would change, as they would be."""
    edits = sorted(fix.edits, key=lambda edit: edit.span.start)
    if not edits:
        return []
    first = source.position(_within(source, edits[0].span).start)[0]
    last = source.position(_within(source, edits[-1].span).end)[0]
    start = source.line_starts[first - 1]
    end = source.line_starts[last] if last < len(source.line_starts) else len(source.text)
    changed = apply_edits(Source(source.path, source.text[start:end]), fix, shift=-start).rstrip("\r\n")
    lines = changed.split("\n")
    room = max(columns - gutter - 4, 20)
    rows: list[Row] = []
    column = edits[0].span.start - source.line_starts[first - 1]
    for offset, line in enumerate(lines[:LINES_PREVIEWED]):
        mark = _Mark(column if offset == 0 else 0, column, "", "", "")
        view = _view(line.rstrip("\r"), mark, room)
        rows.append([("frame", f"{first + offset:>{gutter}} "), ("added", _blank_or("+ " + view.text()))])
    if len(lines) > LINES_PREVIEWED:
        rows.append([("added", f"{' ' * gutter} + {ELLIPSIS}")])
    return rows


def apply_edits(source: Source, fix: Fix, *, shift: int = 0) -> str:
    """The text of a source with a fix made. `shift` is added to every span."""
    pieces: list[str] = []
    position = 0
    for edit in sorted(fix.edits, key=lambda edit: edit.span):
        span = _within(source, edit.span.shifted(shift))
        pieces += [source.text[position : span.start], edit.text]
        position = max(position, span.end)
    return "".join(pieces) + source.text[position:]


def _frame(gutter: int, sign: str) -> Row:
    return [("frame", f"{' ' * gutter} {sign}")]


def _blank_or(text: str) -> str:
    return text if text.strip() else ""


def _wrapped(text: str, columns: int, *, indent: int, first: int = 0) -> list[str]:
    """Lines of at most `columns` cells; `first` cells are taken on the first, `indent` on the others.

    A word that is too long for a line stands alone on one and runs over."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        taken = first if not lines else indent
        lead = paragraph[: len(paragraph) - len(paragraph.lstrip(" "))]
        line = lead
        for word in paragraph.split():
            longer = f"{line} {word}" if line.strip() else line + word
            if line.strip() and taken + width(longer) > columns:
                lines.append(line)
                taken, line = indent, lead + word
            else:
                line = longer
        lines.append(line)
    return lines


# Output


def _paint(rows: list[Row], *, color: bool) -> str:
    return "".join(_painted(row, color).rstrip() + "\n" for row in rows)


def _painted(row: Row, color: bool) -> str:
    if not color:
        return "".join(text for _, text in row)
    return "".join(f"{_ESCAPES[style]}{text}{_RESET}" if style and text else text for style, text in row)
