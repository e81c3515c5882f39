"""The text before a cursor -> what may stand at the cursor.

A half-typed text has no tree where it matters most, but it always has a beginning, and of a beginning the
parse tables know what may follow. So the declaration is read up to the cursor with the states of the LALR
automaton alone, without making a tree. What does not fit on the way is mended in the cheapest manner: what
must come is put in, or what does not fit is passed over; so one slip does not hide what may come behind it.

A block that the cursor is in is entered at its last statement, as `recovery.py` enters it, and so is a hole
of a string. `Prefix.ending` is a text that would complete all this if a name stood at the cursor; with it,
the half of a statement becomes a whole one, which the checker can look at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TypeAlias

import attrs

from flowlang.syntax import literals
from flowlang.syntax.automaton import machine
from flowlang.syntax.brackets import Brackets, find_brackets
from flowlang.syntax.lexer import UNCLOSED, Lexer
from flowlang.syntax.recovery import BLOCKS
from flowlang.syntax.tables import END

States: TypeAlias = list[int]


@attrs.frozen(eq=False, repr=False)
class Prefix:
    """What may stand behind a text.

    `words` are the keywords that go on with what stands there, `beginnings` those that begin something new:
    a statement, a declaration. Words that come only together stand together: `for each`. `takes_name` and
    `takes_string`: a name, a string may stand here. `ending` is what would complete the statement behind
    that, `mended` the text before, made to fit. `string` is where the string begins that the text ends in;
    in a hole of it, it is not in a string. `blocks` is how many blocks around the end are open, `level` is
    the innermost thing that is begun. In a comment nothing fits."""

    mended: str
    words: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()
    takes_name: bool = False
    takes_string: bool = False
    ending: str = ""
    string: int | None = None
    blocks: int = 0
    in_comment: bool = False
    level: Level | None = None

    def goes_on_with(self, text: str, start: int) -> bool:
        """Whether the statement is whole if a name (or a string) stands before `start` of a text: what does
        not fit behind it, if anything, then belongs to something else."""
        terminal = "NAME" if self.takes_name else "STRING"
        states = shifted(self.level.states, terminal) if self.level else None
        if states is None or self.level is None:
            return False
        for token in Lexer(text, machine().tables).tokens(start, len(text), states):
            after = shifted(states, token[0])
            if after is None:
                return ends(states, self.level.rule) and token[1] == (self.level.next or token[1])
            states[:] = after
        return ends(states, self.level.rule) and not self.level.next


def read_prefix(text: str) -> Prefix:
    """What may stand behind `text`, which is a declaration from its start up to a cursor."""
    reader = Reader(text)
    reader.read()
    if reader.is_in_comment():
        return Prefix(text, in_comment=True)
    rule, states = reader.levels[-1].rule, reader.levels[-1].states
    beginnings: tuple[str, ...] = ()
    if ends(states, rule) and rule in BEGINNINGS:
        beginnings = words_after(machine().tables.starts[rule][:1])
    return Prefix(
        mended=reader.mended(),
        words=words_after(states),
        beginnings=beginnings,
        takes_name=shifted(states, "NAME") is not None,
        takes_string=shifted(states, "STRING") is not None,
        ending=reader.ending(),
        string=reader.string,
        blocks=sum(level.is_block for level in reader.levels),
        level=reader.levels[-1],
    )


BEGINNINGS = ("declaration", "statement", "test_statement")


@attrs.define(eq=False, repr=False)
class Level:
    """A parse of one thing that the end of the text is in. `closer` stands behind it, before the level
    around it goes on; `is_block`: that is the brace of a block, else the end of a string."""

    rule: str
    states: States
    closer: str = ""
    is_block: bool = False

    @property
    def next(self) -> str:
        """What must stand behind it; "" where something else may."""
        return "" if self.is_block else self.closer[:1]


@attrs.define(eq=False, repr=False)
class Reader:
    """Reads a text from level to level, down to its end."""

    text: str
    levels: list[Level] = attrs.field(factory=list)
    string: int | None = None
    changes: list[tuple[int, int, str]] = attrs.field(factory=list)  # what mends the text
    lexer: Lexer = attrs.field(init=False)
    brackets: Brackets = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.lexer = Lexer(self.text, machine().tables)
        self.brackets = find_brackets(self.text)

    def read(self) -> None:
        start: int | None = 0
        self.enter("declaration")
        while start is not None:
            start = self.drive(self.levels[-1], start)

    def enter(self, rule: str, closer: str = "", *, is_block: bool = False) -> None:
        self.levels.append(Level(rule, [machine().tables.starts[rule][0]], closer, is_block))

    def drive(self, level: Level, start: int) -> int | None:
        """Read a level to the end of the text; where it goes down to another, where that begins."""
        while True:
            for token in self.lexer.tokens(start, len(self.text), level.states):
                terminal, word, at, _ = token
                if self.does_not_end(terminal, word, at):
                    return self.enter_string(at)
                rule = awaited_block(level.states) if terminal == "{" and at in self.brackets.ends else None
                if rule and at in self.brackets.unclosed:
                    return self.enter_block(rule, at)
                if rule:
                    start = self.pass_block(level, rule, at)
                    break
                self.take(level, *token)
            else:
                return None

    def does_not_end(self, terminal: str, word: str, at: int) -> bool:
        """Whether a string begins here that the end of the text is in."""
        is_open = terminal == UNCLOSED or (terminal == "STRING" and literals.has_open_hole(word))
        return is_open and (word.startswith('"""') or "\n" not in self.text[at:])

    def take(self, level: Level, terminal: str, word: str, at: int, end: int) -> None:
        """Take a token; one that does not fit begins something new, or asks for what is missing before it."""
        states = shifted(level.states, terminal) if len(level.states) < DEEPEST else None
        if states is None and ends(level.states, level.rule) and level.rule in BEGINNINGS:
            known = word if word in first_words(level.rule) else terminal
            states = shifted(machine().tables.starts[level.rule][:1], known)
        if states is None and len(self.changes) < MOST_MENDED:
            states = self.put_in(level.states, terminal, at)
        if states is None:
            self.changes.append((at, end, " " * (end - at)))
        else:
            level.states[:] = states  # the lexer looks at this very list

    def put_in(self, states: States, terminal: str, at: int) -> States | None:
        """Go on as if what must come before a token stood there: one mark, or the ends of what is open."""
        added = ""
        for _ in range(MOST_PUT_IN):
            for mark in MARKS:
                between = marked(states, mark)
                after = between and shifted(between, terminal)
                if after:
                    self.changes.append((at, at, f"{added} {SPELT.get(mark, mark)} "))
                    return after
            closed = next_of(states, CLOSERS)
            if closed is None:
                return None
            added, states = added + closed[0], closed[1]
        return None

    def enter_block(self, rule: str, brace: int) -> int:
        self.enter(BLOCKS[rule], "}", is_block=True)
        statements = self.brackets.statements.get(brace)
        return statements[-1] if statements else brace + 1

    def pass_block(self, level: Level, rule: str, brace: int) -> int:
        level.states[:] = block_behind(level.states, rule)
        return self.brackets.ends[brace] + 1

    def enter_string(self, at: int) -> int | None:
        """Go into the last hole of a string that does not end; else the text ends in the string."""
        token = self.text[at:]
        width = 3 if token.startswith('"""') else 1
        holes = list(literals.holes(token, width, len(token))) if token[0] == '"' else []
        if holes and not holes[-1].closed:
            self.enter("expression", "}" + token[:width])
            return at + holes[-1].start
        self.string = at
        return None

    def is_in_comment(self) -> bool:
        return not self.text.endswith("\n") and any(
            end == len(self.text) for end in self.lexer.comments.values()
        )

    def mended(self) -> str:
        """The text with what makes it fit; where the end is in a string, the text before that."""
        pieces, done = [], 0
        for start, stop, new in self.changes:
            pieces += [self.text[done:start], new]
            done = stop
        return "".join([*pieces, self.text[done : self.string]])

    def ending(self) -> str:
        """What completes the innermost statement if a name stands at the end, or a string; or as it is."""
        innermost = self.levels[-1].states
        terminal = next((t for t in ("NAME", "STRING") if shifted(innermost, t)), "")
        text = ""
        for level in reversed(self.levels):
            states = shifted(level.states, terminal) if terminal else level.states
            text += rest_of(states, level.rule) if states else ""
            if level.is_block or not level.closer:
                break
            text, terminal = text + level.closer, "STRING"
        return text


