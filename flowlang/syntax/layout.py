"""Documents: the choices of a layout as data, and the renderer that makes them.

A document is text with places where a line may end. A `Group` is laid flat, all its lines as blanks,
if it then fits into the width; otherwise each line that stands directly in it ends there, and the groups
within it choose for themselves. That is the algebra of Wadler, "A prettier printer" (2003); the renderer
is the strict one of Lindig, "Strictly Pretty" (2000): a stack of what is still to be written, and a look
ahead that never goes further than the width. So rendering is linear in the document, and needs no
recursion, however deep the document is.

Comments are part of the algebra, because they are what a layout may not choose about. `Beside` is a
comment at the end of the line that its place comes to lie on, `Above` one on a line of its own before it.
One rule keeps them where the author put them: the next line after a `Beside` and the last line before an
`Above` must end, and with them every group around. A comment that stands where no line can end moves to
the end of its line, or above it; and because it then stands beside a line that did end, formatting the
result again changes nothing.

Deliberately absent: alignment to a column, fills, and choices between whole layouts (which cost more
than linear time, or give results that nobody can predict)."""

from __future__ import annotations

from typing import TypeAlias

import attrs

WIDTH = 100  # columns
STEP = 2  # columns of one level of indentation


@attrs.frozen
class Line:
    """Where a line may end; `flat` is what stands there otherwise, None if the line must end."""

    flat: str | None
    blank: bool = False  # an empty line follows where it ends


@attrs.frozen(eq=False)
class Indent:
    """Lines that end within it start one level deeper."""

    content: Doc


@attrs.frozen(eq=False)
class Group:
    """Flat if it fits, else with all its own lines ended. Of two groups in one line the first is broken
    first, unless it is reluctant: then it is flat if what follows fits as far as its own first line."""

    content: Doc
    reluctant: bool = False


@attrs.frozen
class IfBroken:
    """Text that depends on whether the group around it is flat: a trailing comma, a leading `|`."""

    broken: str
    flat: str = ""


@attrs.frozen
class TextBlock:
    """Text with line breaks of its own. Its lines after the first are indented as deep as the line that it
    starts in; what they have beyond that is theirs. Groups around it are not flat."""

    lines: tuple[str, ...]


@attrs.frozen
class Above:
    """A comment on a line of its own before the line that it stands in; "" is an empty line."""

    text: str


@attrs.frozen
class Beside:
    """A comment at the end of the line that it stands in."""

    text: str


Doc: TypeAlias = "str | tuple[Doc, ...] | Line | Indent | Group | IfBroken | TextBlock | Above | Beside"

LINE = Line(" ")
SOFT = Line("")
HARD = Line(None)


def render(document: Doc, width: int = WIDTH) -> str:
    """The text of a document, without a line break at its end."""
    broken = broken_groups(document)
    page = Page()
    pending: list[Pending] = [(0, False, document)]
    while pending:
        indent, flat, part = pending.pop()
        match part:
            case str():
                page.write(part)
            case tuple():
                pending.extend((indent, flat, inner) for inner in reversed(part))
            case Line(flat=text, blank=blank):
                if flat and text is not None:
                    page.write(text)
                else:
                    page.end_line(indent, blank)
            case Indent(content=content):
                pending.append((indent + STEP, flat, content))
            case Group(content=content):
                room = width - page.used(indent)
                flat = flat or (part not in broken and fits(part, pending, broken, room))
                pending.append((indent, flat, content))
            case IfBroken(broken=text, flat=flat_text):
                page.write(flat_text if flat else text)
            case TextBlock(lines=lines):
                page.write_lines(lines)
            case Above(text=text):
                page.above(text)
            case Beside(text=text):
                page.beside(text)
    return page.finish()


Pending: TypeAlias = tuple[int, bool, Doc]  # indentation, whether laid flat, what


