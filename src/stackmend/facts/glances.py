"""Nodes at a glance: one short script on each, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from stackmend.adapters.ssh import Completed
from stackmend.adapters.world import World
from stackmend.domain.node import Node, Role
from stackmend.domain.overview import Glance, Process, Reading
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError
from stackmend.facts.guest_disks import DIRECTORY as RESCUE_DIRECTORY
from stackmend.facts.times import of_systemd
from stackmend.facts.units import HELD_DIRECTORY, parse_held

SECONDS = 20

_UNITS: Mapping[Role, tuple[str, ...]] = {
    Role.CONTROLLER: (
        "keystone",
        "glance-api",
        "placement-api",
        "nova-api",
        "nova-conductor",
        "nova-scheduler",
        "neutron-server",
        "neutron-api",
        "neutron-rpc-server",
        "cinder-api",
        "cinder-scheduler",
        "memcached",
        "haproxy",
        "httpd",
        "apache2",
    ),
    Role.COMPUTE: ("nova-compute", "libvirtd", "virtqemud", "ovn-controller", "ovs-vswitchd"),
    Role.DATABASE: ("mariadb", "mysql", "mysqld"),
    Role.MESSAGING: ("rabbitmq-server",),
    Role.NETWORK: (
        "neutron-dhcp-agent",
        "neutron-l3-agent",
        "neutron-metadata-agent",
        "neutron-openvswitch-agent",
        "neutron-ovn-metadata-agent",
        "ovn-northd",
        "ovn-controller",
    ),
    Role.STORAGE: ("cinder-volume",),
    Role.PROXY: ("swift-proxy",),
}
"""Units by role; those that a node does not have are not shown."""

_LOOK = """
echo "system $(systemctl is-system-running 2>/dev/null)"
wanted=Id,LoadState,ActiveState,UnitFileState,MainPID,Result,InactiveEnterTimestamp,ActiveEnterTimestamp
TZ=UTC systemctl show -p $wanted {units} 2>/dev/null |
while IFS= read -r line; do
  echo "unit $line"
  case "$line" in MainPID=[1-9]*)
    read -r stat <"/proc/${{line#MainPID=}}/stat" && stat=${{stat##*) }} && echo "unit Letter=${{stat%% *}}" ;;
  esac
done
for f in {held}/*.json; do
  unit=${{f##*/}}
  [ ! -e "$f" ] || printf 'held %s %s\\n' "${{unit%.json}}" "$(tr -d '\\n' <"$f")"
done
for f in {rescue}/*/run; do
  [ ! -e "$f" ] || echo "rescue $(basename "${{f%/run}}") $(cat "$f") $([ ! -e "${{f%run}}expired" ] || echo expired)"
done
{libvirt}
true
"""
_LIBVIRT = """if domains=$(timeout 10 virsh -r -q -c qemu:///system list --all); then
  echo libvirt; echo "$domains" | sed 's/^/domain /'
fi 2>/dev/null"""


def at(world: World, nodes: tuple[Node, ...]) -> dict[NodeName, Glance | str]:
    """Return what each node shows of itself, or why it could not be asked."""
    answers = world.ssh.run_many({node.name: script(node) for node in nodes}, timeout=SECONDS)
    return {name: _glance(answer) for name, answer in answers.items()}


def script(node: Node, *, also: tuple[str, ...] = ()) -> str:
    """Return the script whose output ``parse`` reads.

    Args:
        node: where it will run; its roles say which units are looked at.
        also: more units.
    """
    names = {unit for role in node.roles for unit in _UNITS[role]}.union(also)
    both = sorted(names | {f"openstack-{name}" for name in names})
    units = " ".join(f"{name}.service" for name in both)
    libvirt = _LIBVIRT if Role.COMPUTE in node.roles else ""
    return _LOOK.format(units=units or "dbus.service", held=HELD_DIRECTORY, rescue=RESCUE_DIRECTORY, libvirt=libvirt)


def _glance(answer: Completed | StackmendError) -> Glance | str:
    return answer.sentence if isinstance(answer, StackmendError) else parse(answer.stdout)


def parse(output: str) -> Glance:
    """Return what the script shows."""
    lines: dict[str, list[str]] = {"unit": [], "held": [], "rescue": [], "libvirt": [], "domain": [], "system": []}
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        if kind in lines:
            lines[kind].append(rest)
    return Glance(
        processes=_processes(lines["unit"]),
        held=tuple(parse_held(*line.split(" ", 1)) for line in lines["held"]),
        domains=_domains(lines["domain"]) if lines["libvirt"] else None,
        system="".join(lines["system"]),
        readings=tuple(_reading(line) for line in lines["rescue"]),
    )


def _reading(line: str) -> Reading:
    instance, run, *more = line.split()
    return Reading(instance, run, given_back=more == ["expired"])


def _processes(lines: list[str]) -> tuple[Process, ...]:
    """Return the loaded units of what ``systemctl show`` prints, an empty line between two; aliases show once."""
    units: dict[str, dict[str, str]] = {}
    properties: dict[str, str] = {}
    for line in [*lines, ""]:
        key, equals, value = line.partition("=")
        if equals:
            properties[key] = value
        elif properties:
            units[properties.get("Id", "")] = properties
            properties = {}
    return tuple(
        Process(
            unit=unit.removesuffix(".service"),
            active=p["ActiveState"],
            file=p.get("UnitFileState", ""),
            letter=p.get("Letter", ""),
            result=p.get("Result", ""),
            ended=of_systemd(p.get("InactiveEnterTimestamp", "")),
            started=of_systemd(p.get("ActiveEnterTimestamp", "")),
        )
        for unit, p in units.items()
        if p.get("LoadState") in {"loaded", "masked"}
    )


def _domains(lines: list[str]) -> dict[str, int]:
    """Count the states in what ``virsh list`` prints: id, name (without blanks, as nova names them), state."""
    states = [" ".join(line.split()[2:]) for line in lines if line.strip()]
    return dict(sorted(Counter(states).items()))
