"""Who has the images of volumes open, by Ceph's own word: a witness beside libvirt and QEMU.

A client that has an image open to write watches it, wherever it runs: in a domain on a node of the inventory or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackmend.adapters.world import World
from stackmend.domain.values import NodeName
from stackmend.domain.volume import Image, Volume, Watched
from stackmend.errors import StackmendError
from stackmend.facts import volume_watchers, volumes

ASKED = 3
"""Nodes that are asked at most: each may lack the ``rbd`` command, or Ceph's keyring."""
ASK_SECONDS = 12
_CEPH = frozenset({"ceph", "rbd"})


def watched(
    world: World, wanted: Iterable[Volume], known: Mapping[str, Image], peers: Sequence[NodeName]
) -> dict[str, Watched]:
    """Return Ceph's word on volumes, by their ids; those that are in no Ceph are left out.

    Args:
        world: the cloud.
        wanted: which volumes.
        known: what attachments of them lead to, by the volume's id.
        peers: nodes that may ask Ceph, one after the other until one can.
    """
    wanted = tuple(wanted)
    images = {v.id: known[v.id] for v in wanted if v.id in known}
    rest = [v for v in wanted if v.id not in images]
    silent: dict[str, Watched] = {}
    if rest:
        try:
            images |= _by_pools(world, rest)
        except StackmendError as error:
            silent = {v.id: Watched("", silent=f"Cinder did not say where it keeps it: {error.sentence}") for v in rest}
    return {**silent, **_ask(world, images, peers)}


def _by_pools(world: World, wanted: Iterable[Volume]) -> dict[str, Image]:
    """Return the images of volumes without an attachment, by Cinder's default name, where their pool is in Ceph."""
    path = "/scheduler-stats/get_pools"
    answer = world.openstack.get(volumes.CINDER, path, version=volumes.CINDER_VERSION, params={"detail": "true"})
    pools = {one["name"]: one.get("capabilities") or {} for one in answer["pools"]}
    return {v.id: image for v in wanted if (image := image_in(pools.get(v.backend, {}), v)) is not None}


def image_in(pool: Mapping[str, Any], volume: Volume) -> Image | None:
    """Return the image of a volume in one of Cinder's pools; None where that is not in Ceph.

    Source: ``location_info`` of Cinder's RBD driver is ``CLUSTER:CONF:FSID:USER:POOL``.
    """
    place = str(pool.get("location_info") or "").split(":")
    if str(pool.get("storage_protocol", "")).lower() not in _CEPH or len(place) < 5:  # noqa: PLR2004
        return None
    return Image(f"{place[-1]}/volume-{volume.stored_as}", "" if place[-2] == "None" else place[-2])


def _ask(world: World, images: Mapping[str, Image], peers: Sequence[NodeName]) -> dict[str, Watched]:
    """Ask the nodes one after the other for what is not answered yet."""
    found: dict[str, Watched] = {}
    why = "no node could be asked"
    for peer in peers[:ASKED]:
        left = {volume: image for volume, image in images.items() if volume not in found}
        if not left:
            break
        # one line an image, also where there is no answer
        asked = (volume_watchers.status_command(image) for image in left.values())
        script = "\n".join(f"printf '%s\\n' \"$({command} 2>/dev/null)\"" for command in asked)
        answer = world.ssh.run_many({peer: script}, timeout=ASK_SECONDS * len(left))[peer]
        if isinstance(answer, StackmendError):
            why = f"{peer}: {answer.sentence}"
            continue
        found |= heard(left, answer.stdout)
        why = f"`rbd status` gave no answer on {peer}"
    silent = {volume: Watched(image.name, silent=why) for volume, image in images.items() if volume not in found}
    return found | silent


def heard(images: Mapping[str, Image], output: str) -> dict[str, Watched]:
    """Return what a node's script shows, one line an image; an image without an answer is left out."""
    lines = zip(images.items(), output.splitlines(), strict=False)
    return {v: Watched(image.name, _clients(image, line)) for (v, image), line in lines if line.startswith("{")}


def _clients(image: Image, line: str) -> tuple[str, ...]:
    return tuple(sorted(watch.address for watch in volume_watchers.parse(image, line)))
