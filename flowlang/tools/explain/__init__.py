"""The pages of `flow explain`: one Markdown file a diagnostic code, read by people in trouble.

A page says what the code means, why the language has the rule, and how to mend it, around an example
marked ```flow bad``` and one marked ```flow good```. A test checks that each bad example gives just its
code and that each good one is clean. A code about files, bindings or inputs is shown in words; its page
has no such marks."""

from __future__ import annotations

import re
from importlib import resources

from flowlang.text.codes import Code

_EXAMPLE = re.compile(r"^```flow (bad|good)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def page(code: Code) -> str:
    """The page of a code, as Markdown."""
    return resources.files(__name__).joinpath("pages", f"{code.slug}.md").read_text(encoding="utf-8")


def examples(text: str) -> list[tuple[str, str]]:
    """The examples of a page in order: "bad" or "good", and the flow."""
    return [(kind, flow) for kind, flow in _EXAMPLE.findall(text)]


def title(text: str) -> str:
    """What a page's first line says after the code: `a name that nothing declares`."""
    return text.partition("\n")[0].partition(": ")[2]
