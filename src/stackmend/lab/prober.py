"""The prober: a port on the tenant network, bound to the controller, that pings every instance ten times a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from string import Template

from openstack.connection import Connection

from stackmend.errors import Code, Failed, Refused
from stackmend.lab import cloud, ssh, wait
from stackmend.lab.probe import ProbeCount
from stackmend.lab.settings import CONTROLLER, Settings

PORT = "lab-prober"
_LIBRARY = "/usr/local/lib/stackmend-lab"
_STATE = "/var/lib/stackmend-lab"
_TARGETS, _LOG = f"{_STATE}/targets", f"{_STATE}/probes.log"
_PROBE = f"python3 {_LIBRARY}/probe.py"


def start(settings: Settings, connection: Connection) -> None:
    """Start the prober, set up first where it is not; one that runs is left alone, its log too.

    Args:
        settings: the lab's.
        connection: the cloud, as its administrator.

    Raises:
        Failed: the controller or the network did not take it.
    """
    if running(settings):
        return
    _install(settings, "probe.py", _source("probe.py"))
    chassis = {
        "node": CONTROLLER,
        "controller": settings.address(CONTROLLER),
        "tunnel": settings.tunnel_address(CONTROLLER),
        "prefix": str(settings.tunnel.prefixlen),
    }
    _install(settings, "prober-chassis.sh", _source("scripts/prober-chassis.sh", chassis))
    ssh.run(settings, CONTROLLER, f"sh {_LIBRARY}/prober-chassis.sh")
    wait.until(lambda: CONTROLLER in cloud.agents_up(connection), "the controller's network agent", seconds=60)
    _install(settings, "prober-port.sh", _source("scripts/prober-port.sh", _port(connection)))
    _start_unit(settings)


def stop(settings: Settings) -> None:
    """Stop the prober; its log stays until the next start."""
    ssh.run(settings, CONTROLLER, "systemctl disable -q --now stackmend-prober 2> /dev/null || true\n")


def running(settings: Settings) -> bool:
    """Return whether the prober runs."""
    answer = ssh.run(settings, CONTROLLER, "systemctl is-active stackmend-prober || true\n")
    return answer.strip() == "active"


def targets(settings: Settings) -> tuple[str, ...]:
    """Return the addresses that are probed."""
    return tuple(ssh.run(settings, CONTROLLER, f"cat {_TARGETS} 2> /dev/null || true\n").split())


def watch(settings: Settings, addresses: Iterable[str]) -> None:
    """Probe these addresses too, from now on."""
    _set_targets(settings, (*targets(settings), *addresses))


def forget(settings: Settings, addresses: Iterable[str]) -> None:
    """Probe these addresses no longer."""
    gone = set(addresses)
    _set_targets(settings, [address for address in targets(settings) if address not in gone])


def losses(settings: Settings, since: float = 0.0, until: float | None = None) -> dict[str, ProbeCount]:
    """Return what became of the probes of each address.

    Args:
        settings: the lab's.
        since: first moment that counts, seconds since 1970; probes before an address's first answer never count.
        until: last moment that counts; now where None. The answer waits for the replies to what was sent until then.

    Raises:
        Refused: the prober was never started.
    """
    words = [f"{since:.3f}"] if until is None else [f"{since:.3f}", f"{until:.3f}"]
    script = f"[ -f {_LOG} ] || {{ echo null; exit 0; }}\n{_PROBE} report {_LOG} {' '.join(words)}\n"
    found = json.loads(ssh.run(settings, CONTROLLER, script))
    if found is None:
        raise Refused(Code.LAB_NOT_UP, "The prober was never started", hint="Start it: stackmend lab probe start")
    return {address: ProbeCount(**one) for address, one in found.items()}


def answering(settings: Settings, seconds: float = 3.0) -> set[str]:
    """Return the addresses that answered the latest probe of the last seconds."""
    script = f"{_PROBE} latest {_LOG} {seconds}\n"
    return set(json.loads(ssh.run(settings, CONTROLLER, script)))


def wait_for_answers(settings: Settings, addresses: Iterable[str], seconds: float = 60) -> None:
    """Return when every one of the addresses answers.

    Raises:
        Failed: one does not, after the time given.
    """
    wanted = set(addresses)
    wait.until(
        lambda: wanted <= answering(settings),
        lambda: f"answers of {', '.join(sorted(wanted - answering(settings)))}",
        seconds=seconds,
        interval=0.5,
    )


def _port(connection: Connection) -> dict[str, str]:
    """Return the values of the prober's port, which is made where there is none."""
    network = connection.network.find_network(cloud.NETWORK, ignore_missing=False)
    port = connection.network.find_port(PORT, network_id=network.id)
    if port is None:
        port = connection.network.create_port(
            name=PORT,
            network_id=network.id,
            binding_host_id=CONTROLLER,
            device_owner="stackmend:prober",
            is_port_security_enabled=False,
        )
    if port.binding_vif_type in {"unbound", "binding_failed"}:
        raise Failed(Code.LAB_START_FAILED, f"Neutron did not bind the prober's port to {CONTROLLER}")
    fixed = port.fixed_ips[0]
    subnet = connection.network.get_subnet(fixed["subnet_id"])
    return {
        "port": str(port.id),
        "mac": str(port.mac_address),
        "address": str(fixed["ip_address"]),
        "prefix": str(subnet.cidr).partition("/")[2],
        "mtu": str(network.mtu),
    }


def _start_unit(settings: Settings) -> None:
    unit = _source("scripts/stackmend-prober.service")
    script = (
        f"mkdir -p {_STATE}\n"
        f"rm -f {_LOG}\n"
        f"[ -e {_TARGETS} ] || : > {_TARGETS}\n"
        f"cat > /etc/systemd/system/stackmend-prober.service <<'END'\n{unit}\nEND\n"
        "systemctl daemon-reload\n"
        "systemctl enable -q --now stackmend-prober\n"
    )
    ssh.run(settings, CONTROLLER, script)
    wait.until(lambda: running(settings), "the prober", seconds=20)


def _set_targets(settings: Settings, addresses: Iterable[str]) -> None:
    text = "\n".join(dict.fromkeys(addresses))
    script = f"mkdir -p {_STATE}\ncat > {_TARGETS}.new <<'END'\n{text}\nEND\nmv {_TARGETS}.new {_TARGETS}\n"
    ssh.run(settings, CONTROLLER, script)


def _install(settings: Settings, name: str, text: str) -> None:
    script = f"mkdir -p {_LIBRARY}\ncat > {_LIBRARY}/{name} <<'STACKMEND-END'\n{text}\nSTACKMEND-END\n"
    ssh.run(settings, CONTROLLER, script)


def _source(name: str, values: Mapping[str, str] | None = None) -> str:
    text = (resources.files("stackmend.lab") / name).read_text()
    return Template(text).substitute(values) if values is not None else text
