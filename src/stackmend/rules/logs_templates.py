"""Templates of messages: what is left when names and numbers are replaced. Runs on nodes too, by itself.

Two messages that differ only in UUIDs, request ids, addresses, numbers, hexadecimal words or quoted names have one
template. What is quoted is a name to the one who reads; an apostrophe within a word begins no quotation.
"""

from __future__ import annotations

import re

LONGEST = 400
"""Characters of a message that are looked at; what follows is a dump."""

MOST_KNOWN = 50000
"""Words whose replacement is remembered."""

_QUOTED = (("'", re.compile(r"'(?<!\w')[^']*'(?!\w)")), ('"', re.compile(r'"(?<!\w")[^"]*"(?!\w)')))
_DIGIT = re.compile(r"\d")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_UUID_LENGTH = 36
_STEPS = (
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"req-<uuid>"), "<request>"),
    (re.compile(r"(tap|qvo|qvb|qbr|qr-|qg-)[0-9a-f]{8}-[0-9a-f]{2}(?!\w)"), r"\1<port>"),
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.]\w)"), "<address>"),
    (re.compile(r"(?<!\w)[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}(?!\w)"), "<address>"),
    (re.compile(r"0[xX][0-9a-fA-F]+"), "<hex>"),
    (re.compile(r"(?<!\w)(?=[a-f]*\d)[0-9a-f]{8,}(?!\w)"), "<hex>"),
    (re.compile(r"\d+(?:\.\d+)*"), "<n>"),
)


class Templates:
    """Makes templates; remembers words, as most of a log is said again and again."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, message: str) -> str:
        """Return the template of a message's first line."""
        text = message.split("\n", 1)[0][:LONGEST].strip()
        for quote, pattern in _QUOTED:
            if quote in text:
                text = pattern.sub("<name>", text)
        known = self._known
        words = text.split(" ")
        try:
            return " ".join([known[word] for word in words])
        except KeyError:
            return " ".join([known[word] if word in known else self._learn(word) for word in words])

    def _learn(self, word: str) -> str:
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        made = word
        if word.isdigit():
            made = "<n>"
        elif len(word) == _UUID_LENGTH and _UUID.fullmatch(word):
            made = "<uuid>"
        elif _DIGIT.search(word):
            for pattern, replacement in _STEPS:
                made = pattern.sub(replacement, made)
        self._known[word] = made
        return made
