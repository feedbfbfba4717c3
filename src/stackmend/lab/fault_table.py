"""What can be broken in the lab on purpose: each fault with its sentence, how to inflict it, how to repair it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from stackmend.lab import network_faults, power, shell, ssh, wait
from stackmend.lab.host import Host
from stackmend.lab.instance_faults import INSTANCE_FAULTS, InstanceFault
from stackmend.lab.record_faults import RECORD_FAULTS, RecordFault
from stackmend.lab.settings import CONTROLLER, Settings

UNLIMITED_MIBPS = 8796093022207
"""What libvirt takes for no limit on a migration's speed, in MiB/s."""

_LIBVIRT = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"
_BUS = "dbus.socket dbus.service"
_KEY = "/root/.ssh/id_ed25519"


class Where(enum.Enum):
    """Which nodes a fault is for."""

    ANY = "any node"
    COMPUTE = "a compute node"
    CONTROLLER = "the controller"
    INSTANCE = "an instance"


@dataclass(frozen=True)
class Site:
    """The place of one fault.

    Attributes:
        settings: the lab's.
        node: the node that is broken.
        instance: id of the instance that is broken there; empty where the fault is the node's.
    """

    settings: Settings
    node: str
    instance: str = ""

    @property
    def host(self) -> Host:
        """The node's machine."""
        return Host(self.settings, self.node)

    def run(self, script: str) -> str:
        """Run a shell script there and return its output."""
        return ssh.run(self.settings, self.node, script, timeout=120)


@dataclass(frozen=True)
class Fault:
    """One way to break a node.

    Attributes:
        name: as in ``stackmend lab break NAME``.
        sentence: what it does.
        where: which nodes it is for.
        inflict: breaks; done when it returns.
        repair: undoes that; doing so twice does no harm.
        works: whether what was broken works again by itself; nova's own view is asked after.
        silences: whether it keeps nova-compute from reporting, so that its heal waits for heartbeats.
    """

    name: str
    sentence: str
    where: Where
    inflict: Callable[[Site], object]
    repair: Callable[[Site], object]
    works: Callable[[Site], bool] = lambda _: True
    silences: bool = True


def _power_cut(site: Site) -> None:
    site.host.power_off()


def _power_on(site: Site) -> None:
    site.host.power_on()


def _reachable(site: Site) -> bool:
    return ssh.answers(site.settings, site.node)


def _cable(site: Site) -> str:
    return f"vb-{site.settings.machine(site.node)}"


def _unplug(site: Site) -> None:
    shell.run(["ip", "link", "set", _cable(site), "down"])
    wait.until(lambda: not _reachable(site), f"{site.node} to be cut off", seconds=20)


def _plug(site: Site) -> None:
    shell.run(["ip", "link", "set", _cable(site), "up"])


def _script(text: str) -> Callable[[Site], str]:
    return lambda site: site.run(text)


def _says(script: str, word: str) -> Callable[[Site], bool]:
    return lambda site: word in site.run(f"{script} 2> /dev/null || true\n").split()


def _unit(name: str, sentence: str, where: Where, units: str, works: Callable[[Site], bool]) -> Fault:
    """Return a fault that stops units; the heal starts them in the same order."""
    return Fault(
        name, sentence, where, _script(f"systemctl stop {units}\n"), _script(f"systemctl start {units}\n"), works
    )


def _controller(name: str, sentence: str) -> Fault:
    """Return a fault of a node's power controller; the node itself notices nothing."""
    return Fault(
        name,
        sentence,
        Where.ANY,
        lambda site: power.afflict(site.settings, name, site.node),
        lambda site: power.cure(site.settings, name, site.node),
        lambda site: power.answers(site.settings, site.node),
        silences=False,
    )


def _of_instance(one: InstanceFault) -> Fault:
    """Return a fault of an instance, which its node does not notice."""
    inflict, repair = one.on(one.inflict), one.on(one.repair)
    return Fault(one.name, one.sentence, Where.INSTANCE, inflict, repair, silences=False)


def _of_records(one: RecordFault) -> Fault:
    """Return a fault of what the databases say of an instance, of which its node knows nothing."""
    return Fault(
        one.name,
        one.sentence,
        Where.INSTANCE,
        lambda site: one.execute(one.inflict, site.settings, site.node, site.instance),
        lambda site: one.execute(one.repair, site.settings, site.node, site.instance),
        silences=False,
    )


def _to_monitors(script: str) -> Callable[[Site], str]:
    """Return what runs a script about ``$rule``, which drops all that a node says to Ceph's monitors."""

    def run(site: Site) -> str:
        monitors = f"-d {site.settings.address(CONTROLLER)} -m multiport --dports 3300,6789"
        return site.run(f'rule="OUTPUT -p tcp {monitors} -j DROP"\n{script}\n')

    return run


