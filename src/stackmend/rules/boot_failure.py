"""Why an instance does not boot: causes, the likeliest to stand in the way first, each with evidence and a cure.

A cure is only offered where it can do no harm to what is on the disks: what needs the instance elsewhere, its disk
repaired or its owner's word has none, and says who must decide. A hard reboot makes libvirt's XML again, plugs the
network and the volumes again, and has nova fetch a missing base image from glance again; see docs/adr/0016.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackmend.domain.boot_failure import GONE, BootFacts, Cause, Cure, DiskLook, HostLook
from stackmend.rules import console
from stackmend.rules.was_running import last_stop

FULL_BYTES = 16 * 2**20
"""Less than this left on the node's disk is taken for full."""

SETTLED = frozenset({"active", "stopped", "error"})
"""States of nova in which an instance may be brought up by a start or a hard reboot."""

PUT_ASIDE = frozenset({"paused", "suspended", "shelved", "shelved_offloaded"})
"""States of nova that somebody has wished for, in which an instance does not run."""

_UNBOUND = frozenset({"binding_failed", "unbound"})
_OFF = frozenset({"", "shut off", "crashed"})


def causes(facts: BootFacts) -> tuple[Cause, ...]:
    """Return every cause that shows, the one to be treated first at the head; none where nothing is wrong."""
    first = tuple(_node(facts)) or tuple(_busy(facts))
    host = facts.host
    if first or host is None:
        return first
    found = (*_elsewhere(facts), *_room(facts, host), *_disks(facts, host), *_volumes(facts, host))
    found += (*_unbound(facts), *_definition(facts, host), *_unplugged(facts, host), *_guest(host))
    return found or tuple(_state(facts, host))


def _node(facts: BootFacts) -> Iterator[Cause]:
    """Yield that nobody on the node can do anything for the instance."""
    name, node = facts.instance.name, facts.node
    if not node and facts.instance.vm_state in PUT_ASIDE:
        yield _put_aside(facts)
        return
    if not node:
        advice = "it has no disk and no node yet: whoever asked for it must delete it and ask again"
        yield Cause("never-placed", f"{name} is on no node: {_fault(facts)}", Cure.NONE, advice)
        return
    if facts.service is not None and not facts.service.up:
        forced = ", forced down" if facts.service.forced_down else ""
        yield Cause(
            "node-down",
            f"nova-compute on {node} is down{forced}: nova can do nothing with {name}",
            Cure.NONE,
            f"bring nova-compute on {node} back; where the node is dead, its instances are to be recovered elsewhere",
            {"heartbeat": str(facts.service.heartbeat), "ssh": facts.silent or "answers"},
        )
    elif facts.host is None:
        advice = f"make {node} answer, and diagnose again"
        yield Cause("node-silent", f"{node} could not be asked: {facts.silent}", Cure.NONE, advice)
    elif facts.host.libvirt_error:
        sentence = f"libvirt on {node} does not answer: {facts.host.libvirt_error}"
        yield Cause("libvirt-down", sentence, Cure.NONE, f"start libvirt on {node}, and diagnose again")


def _busy(facts: BootFacts) -> Iterator[Cause]:
    if task := facts.instance.task_state:
        advice = "wait until nova has ended that; where it never does, see nova-compute's log"
        yield Cause("busy", f"nova is {task} {facts.instance.name}", Cure.NONE, advice)


def _elsewhere(facts: BootFacts) -> Iterator[Cause]:
    """Yield that a witness names another node than nova does; one that has nothing or is silent names none."""
    others = [w for w in facts.witnesses if any(place != facts.node for place in w.places)]
    if others:
        yield Cause(
            "wrong-host",
            f"nova has {facts.instance.name} on {facts.node}, but {'; '.join(w.says for w in others)}",
            Cure.NONE,
            "somebody must decide where it is to be: started here, it might run twice",
            {w.name: w.says for w in facts.witnesses if not w.silent},
        )


