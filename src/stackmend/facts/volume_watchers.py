"""Whether a node's instances hold their volumes open, by Ceph's own word: the watchers of their images.

An image that QEMU has open is watched from its node's address. The watch of a node that dies ends by itself, 30 s later
with Ceph's defaults: a watch that is there says little, and one that is kept for longer says that the node lives. No
watch says little, too.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.death import Stir
from stackmend.domain.values import InstanceId, NodeName
from stackmend.domain.volume import Image
from stackmend.errors import StackmendError
from stackmend.facts import addresses, instances, volumes
from stackmend.facts.concurrently import each

WITNESS = "volumes"
KEPT = 60.0
"""Seconds after which a watch that is still there is life: twice Ceph's ``osd_client_watch_timeout``."""
IMAGES = 8
"""Images that are asked about at most: each costs the storage a few messages."""
ASK_SECONDS = 12
_BETWEEN = 5.0


@dataclass(frozen=True)
class Watch:
    """One client that has an image open.

    Attributes:
        image: its name.
        address: the client's, without its port.
        client: Ceph's number of the client and of its watch: another one after it was opened anew.
    """

    image: str
    address: str
    client: str


@dataclass(frozen=True)
class _Seen:
    """What one node saw of the images: the watches, or why it could not ask."""

    witness: str
    watches: frozenset[Watch] = frozenset()
    silent: str = ""


def look(world: World, node: NodeName, peers: Sequence[NodeName], *, patience: float) -> Stir:
    """Return what Ceph says of the images that are attached to a node's instances.

    Args:
        world: the cloud.
        node: whose instances.
        peers: who may ask Ceph, one after the other until one can.
        patience: how many seconds are waited for watches of the node's to end; one kept for ``KEPT`` is life, and so is
            one that is opened meanwhile. 0 for a single look, which shows that the node lived a while ago, at most.
    """
    try:
        images = _images(world, node)
    except StackmendError as error:
        return Stir(WITNESS, None, silent=error.sentence)
    if not images:
        return Stir(WITNESS, None, silent="its instances have no volumes in Ceph")
    seen = _ask(world, peers, images)
    if seen.silent:
        return Stir(seen.witness, None, silent=seen.silent)
    by_node = addresses.known(world)
    mine = by_node.pop(node, frozenset())
    began = heard = world.clock.monotonic()
    first = own = _of(seen.watches, mine)
    opened: frozenset[Watch] = frozenset()

    def told() -> bool | None:
        nonlocal own, seen, heard, opened
        now = _ask(world, peers, images)
        if not now.silent:
            seen, own, heard = now, _of(now.watches, mine), world.clock.monotonic()
            opened |= own - first
        return True if opened or not own else None

    if patience > 0:
        world.clock.pause(_BETWEEN)  # a watch that broke is opened anew a moment later
        world.clock.wait_for(told, timeout=patience - _BETWEEN, interval=_BETWEEN)
    others = {watch.address for watch in seen.watches} - mine
    if opened:
        return Stir(seen.witness, alive=True, says=f"it opened {_names(opened)} meanwhile")
    strangers = others - frozenset().union(*by_node.values())
    if strangers and not own:
        return Stir(seen.witness, None, silent=unknown(node, strangers))
    return judged(seen.witness, images, others, own, heard - began)


def unknown(node: NodeName, strangers: Iterable[str]) -> str:
    """Return why watches from addresses that are no known node's say nothing of a node: they may be its own."""
    return (
        f"{', '.join(sorted(strangers))} watches its instances' images, and no node is known by that address: "
        f"it may be {node}'s in the storage's own network"
    )


def judged(
    witness: str, images: Sequence[Image], others: Iterable[str], kept: frozenset[Watch], seconds: float
) -> Stir:
    """Return what watches come to, none of which was opened meanwhile.

    Args:
        witness: who asked.
        images: what was asked about.
        others: addresses of others that watch them.
        kept: those of the node itself that were there all the time.
        seconds: how long they were looked at.
    """
    if kept:
        held = _names(kept)
        if seconds >= KEPT:
            return Stir(witness, alive=True, says=f"it has kept its watch of {held} for {seconds:.0f} s")
        return Stir(witness, alive=False, lately=True, says=f"it watches {held}; a dead node's watch ends after 30 s")
    beside = f", but {', '.join(sorted(others))} does" if others else ""
    counted = "1 image" if len(images) == 1 else f"{len(images)} images"
    return Stir(witness, alive=False, says=f"its address watches none of {counted} of its instances{beside}")


def _names(watches: Iterable[Watch]) -> str:
    names = sorted({watch.image for watch in watches})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004


def status_command(image: Image) -> str:
    """Return the shell command that writes one line of JSON for an image; see ``parse``."""
    user = f"--id {shlex.quote(image.user)} " if image.user else ""
    return f"timeout 10 rbd {user}status --format json {shlex.quote(image.name)}"


def parse(image: Image, line: str) -> frozenset[Watch]:
    """Return the watches of an image from the JSON of ``rbd status``; older ones name them by keys."""
    found: Any = json.loads(line).get("watchers") or []
    every = found.values() if isinstance(found, dict) else found
    return frozenset(
        Watch(image.name, _host(str(one["address"])), f"{one.get('client')} {one.get('cookie')}") for one in every
    )


def _host(address: str) -> str:
    """Return the host of ``v1:10.0.0.1:0/123``, ``10.0.0.1:0/123`` or ``[fd00::1]:0/123``."""
    plain = address.removeprefix("v1:").removeprefix("v2:")
    return plain.rpartition(":")[0].strip("[]")


def _images(world: World, node: NodeName) -> tuple[Image, ...]:
    with_volumes = [one.id for one in instances.on_node(world, node) if one.volumes]

    def attached(instance: InstanceId) -> list[Image | None]:
        query: dict[str, str | int] = {"all_tenants": 1, "instance_id": instance}
        path, version = "/attachments/detail", volumes.CINDER_VERSION
        found = world.openstack.get_list(volumes.CINDER, path, "attachments", version=version, params=query)
        return [volumes.image_of(one) for one in found]

    answers = each(attached, with_volumes[:IMAGES])
    return tuple(dict.fromkeys(image for found in answers.values() for image in found if image))[:IMAGES]


def _ask(world: World, peers: Sequence[NodeName], images: Sequence[Image]) -> _Seen:
    """Ask the first of the peers that can."""
    script = "\n".join(f"{status_command(image)} || exit" for image in images)
    silent = []
    for peer in peers:
        answer = world.ssh.run_many({peer: script}, timeout=ASK_SECONDS * len(images), within=ASK_SECONDS * 2.0)[peer]
        seen = _seen(peer, answer, images)
        if not seen.silent:
            return seen
        silent.append(seen.silent)
    return _Seen(WITNESS, silent="; ".join(silent) or "no other node could ask Ceph")


def _seen(peer: NodeName, answer: Completed | StackmendError, images: Sequence[Image]) -> _Seen:
    if isinstance(answer, StackmendError):
        return _Seen(WITNESS, silent=f"{peer}: {answer.sentence}")
    lines = answer.stdout.splitlines()
    if len(lines) != len(images):
        return _Seen(WITNESS, silent=f"{peer}: Ceph answered for {len(lines)} of {len(images)} images")
    every = (parse(image, line) for image, line in zip(images, lines, strict=True))
    return _Seen(f"{WITNESS} from {peer}", frozenset().union(*every))


def _of(watches: Iterable[Watch], those: frozenset[str]) -> frozenset[Watch]:
    return frozenset(watch for watch in watches if watch.address in those)
