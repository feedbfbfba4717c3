"""What is asked of an instance that does not boot: of its node by one script, and of each service."""

from __future__ import annotations

import shlex
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from stackmend.adapters.world import World
from stackmend.domain.boot_failure import GONE, BootFacts, DiskLook, HostLook
from stackmend.domain.instance import ComputeService, Instance, PortBinding, Witness
from stackmend.domain.values import NodeName
from stackmend.errors import Code, StackmendError
from stackmend.facts import instance_actions, network, services, settings
from stackmend.facts.domains import root_of
from stackmend.facts.location import witnesses
from stackmend.facts.processes import PROCESS

SECONDS = 240
"""How long the script may take: a check of a large disk is the longest part of it."""

VERBS = frozenset({"create", "start", "reboot", "resume", "unrescue", "rebuild", "evacuate", "live-migration"})
"""Actions of nova that bring an instance up."""

_MARK = "\n==== "
_CONSOLE = f"{_MARK}console\n"

_SCRIPT = r"""
id={id}; path={path}; dir=$path/$id; disks=; state=; xml=
mark() {{ printf '\n==== %s\n' "$1"; }}
{process}
tab=$(printf '\t')
mark libvirt
if ids=$(ask list --all --uuid 2>&1); then
  case "$ids" in *$id*)
    xml=$(ask dumpxml $id)
    mark xml; echo "$xml"
    state=$(ask domstate --reason $id)
    mark state; echo "$state"
    mark process; process $id
    disks=$(ask domblklist --details $id | awk '$2 == "disk" && $1 ~ /^(file|block)$/ {{
      target = $3; sub(/^ *[^ ]+ +[^ ]+ +[^ ]+ +/, ""); print target "\t" $0 }}') ;;
  esac
else
  echo "$ids" | tr '\n' ' '
fi
mark directory; [ ! -d "$dir" ] || echo "$dir"
[ -d "$dir" ] && room=$dir || room=$path
mark free; timeout 10 df -B1 --output=avail "$room" | tail -n 1
[ -n "$disks" ] || for file in "$dir"/disk "$dir"/disk.local "$dir"/disk.eph* "$dir"/disk.swap; do
  [ ! -e "$file" ] || disks="$disks${{file##*/}}$tab$file
"
done
chain() {{
  link=$1
  while :; do
    info=$(timeout 30 qemu-img info -U --output=json "$link" 2>&1) || {{ echo "error=$info" | tr '\n' ' '; return 1; }}
    case "$info" in *'"corrupt": true'*) echo "error=$link is marked as corrupt"; return 1 ;; esac
    backing=$(echo "$info" | sed -n 's/^ *"full-backing-filename": "\(.*\)",\{{0,1\}}$/\1/p' | head -n 1)
    [ -n "$backing" ] || return 0
    [ -e "$backing" ] || {{ echo "missing=$backing"; return 1; }}
    link=$backing
  done
}}
printf '%s' "$disks" | while IFS=$tab read -r target file || [ -n "$target" ]; do
  [ -n "$file" ] || continue
  mark "disk $target"; echo "path=$file"
  [ -e "$file" ] || {{ echo absent=yes; continue; }}
  chain "$file" || continue
  case "$state" in running*|paused*) continue ;; esac
  said=$(timeout 120 qemu-img check -U "$file" 2>&1)
  case $? in 1|2) echo "check=$said" | tr '\n' ' ' ;; esac
done
mark storage
echo "$xml" | sed -n "s/.*<host name='\([^']*\)' port='\([0-9]*\)'.*/\1 \2/p" | sort -u | {{
  while read -r host port; do
    timeout 5 bash -c ': > "/dev/tcp/$0/$1"' "$host" "$port" < /dev/null 2> /dev/null || echo "$host:$port" &
  done
  wait
}}
mark console
[ ! -r "$dir/console.log" ] || tail -c 32768 "$dir/console.log"
true"""

T = TypeVar("T")


def gather(world: World, instance: Instance, nodes: Iterable[NodeName]) -> BootFacts:
    """Ask everybody about an instance, side by side; who cannot be asked is left out, or silent.

    Args:
        world: the cloud.
        instance: nova's record of it, just read.
        nodes: every compute node where it may be.

    Raises:
        Failed: nova could not be asked what was done with it.
    """
    with ThreadPoolExecutor(6) as pool:
        host = pool.submit(_heard, lambda: look(world, instance))
        service = pool.submit(_or_none, lambda: _service(world, instance.host))
        seen: Callable[[], tuple[Witness, ...]] = lambda: witnesses(world, instance.id, tuple(nodes))  # noqa: E731
        said = pool.submit(seen)
        ports = pool.submit(_or_none, lambda: _ports(world, instance))
        image = pool.submit(lambda: image_status(world, instance.image))
        failure = pool.submit(lambda: instance_actions.last_failure(world, instance.id, VERBS))
        actions = instance_actions.recent(world, instance.id)
        found, silent = host.result()
        reason = failure.result()
        return BootFacts(
            instance=instance,
            actions=actions,
            service=service.result(),
            host=found,
            silent=silent,
            witnesses=said.result(),
            ports=ports.result(),
            image=image.result(),
            failure="" if reason is None else reason.details or f"{reason.event} failed",
        )


