"""Labels whose words others choose, held to a number: a metric keeps each word for ever."""

import re
from typing import Final

OTHER: Final = "other"
_WORD: Final = re.compile(r"[a-zA-Z0-9_]{1,63}")


class Words:
    """The first so many words that come; what comes after them is `other`."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._known: set[str] = set()

    def of(self, word: str) -> str:
        """Return the word as a label's value."""
        if word in self._known:
            return word
        if len(self._known) >= self._most or not _WORD.fullmatch(word):
            return OTHER
        self._known.add(word)
        return word
