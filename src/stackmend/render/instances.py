"""What a diagnosis found, and what guests write, for people and programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from stackmend.domain.boot_failure import BootFacts, Cause, Cure
from stackmend.render.output import show_data


def show_diagnosis(facts: BootFacts, causes: Sequence[Cause], form: str) -> None:
    """Write the causes to standard output as ``text``, ``json`` or ``yaml``."""
    instance = facts.instance
    if form != "text":
        record = {"instance": instance.name, "id": instance.id, "node": facts.node, "state": instance.vm_state}
        show_data({**record, "causes": [cause.to_json() for cause in causes]}, form)
        return
    for line in diagnosis_lines(facts, causes):
        print(line)


def diagnosis_lines(facts: BootFacts, causes: Sequence[Cause]) -> Iterator[str]:
    """Yield the lines of a diagnosis, the cause that is to be treated first at the top."""
    instance, host = facts.instance, facts.host
    libvirt = (host.state or "not there") if host is not None else "not asked"
    yield f"{instance.name} ({instance.id}) on {facts.node or 'no node'}: nova {instance.vm_state}, libvirt {libvirt}"
    if not causes:
        yield "nothing shows against it"
    for number, cause in enumerate(causes, 1):
        yield f"{number}. {cause.code}: {cause.sentence}"
        yield f"   cure: {cause.cure if cause.cure is not Cure.NONE else 'none by stackmend'}: {cause.advice}"
        yield from (f"   {name}: {value}" for name, value in cause.evidence.items())
    if causes and causes[0].cure is not Cure.NONE:
        yield f"to have it done: stackmend instance diagnose {instance.name} --fix"


def show_console_head(name: str, node: str, source: str) -> None:
    """Write whose console follows to standard error, so that standard output has the guest's words alone."""
    print(f"console of {name} on {node or 'no node'}, {source}; the guest wrote what follows", file=sys.stderr)


def show_console(lines: Sequence[str]) -> None:
    """Write lines of a console at once; they must be plain."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()