def look(world: World, instance: Instance) -> HostLook:
    """Return what the instance's node tells of it.

    Raises:
        Failed: the node could not be asked.
        Refused: the inventory does not have it.
    """
    options = settings.options(world, instance.host)
    path = settings.instances_path(world, instance.host)
    script = _SCRIPT.format(id=instance.id, path=shlex.quote(path), process=PROCESS)
    seen = parse(world.ssh.run(instance.host, script, timeout=SECONDS).stdout, instance.volumes)
    on_file = not instance.on_volume and options.get("libvirt", "images_type", "default") not in {"rbd", "lvm"}
    if seen.defined or seen.disks or not on_file:
        return seen
    absent = DiskLook("disk", f"{path}/{instance.id}/disk", present=False)
    return HostLook(**{**vars(seen), "disks": (absent,)})


def parse(output: str, volumes: Iterable[str] = ()) -> HostLook:
    """Return what the script showed. The console, which the guest writes, comes last and is not taken apart.

    Args:
        output: of the script.
        volumes: ids of the volumes that nova has attached.

    Raises:
        Failed: libvirt's XML makes no sense.
    """
    head, _, console = output.partition(_CONSOLE)
    parts = [part.partition("\n")[::2] for part in head.split(_MARK)[1:]]
    named = {name: text.strip() for name, text in parts}
    files = [_file(name.removeprefix("disk "), text) for name, text in parts if name.startswith("disk ")]
    xml = named.get("xml", "")
    silent = frozenset(named.get("storage", "").split())
    state, _, reason = named.get("state", "").partition(" (")
    free = named.get("free", "")
    return HostLook(
        libvirt_error=named.get("libvirt", ""),
        defined=bool(xml),
        state=state,
        reason=reason.rstrip(")"),
        process=named.get("process", ""),
        directory=named.get("directory", ""),
        disks=tuple(_with_volumes(xml, files, frozenset(volumes), silent)) if xml else tuple(files),
        free=int(free) if free.isdigit() else None,
        console=console,
    )


def _file(target: str, text: str) -> DiskLook:
    shown = dict(line.split("=", 1) for line in text.strip().splitlines() if "=" in line)
    return DiskLook(
        target=target,
        path=shown.get("path", ""),
        present="absent" not in shown,
        missing=shown.get("missing", ""),
        error=shown.get("error", "").strip(),
        check=shown.get("check", "").strip(),
    )


def _with_volumes(
    xml: str, files: list[DiskLook], volumes: frozenset[str], silent: frozenset[str]
) -> Iterator[DiskLook]:
    """Yield the disks of libvirt's XML, each with what was seen of its file, its volume and its storage."""
    seen = {file.target: file for file in files}
    root: ET.Element = root_of("of the instance", xml)
    for disk in root.iterfind("devices/disk[@device='disk']"):
        target = disk.find("target")
        name = "" if target is None else target.get("dev", "")
        serial = disk.findtext("serial") or ""
        file = seen.get(name, DiskLook(name, ""))
        hosts = tuple(f"{host.get('name')}:{host.get('port')}" for host in disk.iterfind("source/host"))
        unreached = hosts if silent.issuperset(hosts) else ()
        yield DiskLook(**{**vars(file), "volume": serial if serial in volumes else "", "unreached": unreached})


def image_status(world: World, image: str) -> str:
    """Return glance's status of an image, ``gone`` where it has none of that id; empty where it could not be asked."""
    if not image:
        return ""
    try:
        return str(world.openstack.get("image", f"/images/{image}")["status"])
    except StackmendError as error:
        return GONE if error.code is Code.API_NOT_FOUND else ""


def _service(world: World, node: NodeName) -> ComputeService | None:
    return services.compute_service(world, node) if node else None


def _ports(world: World, instance: Instance) -> tuple[PortBinding, ...]:
    return network.bindings(world, instance.id)


def _heard(ask: Callable[[], HostLook]) -> tuple[HostLook | None, str]:
    try:
        return ask(), ""
    except StackmendError as error:
        return None, error.sentence


def _or_none(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except StackmendError:
        return None
