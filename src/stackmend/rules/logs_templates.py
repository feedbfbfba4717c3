"""Templates of messages: what is left when names and numbers are replaced. Runs on nodes too, by itself.

Two messages that differ only in UUIDs, request ids, addresses, numbers, hexadecimal words or quoted names have one
template. What is quoted is a name to the one who reads; an apostrophe within a word begins no quotation.
"""

from __future__ import annotations

import re

LONGEST = 400
"""Characters of a message that are looked at; what follows is a dump."""

# Each begins with a fixed character or a set of them, without a look back before it: so the search may skip fast.
_STEPS = (
    (re.compile(r"[0-9a-f](?<![0-9A-Za-z].)[0-9a-f]{7}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"req-<uuid>"), "<request>"),
    (re.compile(r"(tap|qvo|qvb|qbr|qr-|qg-)[0-9a-f]{8}-[0-9a-f]{2}(?!\w)"), r"\1<port>"),
    (re.compile(r"'(?<!\w')[^']*'(?!\w)"), "<name>"),
    (re.compile(r'"(?<!\w")[^"]*"(?!\w)'), "<name>"),
    (re.compile(r"\d(?<![\w.].)\d{0,2}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"), "<address>"),
    (re.compile(r"[0-9a-f](?<!\w.)[0-9a-f]{0,3}(?::[0-9a-f]{0,4}){2,7}(?!\w)"), "<address>"),
    (re.compile(r"0[xX][0-9a-fA-F]+"), "<hex>"),
    (re.compile(r"[0-9a-f](?<!\w.)(?=[a-f]*\d)[0-9a-f]{7,}(?!\w)"), "<hex>"),
    (re.compile(r"\d+(?:\.\d+)*"), "<n>"),
)  # fmt: skip


def template(message: str) -> str:
    """Return the template of a message's first line."""
    text = message.split("\n", 1)[0][:LONGEST]
    for pattern, word in _STEPS:
        text = pattern.sub(word, text)
    return text.strip()
