"""Whether a file of nova's image cache is needed, and whether nova itself knows that."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1

from stackmend.domain.instance import Instance
from stackmend.domain.instance_files import Entry, Item, Kind, Standing
from stackmend.domain.values import InstanceId
from stackmend.rules.instance_evidence import Evidence
from stackmend.rules.instance_names import instance_of

Standings = Mapping[str, Standing]


def base_item(evidence: Evidence, entry: Entry, judged: Standings) -> Item:
    """Judge a file of ``_base``.

    Args:
        evidence: who uses what.
        entry: the file.
        judged: the standings of the instances' directories.
    """
    users = evidence.users.get(entry.name, ())
    standing, sentence, hint = _used(evidence, users, judged) if users else _unused(evidence, entry)
    return Item(entry.name, Kind.BASE, standing, sentence, hint, users, entry)


def images(instances: Mapping[InstanceId, Instance], evidence: Evidence) -> dict[str, Instance]:
    """Return the names under which nova caches the images of the instances that it counts."""
    return {
        cached: instance
        for instance in instances.values()
        if evidence.counted(instance)
        for image in instance.images
        for cached in (image, sha1(image.encode(), usedforsecurity=False).hexdigest())
    }


def _used(evidence: Evidence, users: tuple[str, ...], judged: Standings) -> tuple[Standing, str, str]:
    facts = evidence.facts
    records = [record for user in users if (record := evidence.record(instance_of(user))) is not None]
    who = f"{len(users)} overlays use it" if len(users) > 1 else f"the overlay of {users[0]} uses it"
    if facts.nova.way and facts.cache.expires and not any(map(evidence.counted, records)):
        hint = f"copy it away, or set remove_unused_base_images=false in [image_cache] on {facts.node}"
        sentence = f"{who}, but nova counts no instance for that: its image cache removes the file"
        return Standing.AT_RISK, f"{sentence} when it is {facts.cache.age} old", hint
    if any(judged.get(user) is Standing.NEEDED_ELSEWHERE for user in users) and not any(
        record.host == facts.node for record in records
    ):
        return Standing.NEEDED_ELSEWHERE, f"{who}, on another node that sees this directory", ""
    return Standing.IN_USE, who, ""


def _unused(evidence: Evidence, entry: Entry) -> tuple[Standing, str, str]:
    facts = evidence.facts
    used = evidence.here.get(entry.name) or evidence.there.get(entry.name)
    if used is not None:
        return Standing.IN_USE, f"domain {used.domain.name} on {used.node} uses it", ""
    instance = images(facts.nova.instances, evidence).get(entry.name.rpartition("/")[2])
    if instance is not None:
        return Standing.IN_USE, f"nova keeps it as the image of {instance.name}; no overlay uses it", ""
    unread = [disk.path for disk in facts.listing.disks if disk.error and not disk.chain]
    doubts = (*evidence.silences, *facts.listing.complaints, *(f"{path} cannot be read" for path in unread))
    if doubts:
        return Standing.UNKNOWN, f"no overlay that could be read uses it, but: {doubts[0]}", ""
    if facts.at - entry.changed < facts.cache.age:
        return Standing.IN_USE, f"no overlay uses it; nova keeps it in its cache until it is {facts.cache.age} old", ""
    own = "nova's image cache will remove it" if facts.cache.expires else "nova's image cache removes nothing here"
    return Standing.ORPHANED, f"no overlay, domain or instance's image needs it; {own}", ""
