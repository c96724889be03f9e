"""Dead letters as the engine counts them: of which feed, at which time, which again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from detector.events import TYPES
from detector.feed_breaks import DeadLetter
from streams.merging import Letter

# A letter is often no JSON; what it says of its type is read all the same.
_TYPE: Final = re.compile(rb'"type"\s*:\s*"(%s)"' % "|".join(TYPES).encode())


def feed_letters(letters: Sequence[Letter]) -> list[DeadLetter]:
    """Those that name their feed, and that some event of their log came before."""
    found = []
    for letter in letters:
        named = _TYPE.search(letter.value)
        if named is not None and letter.after_ms >= 0:
            digest = blake2b(letter.value, digest_size=8).digest()
            mark = int.from_bytes(digest, "big")
            found.append(DeadLetter(named[1].decode(), letter.after_ms, mark))
    return found
