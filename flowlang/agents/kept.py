"""Files of a call: references -> files that an agent can read, and files that it gave -> kept contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowlang.agents.file import File, kept_file
from flowlang.agents.python_values import FindFile
from flowlang.runtime.agent_errors import failed
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.files import FileProblem, Files
from flowlang.values.value import Value


def finder(call: AgentCall) -> FindFile:
    """What finds the files that the arguments of a call refer to; it raises AgentError."""

    def find(reference: Mapping[str, Value]) -> File:
        try:
            return kept_file(reference, _files_of(call).find(reference))
        except FileProblem as problem:
            raise failed(str(problem)) from None

    return find


async def keep_all(files: Iterable[File], call: AgentCall) -> None:
    """Keep the files that a reply refers to. Raises AgentError."""
    for file in files:
        try:
            await _files_of(call).keep(file.reference(), file.content)
        except FileProblem as problem:
            raise failed(str(problem)) from None


def _files_of(call: AgentCall) -> Files:
    if call.files is None:
        raise FileProblem("nothing keeps files here: this call is not made by a run")
    return call.files
