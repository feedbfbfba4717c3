"""The calls of a command: which project answers at a URL, and which calls the services' logs tell of a machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from stackmend.domain.log_record import LogRecord
from stackmend.domain.trace import Call

PORTS: Mapping[int, str] = {
    5000: "keystone", 35357: "keystone", 8774: "nova", 8778: "placement", 9292: "glance", 9696: "neutron",
    8776: "cinder", 8004: "heat", 8000: "heat", 9876: "octavia", 9001: "designate", 9311: "barbican", 8786: "manila",
    9511: "magnum", 6385: "ironic", 5050: "ironic-inspector", 8080: "swift", 8042: "aodh", 8041: "gnocchi",
    15868: "masakari", 9322: "watcher", 8989: "mistral", 8779: "trove",
}  # fmt: skip
"""The ports that OpenStack's projects use unless they are told otherwise."""

PREFIXES: Mapping[str, str] = {
    "identity": "keystone", "compute": "nova", "placement": "placement", "image": "glance", "network": "neutron",
    "networking": "neutron", "volume": "cinder", "block-storage": "cinder", "orchestration": "heat",
    "load-balancer": "octavia", "dns": "designate", "key-manager": "barbican", "share": "manila",
    "object-store": "swift", "baremetal": "ironic",
}  # fmt: skip
"""The first part of the path, where all answer at one port."""

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_TOKENS = "/auth/tokens"
_REFUSED = 400

_ACCESS = re.compile(
    r"\b(?P<method>GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) (?:https?://[^/\s]+)?(?P<path>/[^\s?\"]*)"
    r"[^\n]*?(?:status: |HTTP/\d(?:\.\d)?\"? )(?P<status>\d{3})\b"
)


def project(url: str) -> str:
    """Return the project that answers at a URL; its host and port where that is not known."""
    parts = urlsplit(url)
    first = parts.path.lstrip("/").partition("/")[0]
    if first in PREFIXES:
        return PREFIXES[first]
    return PORTS.get(parts.port or 0) or parts.netloc


def changes(call: Call) -> bool:
    """Return whether work may go on after a call was answered: it changes something, and was not refused."""
    return call.method in CHANGING and call.status < _REFUSED and not call.url.rstrip("/").endswith(_TOKENS)


def refused(call: Call) -> bool:
    """Return whether a call was answered by an error."""
    return call.status >= _REFUSED


def noted(records: Iterable[LogRecord], addresses: Iterable[str], own: str) -> tuple[Call, ...]:
    """Return the calls that came from some addresses, as the services noted them, in the order of time.

    Calls that services made for other requests are left out. uWSGI's notes have no request id, and stand only where
    the service itself noted nothing.

    Args:
        records: that have one of the addresses anywhere in them.
        addresses: of the machine.
        own: a global request id that was given to the calls that are meant.
    """
    whole = re.compile(r"(?<![\w.:])(?:" + "|".join(map(re.escape, addresses)) + r")(?![\w:]|\.\d)")
    told: dict[str, Call] = {}
    known: set[tuple[str, int, str, str]] = set()
    rest: list[tuple[tuple[str, int, str, str], Call]] = []
    for record in records:
        if record.global_request not in {"", own}:
            continue
        call = _noted(record)
        key = (str(record.node), record.process, call.method, call.url)
        if record.request and whole.search(record.text):
            known.add(key)
            told[record.request] = _fuller(told.get(record.request), call)
        elif record.logger in {"uwsgi", "access"} and call.method:
            rest.append((key, call))
    without = [call for key, call in rest if key not in known]
    return tuple(sorted([*told.values(), *without], key=lambda call: call.time))


def _noted(record: LogRecord) -> Call:
    found = _ACCESS.search(record.text.partition("\n")[0])
    project = re.split(r"[-_]", record.service, maxsplit=1)[0]
    if found is None:
        return Call(record.time, "", "", 0, record.request, project)
    return Call(record.time, found["method"], found["path"], int(found["status"]), record.request, project)


def _fuller(known: Call | None, call: Call) -> Call:
    """Return the one of two notes of a call that says what it was."""
    return call if known is None or (call.method and not known.method) else known
