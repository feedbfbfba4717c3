"""Which boot of a machine this is, and how far systemd came with it."""

from __future__ import annotations

from datetime import UTC, datetime

from stackmend.adapters.world import World
from stackmend.domain.health import BootIdentity, SystemState
from stackmend.domain.values import NodeName

_WENT_DOWN = """
ticks=$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20)
boot=$(( $(sed -n 's/^btime //p' /proc/stat) + ticks / $(getconf CLK_TCK) ))
echo $boot
journalctl -q --until "@$((boot - 1))" -n 1 -o short-unix | cut -d' ' -f1"""


def identity(world: World, node: NodeName) -> BootIdentity:
    """Return what tells this boot of a node from others.

    The kernel's boot id is not enough: in a container it is the host's. PID 1's start time alone is not either: on a
    machine of its own it is nearly the same each time.

    Raises:
        Failed: the node could not be asked.
    """
    # The 20th column after the command's name is the start time (proc(5), field 22).
    script = "cat /proc/sys/kernel/random/boot_id; sed 's/.*) //' /proc/1/stat | cut -d' ' -f20"
    boot_id, init_start = world.ssh.run(node, script).stdout.split()
    return BootIdentity(boot_id, init_start)


def went_down(world: World, node: NodeName) -> datetime:
    """Return when a node last went down: the last entry of its journal before its boot, or else the boot itself.

    A boot is when the first process started; in a container that is not when the kernel did.

    Raises:
        Failed: the node could not be asked.
    """
    return datetime.fromtimestamp(float(world.ssh.run(node, _WENT_DOWN).stdout.split()[-1]), UTC)


def system(world: World, node: NodeName) -> SystemState:
    """Return how far systemd came, and which units failed.

    Raises:
        Failed: the node could not be asked.
    """
    script = "systemctl is-system-running; systemctl list-units --failed --plain --no-legend --full | awk '{print $1}'"
    state, *failed = world.ssh.run(node, script, check=False).stdout.split() or ["unknown"]
    return SystemState(state, tuple(failed))
