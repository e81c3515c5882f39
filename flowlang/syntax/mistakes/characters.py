"""Characters that no flow holds, or not outside of its strings and comments -> what to say of them.

Some are refused everywhere: NUL and other control characters, half of a surrogate pair, and the marks
that change the direction of text, since with those a reviewer reads another program than the compiler
does (Boucher and Anderson, "Trojan Source", 2021). Others look like what belongs here and are not."""

from __future__ import annotations

import re
import unicodedata

from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Edit, Fix, Label
from flowlang.text.source import Span

REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

# The letters that look like one of the alphabet that names are made of, by the letter they look like.
LOOKALIKES = {
    "A": "АΑᎪ", "B": "ВΒᏴ", "C": "СϹᏟ", "D": "Ꭰ", "E": "ЕΕᎬ", "F": "Ϝ", "G": "Ԍ", "H": "НΗᎻ", "I": "ІΙӀ",
    "J": "ЈᎫ", "K": "КΚᏦ", "L": "Ꮮ", "M": "МΜᎷ", "N": "Ν", "O": "ОΟՕ", "P": "РΡᏢ", "Q": "Ԛ", "R": "Ꭱ",
    "S": "ЅᏚ", "T": "ТΤᎢ", "U": "Ս", "V": "Ꮩ", "W": "Ԝ", "X": "ХΧ", "Y": "ҮΥ", "Z": "ΖᏃ",
    "a": "аɑα", "b": "Ь", "c": "сϲ", "d": "ԁ", "e": "еҽ", "f": "ƒ", "g": "ɡց", "h": "һհ", "i": "іιı",
    "j": "јϳ", "k": "κ", "l": "ӏⅼ", "m": "ⅿ", "n": "ո", "o": "оοօ", "p": "рρ", "q": "ԛգ", "r": "г",
    "s": "ѕ", "t": "τ", "u": "υս", "v": "ѵν", "w": "ԝա", "x": "хχ", "y": "уү", "z": "ᴢ",
}  # fmt: skip
LETTER = {alike: letter for letter, group in LOOKALIKES.items() for alike in group}

PUNCTUATION = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'",
    "−": "-", "–": "-", "—": "-", "×": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=",
    "→": "->", "⇒": "=>", "…": "...", "，": ",", "：": ":", "（": "(", "）": ")",
    "［": "[", "］": "]", "｛": "{", "｝": "}", "＝": "=",
}  # fmt: skip


def refused_character(text: str, offset: int = 0) -> Diagnostic | None:
    """The first character of a text that may stand nowhere."""
    found = REFUSED.search(text)
    if found is None:
        return None
    point = ord(found[0])
    is_surrogate = 0xD800 <= point <= 0xDFFF
    return Diagnostic(
        codes.BAD_CHARACTER,
        f"{name_of(found[0])} may not stand in a flow, not even in a string or a comment",
        Label(
            Span(*found.span()).shifted(offset), "half of a character" if is_surrogate else "cannot be seen"
        ),
        help="remove it"
        if is_surrogate
        else f"remove it; in a string write `\\u{{{point:X}}}` if it is meant",
    )


def stray_character(character: str, span: Span) -> Diagnostic:
    """What to say of a character that is no part of the language."""
    if refused := refused_character(character, span.start):
        return refused
    plain = ascii_for(character)
    help, fix = None, None
    if plain is not None:
        fix = Fix(f"Write `{plain}`", (Edit(span, plain),))
        help = (
            f"it looks like `{plain}`, but it is another character"
            if character.isalpha()
            else f"write `{plain}`"
        )
    elif character.isspace() or not character.isprintable():
        fix = Fix("Remove it", (Edit(span, " " if character.isspace() else ""),))
        help = (
            "blanks are spaces, tabs and line breaks"
            if character.isspace()
            else "it cannot be seen; remove it"
        )
    elif character.isalpha():
        help = "names are made of the letters a to z and A to Z, digits and `_`; strings may hold any"
    return Diagnostic(
        codes.BAD_CHARACTER, f"{name_of(character)} has no meaning here", Label(span), help=help, fix=fix
    )


def ascii_for(character: str) -> str | None:
    """The ASCII text that a character looks like."""
    if character in PUNCTUATION:
        return PUNCTUATION[character]
    if character in LETTER:
        return LETTER[character]
    folded = unicodedata.normalize("NFKC", character)
    is_word = folded.isascii() and folded.isalnum() and character != folded
    return folded if is_word else None


def name_of(character: str) -> str:
    """A character as people know it: itself, and its name if it is not ASCII."""
    point = f"U+{ord(character):04X}"
    name = unicodedata.name(character, CONTROLS.get(character, ""))
    if character.isascii() and character.isprintable():
        return f"`{character}`"
    shown = f"`{character}` " if character.isprintable() else ""
    return (
        f"{shown}({point} {name})" if shown and name else f"the character {point}" + f" {name}" * bool(name)
    )


CONTROLS = {"\0": "NULL", "\x08": "BACKSPACE", "\x0b": "LINE TABULATION", "\x1b": "ESCAPE", "\x7f": "DELETE"}
