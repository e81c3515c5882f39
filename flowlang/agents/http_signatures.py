"""What an OpenAPI document on the disk offers, for the checker: light, and without asking anybody.

The document is what `[http.TARGET] openapi` of `flow.toml` names, relative to that, else the target itself,
relative to the flow's own file. One behind a URL is known by `flow.lock`."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final

from flowlang.agents.http_route import route_of
from flowlang.agents.offers import NotDescribed, Offered, Told
from flowlang.agents.openapi import offers_of
from flowlang.agents.openapi_text import MAX_DOCUMENT_BYTES, NoDocument, line_of, place_of, read_text
from flowlang.agents.roots import CONFIG_NAME, config_folder, root_folder
from flowlang.agents.tables import read_tables

KIND: Final = "http"


def told(target: str, using_path: str, environment: str | None = None) -> Told | None:
    """What the operations of a target offer; None where only `flow.lock` knows. Raises NotDescribed."""
    named, folder = _named(target, using_path, environment)
    if is_url(named):
        return None
    return told_by_file(os.path.join(folder, named), root_folder(using_path))


def is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _named(target: str, using_path: str, environment: str | None) -> tuple[str, str]:
    """The document that a target means, and the folder that a relative path starts at."""
    beside = os.path.dirname(using_path)
    folder = config_folder(using_path)
    if folder is None:
        return target, beside
    found = read_tables(os.path.join(folder, CONFIG_NAME), environment).table(KIND, target)
    table = found[1] if found is not None else None
    if not isinstance(table, dict):
        return target, beside
    document = table.get("openapi")
    if not isinstance(document, str):
        message = f"`[http.{target}]` names no document that says what there is to call"
        raise NotDescribed(message, 'add `openapi = "…"`, a path or a URL, or declare agents and bind them')
    return document, folder


def told_by_file(path: str, root: str) -> Told:
    """What a document on the disk offers, which lies below a folder. Raises NotDescribed."""
    shown = os.path.normpath(path)
    real = os.path.realpath(path)
    try:
        known = os.stat(real)
    except (OSError, ValueError):
        raise NotDescribed(
            "there is no such file", "name an OpenAPI document, a path or a URL", path=shown
        ) from None
    if os.path.commonpath([real, os.path.realpath(root)]) != os.path.realpath(root):
        help = "flows may only use files below the project's root"
        raise NotDescribed("it lies outside the project", help, path=shown)
    found = _read(real, known.st_mtime_ns, known.st_size)
    if isinstance(found, NoDocument):
        raise NotDescribed(found.message, found.help, found.line, shown)
    offers, lines = found
    return Told(offers, shown, lines)


@lru_cache(maxsize=8)
def _read(path: str, modified: int, size: int) -> tuple[tuple[Offered, ...], tuple[int, ...]] | NoDocument:
    """What a file offers and in which lines, or what is wrong with it. One file is asked for once for each of
    its agents."""
    text = ""
    try:
        with open(path, "rb") as file:
            document, text = read_text(file.read(MAX_DOCUMENT_BYTES + 1))
        offers = offers_of(document)
        return offers, _lines(text, offers)
    except OSError as problem:
        return NoDocument(f"it cannot be read: {problem.strerror}")
    except NoDocument as problem:
        if problem.line is None and problem.path:
            problem.line = line_of(text, problem.path)
        return problem


def _lines(text: str, offers: tuple[Offered, ...]) -> tuple[int, ...]:
    """Where each operation stands. They come in the order of the document, so each is looked for behind the
    one before it."""
    lines: list[int] = []
    line, counted, at, last = 1, 0, max(place_of(text, "paths", 0), 0), ""
    for offered in offers:
        route = route_of(offered)
        assert route is not None, "an operation was offered with its route"
        keys = (route.method.lower(),) if route.path == last else (route.path, route.method.lower())
        for key in keys:
            at = max(place_of(text, key, at + 1), at)
        line += text.count("\n", counted, at)
        counted, last = at, route.path
        lines.append(line)
    return tuple(lines)