def _room(facts: BootFacts, host: HostLook) -> Iterator[Cause]:
    paused = host.state == "paused" and "I/O" in host.reason
    full = host.free is not None and host.free < FULL_BYTES
    if full:
        yield Cause(
            "disk-full",
            f"the disk of the instances on {facts.node} is full: {host.free} bytes are left",
            Cure.NONE,
            f"somebody must make room on {facts.node}; an instance that is paused goes on by `virsh resume` then",
            {"free": str(host.free), "libvirt": f"{host.state} ({host.reason})"},
        )
    elif paused:
        yield Cause(
            "disk-error",
            f"QEMU has paused {facts.instance.name} as its disk gave an error",
            Cure.NONE,
            "see QEMU's log on the node for which disk; mend that first",
            {"libvirt": f"{host.state} ({host.reason})"},
        )


def _disks(facts: BootFacts, host: HostLook) -> Iterator[Cause]:
    for disk in host.disks:
        if disk.volume or not disk.path:
            continue
        evidence = {"host": facts.node, "disk": disk.path}
        if not disk.present:
            advice = "it must come from a backup, or the owner decides on a rebuild, which makes it new from its image"
            yield Cause("disk-missing", f"its disk {disk.path} is not there", Cure.NONE, advice, evidence)
        elif disk.missing:
            yield _base(facts, disk, {**evidence, "missing": disk.missing})
        elif disk.error or disk.check:
            yield Cause(
                "disk-corrupt",
                f"its disk {disk.path} is damaged: {disk.error or disk.check}",
                Cure.NONE,
                "its owner decides: restore a backup, or a repair by `qemu-img check -r all` on a copy of it",
                {**evidence, "qemu-img": disk.error or disk.check},
            )


def _base(facts: BootFacts, disk: DiskLook, evidence: dict[str, str]) -> Cause:
    """Return the cause for a backing file that is not there, by whether nova can fetch it again."""
    sentence = f"the backing file {disk.missing} of its disk is not there"
    image = facts.instance.image
    if facts.image == GONE:
        return Cause(
            "image-gone",
            f"{sentence}, and glance has its image {image} no more",
            Cure.NONE,
            "look for the file in _base of other nodes and in backups: only the very same contents make the disk whole",
            evidence,
        )
    if facts.image != "active":
        known = f"is {facts.image}" if facts.image else "could not be asked for, or is not known"
        advice = "make the image available in glance, and diagnose again"
        return Cause("base-missing", f"{sentence}, and its image {known} in glance", Cure.NONE, advice, evidence)
    return Cause(
        "base-missing",
        sentence,
        _anew(facts),
        f"{_words(facts)} has nova fetch image {image} from glance again",
        {**evidence, "image": image},
    )


def _volumes(facts: BootFacts, host: HostLook) -> Iterator[Cause]:
    if not host.defined:
        return
    silent = [disk for disk in host.disks if disk.unreached]
    if silent:
        names = " and ".join(disk.volume or disk.target for disk in silent)
        yield Cause(
            "volume-not-connected",
            f"{names} cannot be connected on {facts.node}: none of {' '.join(silent[0].unreached)} answers there",
            Cure.NONE,
            f"make that storage answer {facts.node}: a start would only wait for it",
            {disk.target: " ".join(disk.unreached) for disk in silent},
        )
    there = {disk.volume for disk in host.disks if disk.volume and disk.present}
    lost = [volume for volume in facts.instance.volumes if volume not in there]
    if lost:
        yield Cause(
            "volume-not-connected",
            f"{' and '.join(lost)} {'is' if len(lost) == 1 else 'are'} attached by nova, but not connected on "
            f"{facts.node}",
            _anew(facts),
            f"{_words(facts)} connects its volumes again",
            {disk.target: disk.path for disk in host.disks if disk.volume},
        )


def _definition(facts: BootFacts, host: HostLook) -> Iterator[Cause]:
    if not host.defined and facts.instance.vm_state in SETTLED:
        yield Cause(
            "xml-missing",
            f"libvirt on {facts.node} does not have {facts.instance.name}: its XML is missing",
            _anew(facts),
            f"{_words(facts)} makes the XML again from nova's record",
            {"directory": host.directory or "none"},
        )


def _unbound(facts: BootFacts) -> Iterator[Cause]:
    """Yield that a port is not bound: a start fails of that, and leaves no XML."""
    failed = [port for port in facts.ports or () if port.kind in _UNBOUND]
    if failed:
        yield Cause(
            "network-not-bound",
            f"neutron has not bound {' and '.join(p.port for p in failed)} ({failed[0].kind})",
            Cure.NONE,
            f"see whether the network agent on {facts.node} is alive (openstack network agent list --host "
            f"{facts.node}); neutron binds the port anew when the instance is moved or the port is set to its host",
            {p.port: f"{p.kind} on {p.host or 'no node'}" for p in failed},
        )