def _each_domain(speed: int) -> str:
    return f"for domain in $(virsh list --name); do virsh -q migrate-setspeed $domain {speed}; done\n"


FAULTS: tuple[Fault, ...] = (
    Fault(
        "power-cut",
        "cut a node's power: everything on it dies at once, its instances too",
        Where.ANY,
        _power_cut,
        _power_on,
        _reachable,
    ),
    Fault(
        "network-cut",
        "pull a node's cable: hosts' network and tunnels are gone, its instances go on without anybody seeing them",
        Where.ANY,
        _unplug,
        _plug,
        _reachable,
    ),
    _unit(
        "compute-stop",
        "stop nova-compute",
        Where.COMPUTE,
        "nova-compute",
        _says("systemctl is-active nova-compute", "active"),
    ),
    Fault(
        "compute-wedge",
        "freeze nova-compute (SIGSTOP): the unit is active, its connections are open, and it does nothing",
        Where.COMPUTE,
        _script("systemctl kill --kill-whom=all --signal=STOP nova-compute\n"),
        _script("systemctl kill --kill-whom=all --signal=CONT nova-compute\n"),
    ),
    _unit(
        "libvirt-stop",
        "stop libvirtd and its sockets; instances go on",
        Where.COMPUTE,
        _LIBVIRT,
        _says("virsh uri", "qemu:///system"),
    ),
    Fault(
        "dbus-stop",
        "stop D-Bus; logging in takes its time then, since systemd-logind cannot be asked",
        Where.COMPUTE,
        _script(f"systemctl stop {_BUS}\n"),
        _script(f"systemctl start {_BUS}\nsystemctl reset-failed systemd-logind\nsystemctl restart systemd-logind\n"),
        _says("systemctl is-active dbus.service", "active"),
    ),
    _unit(
        "rabbitmq-stop",
        "stop RabbitMQ: no service hears another",
        Where.CONTROLLER,
        "rabbitmq-server",
        _says("rabbitmq-diagnostics -q check_port_connectivity > /dev/null && echo yes", "yes"),
    ),
    _unit(
        "mariadb-stop",
        "stop MariaDB: no API answers",
        Where.CONTROLLER,
        "mariadb",
        _says("mariadb-admin ping", "alive"),
    ),
    _unit(
        "nova-api-stop",
        "stop nova-api",
        Where.CONTROLLER,
        "nova-api",
        _says("systemctl is-active nova-api", "active"),
    ),
    Fault(
        "slow-migration",
        "let what is on a node now leave it at 1 MiB/s only; a busy instance's live migration never converges",
        Where.COMPUTE,
        _script(_each_domain(1)),
        _script(_each_domain(UNLIMITED_MIBPS)),
        silences=False,
    ),
    Fault(
        "migrations-fail",
        "take away the key by which a node's libvirt reaches others: live migrations off it fail and roll back",
        Where.COMPUTE,
        _script(f"[ -e {_KEY}.broken ] || mv {_KEY} {_KEY}.broken\n"),
        _script(f"[ ! -e {_KEY}.broken ] || mv {_KEY}.broken {_KEY}\n"),
        silences=False,
    ),
    Fault(
        "ceph-cut",
        "cut a node off from Ceph's monitors: no volume can be connected there",
        Where.COMPUTE,
        _to_monitors("iptables -C $rule 2> /dev/null || iptables -I $rule"),
        _to_monitors("! iptables -C $rule 2> /dev/null || iptables -D $rule"),
        silences=False,
    ),
    Fault(
        "network-not-bound",
        "have neutron fail to bind an instance's ports, as where no agent of its node answers",
        Where.INSTANCE,
        lambda site: network_faults.fail_binding(site.settings, site.node, site.instance),
        lambda site: network_faults.bind(site.settings, site.node, site.instance),
        silences=False,
    ),
    _controller(power.UNREACHABLE, "cut off a node's power controller: it takes connections and says nothing"),
    _controller(power.LIES, "let a node's power controller say off whatever is so, and obey no order that it accepts"),
    _controller(power.DIES_WITH_NODE, "feed a node's power controller from the node: without power it is silent too"),
    *map(_of_instance, INSTANCE_FAULTS),
    *map(_of_records, RECORD_FAULTS),
)
"""Every fault, in the order they are listed."""


def for_controller(fault: Fault, node: str) -> bool:
    """Return whether a fault at a node takes what the whole cloud needs."""
    return fault.where is Where.CONTROLLER or node == CONTROLLER