def broken_groups(document: Doc) -> set[Group]:
    """The groups that cannot be flat: those around a line that must end.

    One walk in the order of the text. `around` is the groups around a part, innermost first, as a linked
    list, so that breaking outwards can stop at the first group that is broken already."""
    broken: set[Group] = set()
    pending: list[tuple[Doc, Around]] = [(document, None)]
    last_line: Around = None
    comment_waits = False

    while pending:
        part, around = pending.pop()
        match part:
            case tuple():
                pending.extend((inner, around) for inner in reversed(part))
            case Indent(content=content):
                pending.append((content, around))
            case Group(content=content):
                pending.append((content, (part, around)))
            case Line(flat=flat):
                if flat is None or comment_waits:
                    break_all(around, broken)
                last_line, comment_waits = around, False
            case Beside():
                comment_waits = True
            case Above():
                break_all(last_line, broken)
            case TextBlock():
                break_all(around, broken)
    return broken


Around: TypeAlias = "tuple[Group, Around] | None"


def break_all(around: Around, broken: set[Group]) -> None:
    while around is not None and around[0] not in broken:
        broken.add(around[0])
        around = around[1]


def fits(group: Group, following: list[Pending], broken: set[Group], room: int) -> bool:
    """Whether a group, laid flat, fits into `room` columns together with what follows it up to the next
    line that ends. A group that follows counts as flat if it can be, but behind a reluctant one."""
    pending: list[tuple[bool, Doc]] = [(True, group.content)]
    next_following = len(following) - 1
    while room >= 0:
        if pending:
            flat, part = pending.pop()
        elif next_following < 0:
            return True
        else:
            _, flat, part = following[next_following]
            next_following -= 1
        match part:
            case str():
                room -= len(part)
            case tuple():
                pending.extend((flat, inner) for inner in reversed(part))
            case Line(flat=text):
                if text is None or not flat:
                    return True
                room -= len(text)
            case Indent(content=inner):
                pending.append((flat, inner))
            case Group(content=inner):
                pending.append((flat or not (group.reluctant or part in broken), inner))
            case IfBroken(broken=text, flat=flat_text):
                room -= len(flat_text if flat else text)
            case TextBlock(lines=lines):
                return len(lines[0]) <= room
    return False


@attrs.define
class Page:
    """What has been written so far. Indentation is written with the first text of a line, so that no
    line ends in blanks."""

    parts: list[str] = attrs.field(factory=list)
    column: int = 0
    indent: int = 0  # of the line being written
    line_start: int = 0  # index into `parts`
    comment: str | None = None  # waits for the end of the line

    def used(self, indent: int) -> int:
        """Columns taken on the line being written."""
        return self.column or indent

    def write(self, text: str) -> None:
        if not text:
            return
        if self.column == 0:
            self.parts.append(" " * self.indent)
            self.column = self.indent
        self.parts.append(text)
        self.column += len(text)

    def write_lines(self, lines: tuple[str, ...]) -> None:
        """A comment that waits goes behind the last of them, since it cannot stand in the text."""
        first, *others = lines
        self.write(first)
        for line in others:
            indented = " " * self.indent + line if line else ""
            self.parts.append("\n" + indented)
            self.column = len(indented)

    def end_line(self, indent: int, blank: bool) -> None:
        self.end_comment()
        self.parts.append("\n\n" if blank else "\n")
        self.column = 0
        self.indent = indent
        self.line_start = len(self.parts)

    def beside(self, text: str) -> None:
        """A line has room for one comment; any more go above it."""
        if self.comment is None:
            self.comment = text
        else:
            self.above(text)

    def above(self, text: str) -> None:
        """Above a line that begins with a closing bracket a comment stands within the brackets."""
        first = self.parts[self.line_start + 1] if self.column else ""
        indent = self.indent + STEP if first.startswith((")", "]", "}")) else self.indent
        self.parts.insert(self.line_start, " " * indent + text + "\n" if text else "\n")
        self.line_start += 1

    def finish(self) -> str:
        self.end_comment()
        return "".join(self.parts)

    def end_comment(self) -> None:
        if self.comment is not None:
            self.parts.append(f"  {self.comment}" if self.column else " " * self.indent + self.comment)
            self.comment = None
