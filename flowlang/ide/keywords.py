"""The words of the language, each with one line of what it means and, where it begins something, its shape.

A shape is a snippet: `${1:name}` are the places to fill in, in order, `$0` is where the cursor ends. Words
that come only together stand together, as the parse tables give them (`prefix.words_after`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs


@attrs.frozen
class Keyword:
    """`shape` is "" for a word that stands for itself."""

    doc: str
    shape: str = ""


def _block(head: str) -> str:
    return f"{head} {{\n\t$0\n}}"


KEYWORDS: Final[Mapping[str, Keyword]] = {
    # declarations
    "import": Keyword(
        "Everything that another file declares, behind an alias.", 'import "${1:other.flow}" as ${2:other}'
    ),
    "use": Keyword(
        "Agents with the signatures of someone else's functions.", 'use python ${1:tools} = "${2:tools.py}"'
    ),
    "type": Keyword(
        "A name for a type, or a tagged union with its constructors.",
        "type ${1:Name} = { ${2:field}: ${3:string} }",
    ),
    "error": Keyword("An error with its fields, which agents raise and flows catch.", "error ${1:Name}($2)"),
    "event": Keyword("Something that the outside world may tell a run.", "event ${1:Name}($2)"),
    "agent": Keyword(
        "Something that can be called, by its type alone; how it is reached stands elsewhere.",
        "agent ${1:name}(${2:input}: ${3:string}) -> ${4:string} effect ${5:read}",
    ),
    "ask": Keyword(
        "A question that is called like an agent and answered from outside.",
        "ask ${1:name}(${2:question}: string) -> ${3:bool}",
    ),
    "flow": Keyword(
        "A typed function whose only effects are agent calls.",
        _block("flow ${1:name}(${2:input}: ${3:string}) -> ${4:string}"),
    ),
    "test": Keyword("A flow run with stubbed agents, in virtual time.", _block('test "${1:title}"')),
    # heads and policies
    "raises": Keyword("The declared errors that may leave an agent or a flow.", "raises ${1:Error}"),
    "effect": Keyword(
        "What a call does: `pure`, `read`, `idempotent` or `write`.",
        "effect ${1|read,pure,idempotent,write|}",
    ),
    "limit": Keyword("Calls at the same time, and calls started within a window.", "limit ${1:8} at once"),
    "breaker": Keyword(
        "After so many failures calls fail at once, for a while.",
        "breaker ${1:5} failures within ${2:1m} reset ${3:30s}",
    ),
    "cache": Keyword("A call with equal arguments gives the earlier reply for this long.", "cache ${1:1h}"),
    "in order": Keyword("Each statement of the block starts when the one above has settled."),
    # statements
    "step": Keyword("Do something, and name its result.", "step ${1:name} = $0"),
    "let": Keyword("Name a value.", "let ${1:name} = $0"),
    "require": Keyword(
        "Fail with `RequirementFailed` unless a condition holds; statements below wait for it.",
        'require ${1:condition} else "${2:message}"',
    ),
    "ensure": Keyword(
        "On the way out, fail with `EnsureFailed` unless a condition on `result` holds.",
        "ensure ${1:condition}",
    ),
    "fail": Keyword(
        "Raise a declared error; it never gives a value, so it fits everywhere.", "fail ${1:Error}($2)"
    ),
    "return": Keyword("The result of the flow; with `when`, an early one.", "return $0"),
    "yield": Keyword("The value of a block of `for each` or `do`.", "yield $0"),
    "next": Keyword("The next state of a `while`.", "next $0"),
    # tasks
    "for each": Keyword(
        "Do the block for every item; the list of what the blocks yield.",
        "for each ${1:item} in ${2:list} {\n\t$0\n\tyield ${3:item}\n}",
    ),
    "while": Keyword(
        "Do the block again while a condition on the state holds; the last state.",
        "while ${1:condition}, at most ${2:3} times, from ${3:state} = ${4:initial} {\n\tnext $0\n}",
    ),
    "choose": Keyword(
        "The first arm whose condition holds.",
        "choose {\n\twhen ${1:condition} -> ${2:task}\n\telse -> $0\n}",
    ),
    "match": Keyword(
        "By constructor, literal or null; every case must be covered.", "match ${1:value} {\n\t$0\n}"
    ),
    "do": Keyword(
        "A block as a task, so that clauses can cover several steps.", "do {\n\t$0\n\tyield ${1:value}\n}"
    ),
    "race": Keyword(
        "The first branch to succeed; the others are cancelled and undone.",
        "race {\n\t${1:one},\n\t${2:other},\n}",
    ),
    "first": Keyword("The first n branches to succeed.", "first ${1:2} of {\n\t$0\n}"),
    "wait for": Keyword(
        "An event, with its fields; taken by one wait.",
        "wait for ${1:Event} where ${2:event} => ${3:condition}",
    ),
    "sleep": Keyword("Wait for a time, or until an instant.", "sleep ${1:10m}"),
    "until": Keyword("In `retry`: what a good value is, else it is tried again. In `sleep`: an instant."),
    "where": Keyword("Only the items, or the events, for which this holds."),
    "at once": Keyword("So many at the same time."),
    "at most": Keyword(
        "The most rounds of a `while`; there is no loop without a bound.", "at most ${1:3} times"
    ),
    "tolerating": Keyword(
        "Up to n failed items give null and do not fail the loop.", "tolerating ${1:1} failures"
    ),
    "every": Keyword("The least time between the starts of two rounds.", "every ${1:10s}"),
    "from": Keyword("The first state of a `while`.", "from ${1:state} = ${2:initial}"),
    "or fail": Keyword("Raise `LoopExhausted` at the limit instead of stopping with the state there is."),
    # clauses
    "when": Keyword(
        "A guard: where it is false the step is skipped, and its value is null.", "when ${1:condition}"
    ),
    "otherwise": Keyword("The value of a step that was skipped.", "otherwise ${1:value}"),
    "after": Keyword("Start only when these steps have settled.", "after ${1:step}"),
    "key": Keyword(
        "The idempotency key of the call, by which its agent knows a repetition.", 'key "${1:key}"'
    ),
    "timeout": Keyword("The longest time of all attempts, or `per attempt` of each.", "timeout ${1:30s}"),
    "per attempt": Keyword("Of each attempt, not of all together."),
    "retry": Keyword("Further attempts after a failure.", "retry ${1:3} times"),
    "times": Keyword("Ends a number of attempts or of rounds."),
    "on": Keyword("Only after these errors.", "on ${1:Error}"),
    "backoff": Keyword(
        "The waits between attempts: they double, with jitter.", "backoff ${1:1s} to ${2:30s}"
    ),
    "constant": Keyword("Waits that stay as they are."),
    "linear": Keyword("Waits that grow by the same each time."),
    "exponential": Keyword("Waits that double, up to the longest."),
    "to": Keyword("The longest wait between attempts."),
    "within": Keyword("The longest time for all attempts together.", "within ${1:5m}"),
    "catch": Keyword(
        "What to do instead when all attempts have failed; without a name, for any failure.",
        "catch ${1:Error} -> $0",
    ),
    "undo": Keyword("How to take a success back when what is around it fails.", "undo $0"),
    "finally": Keyword("Runs however a started step ends, shielded.", "finally { $0 }"),
    # tests
    "given": Keyword("How an agent answers in this test.", "given ${1:agent} -> ${2:answer}"),
    "send": Keyword("An event that the run is told.", "send ${1:Event}($2)"),
    "run": Keyword("Run a flow, and name its result.", "run ${1:out} = $0"),
    "expect": Keyword("What must hold when the run has ended.", "expect $0"),
    "fails": Keyword("The error that an agent answers with, or that a run ends with.", "fails ${1:Error}"),
    # expressions
    "if": Keyword(
        "One of two values, or tasks; there is always an `else`.",
        "if ${1:condition} then ${2:value} else ${3:value}",
    ),
    "then": Keyword("The value, or task, where the condition holds."),
    "else": Keyword("The value, task or arm for everything else; behind `require`, the message."),
    "and": Keyword("Both hold; the right side knows what the left has shown."),
    "or": Keyword("At least one holds."),
    "not": Keyword("It does not hold."),
    "in": Keyword("Is an item of a list, a key of a map, a part of a string."),
    "is": Keyword("Asks for a constructor or for null, and narrows.", "is ${1:Case}"),
    "as": Keyword(
        "Behind a value: checked at run time to have a type. Behind a name: what it is called here."
    ),
    "of": Keyword("The branches that `first n` chooses from."),
    "true": Keyword("The truth value true."),
    "false": Keyword("The truth value false."),
    "null": Keyword("No value; what an optional type allows."),
    "each": Keyword("Every item of a list, or entry of a map."),
    "for": Keyword("Do the block for every item; the list of what the blocks yield."),
    "wait": Keyword("An event, with its fields; taken by one wait."),
    "at": Keyword("Begins a number at once, or a most."),
    "once": Keyword("At the same time."),
    "most": Keyword("The most rounds of a `while`."),
    "order": Keyword("One after the other, from top to bottom."),
    "per": Keyword("For each attempt, or within a window of time."),
    "attempt": Keyword("One try of a step's task."),
    "failures": Keyword("Ends a number of failures."),
    "reset": Keyword("How long a breaker stays open."),
}

TYPES: Final[Mapping[str, str]] = {
    "string": "Unicode text.",
    "int": "Whole numbers of 64 bits; overflow is an error, never wraps.",
    "float": "Finite floating-point numbers of 64 bits.",
    "bool": "`true` or `false`.",
    "null": "`null`, which is nothing else.",
    "duration": "Lengths of time, in microseconds: `30s`, `1h30m`.",
    "datetime": "Instants, in UTC, in microseconds.",
    "json": "Anything that JSON can say, unexamined; `as T` says what it is.",
    "file": "A reference to content that is kept beside the run: hash, size and media type.",
    "list": "Lists: `list<T>`.",
    "map": "Maps from strings to `T`, in the order of their entries: `map<T>`.",
    "secret": "A `T` that is passed on and never looked at: `secret<T>`.",
}

ERRORS: Final[Mapping[str, str]] = {
    "Timeout": "A deadline that passed.",
    "AgentFailed": "An agent that failed in a way it does not declare.",
    "Unavailable": "An agent that could not be reached.",
    "BadOutput": "A reply that does not have the declared type, or is too large.",
    "BadValue": "`as`, where the value does not fit.",
    "BreakerOpen": "A call that a breaker does not let through.",
    "LoopExhausted": "`while … or fail` and `retry … until` at their limit.",
    "RequirementFailed": "A `require` that does not hold.",
    "EnsureFailed": "An `ensure` that does not hold.",
    "EvaluationFailed": "An expression that has no value: overflow, division by zero, a limit.",
}

EFFECTS: Final[Mapping[str, str]] = {
    "pure": "A call does nothing but compute.",
    "read": "A call looks, and changes nothing.",
    "idempotent": "A call changes something, and the same however often it is made.",
    "write": "A call changes something more each time.",
}

AMBIENT: Final[Mapping[str, str]] = {
    "run": "This run: its `id`, and when it `started`.",
    "attempt": "Which attempt of the step this is, counted from 1.",
}
