"""The registry of diagnostic codes.

A code is a number for search engines, a slug for people and a severity. Its page (`flow explain CODE`)
is `flowlang/tools/explain/pages/SLUG.md`; a test insists that each code has a page and a case. Numbers
are never reused. E0 files, E1 syntax, E2 names and modules, E3 types, E4 steps, blocks and flows,
E5 errors and effects, E6 agents and their bindings, E7 inputs, E8 plans as data; W the same groups as
warnings."""

from __future__ import annotations

from typing import Literal

import attrs


@attrs.frozen
class Code:
    number: str
    slug: str
    severity: Literal["error", "warning"]

    def __str__(self) -> str:
        return f"{self.severity}[{self.number} {self.slug}]"


REGISTRY: dict[str, Code] = {}


def code(number: str, slug: str) -> Code:
    """Register a code; the letter of its number says how severe it is."""
    assert number not in REGISTRY and all(slug != known.slug for known in REGISTRY.values()), number
    made = Code(number, slug, "warning" if number.startswith("W") else "error")
    REGISTRY[number] = made
    return made


def find(name: str) -> Code | None:
    """A code by its number or its slug, in any case."""
    wanted = name.strip().lower()
    return next((c for c in REGISTRY.values() if wanted in (c.number.lower(), c.slug)), None)


# files
UNREADABLE_FILE = code("E001", "unreadable-file")
NOT_TEXT = code("E002", "not-text")
SOURCE_TOO_LARGE = code("E003", "source-too-large")

# syntax
SYNTAX = code("E101", "syntax")
UNCLOSED = code("E102", "unclosed")
BAD_CHARACTER = code("E103", "bad-character")
BAD_ESCAPE = code("E104", "bad-escape")
BAD_NUMBER = code("E105", "bad-number")
TOO_DEEP = code("E106", "too-deep")
EXPRESSION_TOO_LARGE = code("E107", "expression-too-large")
RESERVED_NAME = code("E108", "reserved-name")
BAD_HOLE = code("E109", "bad-hole")
DANGLING_DOC = code("W101", "dangling-doc")

# names and modules
UNKNOWN_NAME = code("E201", "unknown-name")
DUPLICATE_NAME = code("E202", "duplicate-name")
SHADOWED_NAME = code("E203", "shadowed-name")
WRONG_KIND = code("E204", "wrong-kind")
UNKNOWN_MODULE = code("E205", "unknown-module")
IMPORT_CYCLE = code("E206", "import-cycle")
IMPORT_OUTSIDE = code("E207", "import-outside")
NAME_BELOW = code("E208", "name-below")
UNKNOWN_FIELD = code("E209", "unknown-field")
UNKNOWN_METHOD = code("E210", "unknown-method")
UNKNOWN_ARGUMENT = code("E211", "unknown-argument")
UNUSED = code("W201", "unused")

# types
TYPE_MISMATCH = code("E301", "type-mismatch")
MAYBE_MISSING = code("E302", "maybe-missing")
NO_COMMON_TYPE = code("E303", "no-common-type")
BAD_OPERANDS = code("E304", "bad-operands")
INT_DIVISION = code("E305", "int-division")
MISSING_ARGUMENT = code("E306", "missing-argument")
POSITIONAL_ARGUMENT = code("E307", "positional-argument")
JSON_USE = code("E308", "json-use")
NOT_EXHAUSTIVE = code("E309", "not-exhaustive")
UNKNOWN_TYPE = code("E310", "unknown-type")
RECURSIVE_TYPE = code("E311", "recursive-type")
SECRET_LEAK = code("E312", "secret-leak")
BAD_PATTERN = code("E313", "bad-pattern")
NEEDS_ANNOTATION = code("E314", "needs-annotation")
NOT_A_CONSTANT = code("E315", "not-a-constant")
CONSTANT_FAILS = code("E316", "constant-fails")
MISSING_FIELD = code("E317", "missing-field")
UNREACHABLE_ARM = code("W301", "unreachable-arm")
CONSTANT_CONDITION = code("W302", "constant-condition")
NEEDLESS_HANDLING = code("W303", "needless-handling")

# steps, blocks and flows
CYCLE = code("E401", "cycle")
CALL_IN_EXPRESSION = code("E402", "call-in-expression")
MISPLACED_STATEMENT = code("E403", "misplaced-statement")
MISPLACED_CLAUSE = code("E404", "misplaced-clause")
DUPLICATE_CLAUSE = code("E405", "duplicate-clause")
FLOW_RECURSION = code("E406", "flow-recursion")
BAD_BOUND = code("E407", "bad-bound")
WAIT_IN_CLEANUP = code("E408", "wait-in-cleanup")
NOTHING_TO_RUN = code("E409", "nothing-to-run")
NO_DEADLINE = code("W401", "no-deadline")
UNREACHABLE_STATEMENT = code("W402", "unreachable-statement")
NOTHING_TESTED = code("W403", "nothing-tested")

# errors and effects
UNHANDLED_ERROR = code("E501", "unhandled-error")
NOT_AN_ERROR = code("E502", "not-an-error")
KEY_REQUIRED = code("E503", "key-required")
BAD_POLICY = code("E504", "bad-policy")
EFFECT_UNDECLARED = code("W501", "effect-undeclared")
USELESS_CATCH = code("W502", "useless-catch")

# agents and their bindings
UNKNOWN_PROVIDER = code("E601", "unknown-provider")
BAD_SIGNATURE = code("E602", "bad-signature")
UNBOUND_AGENT = code("E603", "unbound-agent")
BAD_CONFIG = code("E604", "bad-config")
BINDING_MISMATCH = code("E605", "binding-mismatch")
NOT_LOCKED = code("E606", "not-locked")
BAD_LOCK = code("E607", "bad-lock")
MISSING_SECRET = code("E608", "missing-secret")

# inputs of a run
MISSING_INPUT = code("E701", "missing-input")
UNKNOWN_INPUT = code("E702", "unknown-input")
BAD_INPUT = code("E703", "bad-input")

# plans as data
BAD_DOCUMENT = code("E801", "bad-document")
BAD_PLAN = code("E802", "bad-plan")
NOT_ALLOWED = code("E803", "not-allowed")
OVER_LIMIT = code("E804", "over-limit")
CANNOT_CONVERT = code("E805", "cannot-convert")
