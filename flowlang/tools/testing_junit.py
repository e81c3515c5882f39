"""Verdicts -> JUnit XML, as CI systems read it: a suite a file, a case a test.

The element names and attributes are those that Jenkins and GitLab take (there is no standard). What XML
cannot hold is replaced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from flowlang.text.render import PLAIN, render_all
from flowlang.tools.testing_report import Tested, failure_text
from flowlang.tools.testing_run import Verdict

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_text(tested: Sequence[Tested]) -> str:
    """The document as text."""
    root = ElementTree.Element("testsuites")
    for each in tested:
        _suite(root, each)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _suite(root: ElementTree.Element, tested: Tested) -> None:
    failed = sum(not verdict.passed for verdict in tested.verdicts)
    broken = bool(tested.suite.mistakes)
    seconds = sum(verdict.seconds for verdict in tested.verdicts)
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=_clean(tested.suite.path),
        tests=str(len(tested.verdicts) + broken),
        failures=str(failed),
        errors=str(int(broken)),
        time=f"{seconds:.6f}",
    )
    for verdict in tested.verdicts:
        _case(suite, tested, verdict)
    if broken:
        case = _case_element(suite, tested, "its text has mistakes", 0.0, 1)
        _told(
            case,
            "error",
            tested.suite.mistakes[0].message,
            render_all(tested.suite.mistakes, tested.suite.read),
        )


def _case(suite: ElementTree.Element, tested: Tested, verdict: Verdict) -> None:
    case = _case_element(suite, tested, verdict.test.name, verdict.seconds, verdict.test.at.line)
    if verdict.problem is not None and tested.suite.places is not None:
        _told(case, "failure", verdict.problem.message, failure_text(verdict, tested.suite.places, PLAIN))


def _case_element(
    suite: ElementTree.Element, tested: Tested, name: str, seconds: float, line: int
) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite,
        "testcase",
        classname=_clean(tested.suite.path),
        name=_clean(name),
        file=_clean(tested.suite.path),
        line=str(line),
        time=f"{seconds:.6f}",
    )


def _told(case: ElementTree.Element, how: str, message: str, text: str) -> None:
    ElementTree.SubElement(case, how, message=_clean(message)).text = _clean(text)


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
