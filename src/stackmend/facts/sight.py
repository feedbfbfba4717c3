"""What living nodes see of a dead node's instances in their own directories; evidence that is read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from stackmend.adapters.oslo_config import Options
from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.instance_files import SALVAGE
from stackmend.domain.recovery import Sight
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import settings
from stackmend.facts.concurrently import each

SECONDS = 45
_REGISTERED = "registered "
_IN_CEPH = "in-ceph "

_LOOK = r"""
cd {path} 2>/dev/null || exit 0
[ ! -f compute_nodes ] || {{ printf '{registered}'; timeout 10 head -c 100000 compute_nodes | tr '\n' ' '; echo; }}
for id in {ids}; do
  for disk in "$id/disk" "$id"/disk.eph* "$id/disk.local" "$id/disk.swap"; do
    [ -e "$disk" ] || continue
    [ ! -e "$id/{salvage}" ] || {{ echo "$id 0"; break; }}  # a copy, as new as it may look
    echo "$id $(timeout 10 find "$id" -maxdepth 1 -printf '%T@\n%C@\n' | sort -n | tail -n 1)"
    break
  done
done
"""

_LIST = "timeout 30 rbd {user} {conf} ls {pool} | sed -n 's/^\\([0-9a-f-]\\{{36\\}}\\)_disk$/{mark}\\1/p'\n"
"""Names the instances that have a disk in a pool: nova calls its image ``UUID_disk``
(nova/virt/libvirt/imagebackend.py, ``Rbd``)."""


def sights(
    world: World, dead: NodeName, viewers: Sequence[NodeName], instances: Iterable[InstanceId]
) -> dict[NodeName, Sight | StackmendError]:
    """Return what each viewer sees of a dead node's instances; a viewer's error is its answer.

    Args:
        world: the cloud.
        dead: the node that cannot be asked.
        viewers: living compute nodes.
        instances: ids of the dead node's.
    """
    ids = sorted(instances)

    def ask(viewer: NodeName) -> Sight | StackmendError:
        try:
            options = settings.options(world, viewer)
            script = listing_script(options) + looking_script(shlex.quote(settings.path_of_instances(options)), ids)
            return _sight(viewer, dead, ids, world.ssh.run(viewer, script, timeout=SECONDS))
        except StackmendError as error:
            return error

    return each(ask, viewers)


def looking_script(path: str, ids: Sequence[str]) -> str:
    """Return the script that looks for instances in a directory, whose name is quoted for the shell."""
    return _LOOK.format(path=path, ids=" ".join(ids), registered=_REGISTERED, salvage=SALVAGE)


def listing_script(options: Options) -> str:
    """Return the script that names the instances with a disk in nova's pool in Ceph; empty where nova keeps none there.

    Args:
        options: of nova-compute on the node that runs it.
    """
    if options.get("libvirt", "images_type", "default") != "rbd":
        return ""
    user, conf = options.get("libvirt", "rbd_user"), options.get("libvirt", "images_rbd_ceph_conf")
    return _LIST.format(
        user=f"--id {shlex.quote(user)}" if user else "",
        conf=f"--conf {shlex.quote(conf)}" if conf else "",
        pool=shlex.quote(options.get("libvirt", "images_rbd_pool", "rbd")),
        mark=_IN_CEPH,
    )


def _sight(viewer: NodeName, dead: NodeName, ids: Sequence[str], answer: Completed) -> Sight:
    lines = answer.stdout.splitlines()
    registered = next((line.removeprefix(_REGISTERED) for line in lines if line.startswith(_REGISTERED)), "{}")
    in_ceph = {line.removeprefix(_IN_CEPH) for line in lines if line.startswith(_IN_CEPH)}
    changed = (line.split() for line in lines if not line.startswith((_REGISTERED, _IN_CEPH)))
    try:
        return Sight(
            node=viewer,
            registered=_entry(json.loads(registered), dead),
            changed={InstanceId(i): _moment(stamp) for i, stamp in changed},
            in_ceph=frozenset(InstanceId(i) for i in ids if i in in_ceph),
        )
    except ValueError as error:
        sentence = f"what {viewer} shows of its directory of instances makes no sense: {error}"
        raise Failed(Code.COMMAND_FAILED, sentence, evidence={"host": viewer}) from error


def _entry(entries: Mapping[str, float], dead: NodeName) -> datetime | None:
    """Return when a node last wrote its name into ``compute_nodes``, which holds seconds since 1970 by node."""
    return _moment(entries[dead]) if dead in entries else None


def _moment(seconds: str | float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
