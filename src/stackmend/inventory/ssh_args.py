"""The options of ssh(1) that an Ansible inventory gives as text."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

_OPTION = re.compile(r"^\s*(\w*)(?:\s*=\s*|\s*)(.*?)\s*$")
_SHORT = {"-J": "proxyjump", "-i": "identityfile", "-p": "port", "-l": "user"}


def options(arguments: str) -> dict[str, str]:
    """Return options by their names in lower case; a ``ProxyCommand`` of ``ssh -W`` counts as a ``proxyjump``."""
    found: dict[str, str] = {}
    words = iter(shlex.split(arguments))
    for word in words:
        if word.startswith("-o"):
            name, value = _OPTION.findall(word[2:] or next(words, ""))[0]
            found.setdefault(name.lower(), value)
        elif word[:2] in _SHORT:
            found.setdefault(_SHORT[word[:2]], word[2:] or next(words, ""))
    jump = _jump(found.get("proxycommand", ""))
    if jump:
        found.setdefault("proxyjump", jump)
    return found


def _jump(command: str) -> str:
    """Return ``user@host:port`` from ``ssh -W %h:%p [-p PORT] [-l USER] [USER@]HOST``; empty for any other command."""
    words = shlex.split(command)
    if not words or not words[0].endswith("ssh") or not any(word.startswith("-W") for word in words):
        return ""
    inner = options(" ".join(shlex.quote(w) for w in words[1:]))
    takes_value = {"-W", "-o", "-i", "-p", "-l", "-F"}
    hosts = [w for before, w in pairwise(words) if not w.startswith("-") and before not in takes_value]
    if not hosts:
        return ""
    user = f"{inner['user']}@" if "user" in inner and "@" not in hosts[-1] else ""
    port = f":{inner['port']}" if "port" in inner else ""
    return f"{user}{hosts[-1]}{port}"
