"""The directory of a compute node's instances: what it lies on, and whether the service can write there."""

from __future__ import annotations

import shlex

from stackmend.adapters.world import World
from stackmend.domain.health import DirectoryState, Mount
from stackmend.domain.values import NodeName

_LOOK = r"""
path={path}; user={user}
[ -d "$path" ] || {{ echo "error=there is no directory $path"; exit 0; }}
timeout 10 findmnt -nro TARGET,SOURCE,FSTYPE --target "$path" | tail -n 1 | sed 's/^/mount=/'
findmnt -s -nro TARGET | while read -r point; do
  case "$path/" in "${{point%/}}"/*) mountpoint -q "$point" || echo "missing=$point";; esac
done
echo "free=$(df -B1 --output=avail "$path" | tail -n 1 | tr -d ' ')"
as=""; [ "$user" = root ] || as="runuser -u $user --"
if said=$(timeout 10 $as sh -c 'f=$(mktemp "$1/.stackmend-XXXXXX") && echo x >"$f" && grep -q x "$f" && rm "$f"' \
    sh "$path" 2>&1)
then echo writable=yes; else echo "error=$said"; fi
"""


def state(world: World, node: NodeName, path: str, user: str) -> DirectoryState:
    """Return a directory's mount, and whether a user can write, read and remove a file in it.

    A hung network file system is an answer too: each look ends after 10 seconds.

    Args:
        world: the cloud.
        node: where.
        path: the directory.
        user: the service's user; empty for root.

    Raises:
        Failed: the node could not be asked.
    """
    script = _LOOK.format(path=shlex.quote(path), user=shlex.quote(user or "root"))
    lines = [line.split("=", 1) for line in world.ssh.run(node, script, timeout=45).stdout.splitlines() if "=" in line]
    last = dict(lines)
    return DirectoryState(
        path=path,
        mount=_mount(last.get("mount", "")),
        missing=tuple(value for key, value in lines if key == "missing"),
        user=user,
        writable=last.get("writable") == "yes",
        error=last.get("error", "" if "mount" in last else "findmnt gave no answer in 10 s"),
        free=int(last.get("free") or 0),
    )


def mount(world: World, node: NodeName, path: str) -> Mount | None:
    """Return what a path on a node lies on; None where it does not exist.

    Raises:
        Failed: the node could not be asked.
    """
    look = f"timeout 10 findmnt -nro TARGET,SOURCE,FSTYPE --target {shlex.quote(path)} | tail -n 1"
    return _mount(world.ssh.run(node, look).stdout)


def _mount(line: str) -> Mount | None:
    columns = line.split()
    if len(columns) != 3:  # noqa: PLR2004 - target, source, type
        return None
    return Mount(*columns)