def _unplugged(facts: BootFacts, host: HostLook) -> Iterator[Cause]:
    unplugged = [port for port in facts.ports or () if port.kind not in _UNBOUND and port.status == "DOWN"]
    if unplugged and host.runs:
        yield Cause(
            "network-unplugged",
            f"it runs, but its port {' and '.join(p.port for p in unplugged)} is down",
            Cure.HARD_REBOOT,
            "a hard reboot plugs it again",
            {p.port: f"{p.status} on {p.host}" for p in unplugged},
        )


def _guest(host: HostLook) -> Iterator[Cause]:
    """Yield what the guest says on its console against its own boot."""
    sign = console.trouble(host.console)
    if sign is None or not host.runs:
        return
    owner = "its owner must look at it from inside: see `stackmend instance console`"
    evidence = {"console": sign.line, "times": str(sign.times)}
    if sign.code == "kernel-panic" and sign.times <= console.CHANCE:
        advice = "a hard reboot starts it from anew; where it panics again, its owner must look"
        yield Cause(sign.code, f"its kernel panicked: {sign.line}", Cure.HARD_REBOOT, advice, evidence)
    elif sign.code == "kernel-panic":
        sentence = f"its kernel panicked {sign.times} times in a row: {sign.line}"
        yield Cause(sign.code, sentence, Cure.NONE, owner, evidence)
    elif sign.code == "fsck-prompt":
        sentence = f"it waits in its boot for somebody to check its file system: {sign.line}"
        yield Cause(sign.code, sentence, Cure.NONE, owner, evidence)
    else:
        yield Cause(sign.code, f"it waits at a prompt in its boot: {sign.line}", Cure.NONE, owner, evidence)


def _state(facts: BootFacts, host: HostLook) -> Iterator[Cause]:
    """Yield why it does not run although nothing stands in its way."""
    name, state = facts.instance.name, facts.instance.vm_state
    if state in PUT_ASIDE:
        yield _put_aside(facts)
    elif state == "error":
        sentence = f"nova has {name} in error: {_fault(facts)}"
        yield Cause("nova-error", sentence, Cure.HARD_REBOOT, "a hard reboot makes it active again")
    elif host.state in _OFF and state == "active":
        sentence = f"nova has {name} active, and libvirt has it {host.state or 'not at all'}"
        yield Cause("not-started", sentence, Cure.START, "a start brings it up", _failed(facts))
    elif host.state in _OFF and state == "stopped":
        yield _stopped(facts)


def _put_aside(facts: BootFacts) -> Cause:
    sentence = f"nova has {facts.instance.name} {facts.instance.vm_state}: somebody has put it aside"
    return Cause("put-aside", sentence, Cure.NONE, "its owner decides when that ends: by unpause, resume or unshelve")


def _stopped(facts: BootFacts) -> Cause:
    stop = last_stop(facts.actions)
    if stop is not None and not stop.user:
        sentence = f"nova found it off at {stop.started:%Y-%m-%d %H:%M:%S} UTC" if stop.started else "nova found it off"
        return Cause("not-started", sentence, Cure.START, "a start brings it up", _failed(facts))
    by = "a user stopped it" if stop is not None else "it is stopped, and nova does not tell by what"
    return Cause("stopped", by, Cure.NONE, "its owner decides whether it is to run", _failed(facts))


def _anew(facts: BootFacts) -> Cure:
    """Return the cure that makes all of an instance again; a start of a stopped one does what a hard reboot does."""
    return Cure.START if facts.instance.vm_state == "stopped" else Cure.HARD_REBOOT


def _words(facts: BootFacts) -> str:
    return "a start" if _anew(facts) is Cure.START else "a hard reboot"


def _failed(facts: BootFacts) -> dict[str, str]:
    return {"nova": facts.failure} if facts.failure else {}


def _fault(facts: BootFacts) -> str:
    return facts.instance.fault or facts.failure or "it does not say why"
