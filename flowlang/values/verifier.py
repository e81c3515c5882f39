"""The second lock: a look at the bytecode of a compiled expression before it may run.

The compiler emits only whitelisted nodes, so nothing here should ever be found; if one day it is, the
plan is refused instead of run. Forbidden is all that reaches past values: attributes, methods, imports,
classes, stores outside of the function, generators, star calls. Whatever name an instruction could use
must be one of ours, which closes what a new version of Python might add."""

from __future__ import annotations

import dis
import re
from collections.abc import Container
from functools import cache
from types import CodeType


class Unsafe(Exception):
    """A code object does what no expression does; a mistake of the compiler."""


def verify(code: CodeType, allowed: Container[str]) -> None:
    """Raise Unsafe unless a code object, with those inside of it, is safe; `allowed` are the global names."""
    found = _forbidden().intersection(code.co_code[::2])
    if found:
        raise Unsafe(", ".join(sorted(dis.opname[number] for number in found)))
    unknown = [name for name in code.co_names if name not in allowed]
    if unknown:
        raise Unsafe(f"names {unknown}")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            verify(constant, allowed)


@cache
def _forbidden() -> frozenset[int]:
    words = re.compile(
        r"ATTR|METHOD|IMPORT|LOAD_NAME|STORE_NAME|DELETE_NAME|LOAD_LOCALS|BUILD_CLASS|(STORE|DELETE)_GLOBAL"
        r"|(STORE|DELETE)_SUBSCR|(STORE|DELETE)_SLICE|YIELD|GENERATOR|AWAIT|ASYNC|SEND|FUNCTION_EX|EXEC|WITH"
        r"|ANNOTATIONS|INTRINSIC_2|MATCH_CLASS|GET_A|PRINT"
    )
    return frozenset(number for name, number in dis.opmap.items() if words.search(name))
