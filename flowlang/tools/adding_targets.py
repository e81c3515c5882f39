"""`flow agents add`: words of the command line -> a table at the end of `flow.toml`, once its target answers.

What stands in the file stays as it is, comments and layout included: the table is text that is put behind it,
and the result must read as the old tables and the new one. Nothing is written where anything is wrong."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from pydantic import ValidationError

from flowlang.agents.config import Config, read_config
from flowlang.agents.config_mistakes import complaints
from flowlang.agents.providers import Provider, Settings, Target, Unfit, provider_of
from flowlang.agents.roots import CONFIG_NAME
from flowlang.agents.secrets import Secrets
from flowlang.agents.tables import ENVIRONMENTS
from flowlang.text.source import Source
from flowlang.tools.whole_files import write_whole

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_SETTING: Final = re.compile(r"\s*(?P<key>[A-Za-z_]\w*)\s*=(?P<value>.*)", re.DOTALL)


class CannotAdd(Exception):
    """Why a table cannot be added: what is wrong, and what to do."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(f"{message}; {help}" if help else message)


@attrs.frozen(eq=False)
class Addition:
    """A table that can be added: its target, and the text that is put behind `flow.toml`."""

    path: Path
    target: Target
    table: str


def addition(
    folder: Path, kind: str, name: str, words: Sequence[str], settings: Sequence[str], environment: str | None
) -> Addition:
    """A table `[KIND.NAME]` for the project at a folder. `words` are a command, a URL or a path, whatever the
    provider makes of it; `settings` are `KEY=VALUE` beside it, in TOML. Raises CannotAdd."""
    path = folder / CONFIG_NAME
    config = read_config(path) if path.exists() else None
    if config is not None and config.diagnostics:
        raise CannotAdd(f"{CONFIG_NAME} has mistakes already", "see `flow check`, `flow agents`")
    if not _BARE.fullmatch(name):
        raise CannotAdd(f"`{name}` is no name for a target", "letters, digits, `_` and `-` make one")
    _refuse_existing(config, kind, name, environment)
    provider = _provider(kind)
    table = {**_from_words(provider, words, folder), **_from_settings(settings)}
    found = _settings(provider, kind, name, table)
    secrets = config.secrets if config else Secrets()
    target = Target(kind, name, folder, found, secrets, provider, (), Path.cwd())
    head = f"{ENVIRONMENTS}.{environment}.{kind}.{name}" if environment else f"{kind}.{name}"
    return Addition(path, target, toml_table(head, table))


def add(addition: Addition) -> None:
    """Put a table behind `flow.toml`, which is made where there is none. Raises CannotAdd."""
    path = addition.path
    try:
        before = path.read_bytes().decode() if path.exists() else ""
        gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
        after = before + gap + addition.table
        if not _adds_only(before, after):
            raise CannotAdd(
                f"{CONFIG_NAME} cannot be added to", "write the table by hand:\n\n" + addition.table
            )
        write_whole(path, after)
    except (OSError, ValueError) as problem:
        raise CannotAdd(f"{path} cannot be written: {problem}") from None


def _refuse_existing(config: Config | None, kind: str, name: str, environment: str | None) -> None:
    if config is None:
        return
    whole = tomllib.loads(config.source.text)
    tables = whole.get(ENVIRONMENTS, {}).get(environment, {}) if environment else whole
    if name in tables.get(kind, {}):
        raise CannotAdd(f"{CONFIG_NAME} has a target `[{kind}.{name}]` already", "choose another name")


def _provider(kind: str) -> Provider:
    try:
        found = provider_of(kind)
    except Unfit as problem:
        raise CannotAdd(problem.message, problem.help) from None
    if found is None:
        raise CannotAdd(f"there is no provider `{kind}`", "see `flow agents add --help`")
    return found


def _from_words(provider: Provider, words: Sequence[str], folder: Path) -> dict[str, Any]:
    if not words:
        return {}
    text = words[0] if len(words) == 1 else shlex.join(words)
    try:
        return provider.from_text(text, folder).model_dump(mode="json", exclude_defaults=True)
    except Unfit as problem:
        raise CannotAdd(problem.message, problem.help) from None


def _from_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`KEY=VALUE`, the value in TOML; what is not TOML is the text itself."""
    table: dict[str, Any] = {}
    for text in settings:
        found = _SETTING.fullmatch(text)
        if found is None:
            raise CannotAdd(f"`{text}` is not KEY=VALUE")
        try:
            table[found["key"]] = tomllib.loads(f"value = {found['value']}")["value"]
        except tomllib.TOMLDecodeError:
            table[found["key"]] = found["value"]
    return table


def _settings(provider: Provider, kind: str, name: str, table: Mapping[str, Any]) -> Settings:
    try:
        return provider.settings.model_validate(table)
    except ValidationError as problem:
        source = Source(CONFIG_NAME, "")
        found = next(complaints(source, (kind, name), provider.settings, problem))
        help = found.help or "give it with `--set KEY=VALUE`"
        raise CannotAdd(f"{kind} {name}: {found.message}", help) from None


def _adds_only(before: str, after: str) -> bool:
    """Whether a text reads as another one with one more table."""
    try:
        old, new = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        return False
    return _holds(new, old) and new != old


def _holds(new: Any, old: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and _holds(new[key], value) for key, value in old.items())
    return bool(new == old)


def toml_table(head: str, table: Mapping[str, Any]) -> str:
    """A table as text: JSON's texts, numbers and lists are TOML's, too."""
    given = {key: value for key, value in table.items() if value is not None}
    lines = [f"[{head}]", *(f"{_key(key)} = {_value(value)}" for key, value in given.items())]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    match value:
        case dict():
            inside = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
