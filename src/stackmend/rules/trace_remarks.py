"""What a person must know of an answer that is not whole: what was not learnt of a command, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stackmend.domain.trace import Call, Way
from stackmend.rules.logs_masking import MASK, mask
from stackmend.rules.trace_calls import refused

SHOWN = 3
_SECRET = re.compile(r"--?[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api-?key|access-?key|passcode)", re.IGNORECASE)


def unlearnt(way: Way, calls: Sequence[Call], addresses: Sequence[str], programs: int) -> list[str]:
    """Return a sentence for everything that was not learnt of a command's requests.

    Args:
        way: how they were learnt.
        calls: of it.
        addresses: of this machine, as the services would see it.
        programs: how many Python programs it ran that would have told.
    """
    said = []
    machine = ", ".join(addresses) or "this machine"
    if way is Way.ADDRESS:
        said.append(
            f"The requests were learnt by time and address ({machine}): what else was asked from there meanwhile is "
            "taken for the command's."
        )
    if way is Way.NONE:
        ran = "told no request" if programs else "ran no Python program that tells its requests"
        said.append(
            f"No request of the command is known: it {ran}, and no service noted one from {machine}. Where a proxy is "
            "before the APIs, they note the proxy's address: say it by --address."
        )
    without = [call for call in calls if not (call.request or call.error) and (way is Way.ADDRESS or refused(call))]
    if without:
        some = "; ".join(dict.fromkeys(f"{call.method} {call.url}" for call in without[:SHOWN]))
        said.append(f"{len(without)} of {len(calls)} calls have no request id and are not followed, such as {some}.")
    return said


def beside(others: Sequence[str]) -> list[str]:
    """Return a sentence on requests of this machine that the command did not tell of."""
    if not others:
        return []
    some = ", ".join(others[:SHOWN])
    said = f"{len(others)} more requests came from this machine meanwhile ({some}): another client's, or of a part of"
    return [f"{said} the command that tells nothing, which --by-address takes along."]


def shown(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command line without its secrets: what looks like one, and what follows an option that takes one."""
    return tuple(map(_shown, ("", *words[:-1]), words))


def _shown(before: str, word: str) -> str:
    option, equals, _ = word.partition("=")
    if equals and _SECRET.fullmatch(option):
        return f"{option}={MASK}"
    return MASK if _SECRET.fullmatch(before) and not word.startswith("-") else mask(word)