# The tables


def shifted(states: Iterable[int], terminal: str) -> States | None:
    """The states behind a terminal; None where it does not fit."""
    tables, states = machine().tables, list(states)
    while (action := tables.actions[states[-1]].get(terminal)) is not None:
        if action >= 0:
            return [*states, action]
        rule = tables.rules[~action]
        del states[len(states) - rule.length :]
        states.append(tables.gotos[states[-1]][rule.origin])
    return None


def ends(states: States, rule: str) -> bool:
    """Whether a text may end here."""
    tables, states, last = machine().tables, list(states), machine().tables.starts[rule][1]
    while states[-1] != last:
        action = tables.actions[states[-1]].get(END)
        if action is None:
            return False
        reduced = tables.rules[~action]
        del states[len(states) - reduced.length :]
        states.append(tables.gotos[states[-1]][reduced.origin])
    return True


def awaited_block(states: States) -> str | None:
    """The rule of the block that a brace would begin here."""
    return next((rule for rule in BLOCKS if block_behind(states, rule)), None)


def block_behind(states: States, rule: str) -> States:
    """The states behind a block; empty where none may stand."""
    before = shifted(states, "{")
    goto = machine().tables.gotos[before[-2]].get(rule) if before else None
    return [*before[:-1], goto] if before and goto is not None else []


