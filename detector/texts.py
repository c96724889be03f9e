"""Reason texts: what a template may name, checked when it is loaded."""

from __future__ import annotations

import string
from collections.abc import Collection

from detector.money import MONEY, Told
from detector.toml_file import nearest_name
from detector.toml_section import Section


def names_in(section: Section, key: str, allowed: Collection[str], sample: float) -> list[str]:
    """The names that the text under `key` puts in, in order.

    Refused with the section's error: an unknown name, anything but a bare name in braces, and a
    format that does not fit `sample` (a float for columns, an int for counts).
    """
    text, found = section.text(key), []
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise section.error(key, f"does not format: {error}") from error
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in allowed:
            nearest = nearest_name(name, allowed)
            raise section.error(key, f'unknown name "{name}" in braces', nearest)
        if conversion or "{" in (spec or ""):
            raise section.error(key, f'only a plain format may follow "{name}"')
        try:
            format(sample if spec != MONEY else Told(sample), spec or "")
        except ValueError as error:
            raise section.error(key, f'"{name}:{spec}" does not format a number') from error
        found.append(name)
    return found
