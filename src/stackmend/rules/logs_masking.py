"""Secrets in lines of logs, replaced by asterisks before they leave the node. Runs on nodes too, by itself."""

from __future__ import annotations

import re

MASK = "****"

_NAMES = (
    r"(?:[\w.-]*(?:passw(?:or)?d|passphrase|adminpass|admin_pass|secret(?:_?key)?|access_?key|auth_token|api_?key|private_key|"
    r"(?:service|subject|auth)-token|authorization))"
)
_KEYED = re.compile(
    r"(?P<name>(?<![\w.-])" + _NAMES + r"(?P<close>\\?[\"']?)\s*(?:=>|[=:])\s*)"
    r"(?P<value>u?b?\\?'[^'\n]*'|u?b?\\?\"[^\"\n]*\"|(?:Bearer|Basic)\s+\S+|[^\s,;&\"'}\])]+)",
    re.IGNORECASE,
)
_URL = re.compile(r"(?P<name>(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://[^\s:/@]*:)(?P<value>[^\s/]+)(?=@)", re.IGNORECASE)
_TOKEN = re.compile(r"gAAAAA[\w-]{20,}=*|eyJ[\w-]{16,}\.[\w-]{8,}\.[\w-]*|\bAQ[A-Za-z0-9+/]{36}==")
"""Fernet tokens, JSON web tokens, Ceph's keys."""
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_HINTS = ("pass", "secret", "token", "key", "://", "auth", "gaaaaa", "eyj", "aq")


def mask(text: str) -> str:
    """Return the text without what looks like a password, a token, a key, or the password of a connection string."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    text = _PEM.sub(MASK, text)
    text = _URL.sub(rf"\g<name>{MASK}", text)
    text = _KEYED.sub(_keyed, text)
    return _TOKEN.sub(MASK, text)


def _keyed(found: re.Match[str]) -> str:
    value = found.group("value")
    quote = value[-1] if value[-1] in "'\"" else ""
    return f"{found.group('name')}{quote}{MASK}{quote}"