def words_after(states: Iterable[int]) -> tuple[str, ...]:
    """The keywords that may stand here, those that come together in one."""
    states = list(states)
    actions = machine().tables.actions[states[-1]]
    found = [whole for word in actions if word in keywords() and (whole := phrase(states, word))]
    return (*found, "first") if shifted(states, "FIRST") is not None else tuple(found)


def phrase(states: States, word: str) -> str | None:
    """A keyword with those that must follow it; None where it does not fit."""
    after = shifted(states, word)
    if after is None:
        return None
    following = [t for t in machine().tables.actions[after[-1]] if shifted(after, t) is not None]
    if len(following) == 1 and following[0] in keywords():
        return f"{word} {phrase(after, following[0])}"
    return word


@cache
def keywords() -> frozenset[str]:
    """The literals of the grammar that are words."""
    return frozenset(word for word in machine().tables.literals if re.fullmatch("[a-z]+", word))


@cache
def first_words(rule: str) -> frozenset[str]:
    """The keywords that something may begin with."""
    actions = machine().tables.actions[machine().tables.starts[rule][0]]
    return frozenset(word for word in actions if word in keywords())


# How to complete what is begun: the first of these that fits, until the text may end. Closing brackets come
# first, and a word only where nothing shorter fits.
MUST_COME = (
    ")", "]", "}", ">", "->", "=>", "NAME", "STRING", "INT", "{", "else", "then", "of", "times", "=", ",",
    "at", "most", "once", "from", "in", "as", "when", "failures", "within", "reset", "each", "for", "per",
    "order", "(", ":",
)  # fmt: skip
MARKS = (",", ")", "]", "}", ">", "->", "=>", "NAME", "=", ":", "{")  # what one forgets
CLOSERS = (")", "]", "}", ">", "NAME")
SPELT = {"NAME": "_", "STRING": '""', "INT": "1"}
MOST_PUT_IN = 8  # closers before one token
DEEPEST = 1000  # states; what nests deeper does not parse
MOST_MENDED = 100  # places of one text
LONGEST_ENDING = 64  # terminals


def rest_of(states: States, rule: str) -> str:
    """A text that completes what is begun."""
    text = ""
    for _ in range(LONGEST_ENDING):
        found = None if ends(states, rule) else next_of(states)
        if found is None:
            return text
        added, states = found
        text += added
    return text


def next_of(states: States, among: Iterable[str] = MUST_COME) -> tuple[str, States] | None:
    """What must come next, as text, and the states behind it."""
    for terminal in among:
        after = marked(states, terminal)
        if after is not None:
            return f" {SPELT.get(terminal, terminal)}", after
    return None


def marked(states: States, terminal: str) -> States | None:
    """As `shifted`, but `>` only where it ends a type and does not compare."""
    if terminal == ">" and shifted(states, "+") is not None:
        return None
    return shifted(states, terminal)
