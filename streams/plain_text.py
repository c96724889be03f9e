"""Text of strangers, fit for a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """The text with all that could steer a terminal or break a line shown as its code."""
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text
    )
