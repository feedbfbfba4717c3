"""Reboot a node, and wait until it is another boot and systemd is through with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.health import BootIdentity, SystemState
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import JsonObject, NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import boot, directories, nova_conf

REBOOT_SECONDS = 900.0
"""How long a node may take by default; servers with much memory spend minutes in their firmware."""

_REBOOT = "systemd-run --quiet --collect --on-active=1 --timer-property=AccuracySec=100ms systemctl reboot"
"""By a timer, so that ssh returns before it begins; a timer's own accuracy is a minute."""

_AWAY = frozenset({Code.SSH_UNREACHABLE, Code.COMMAND_LOST, Code.COMMAND_TIMEOUT})
_THROUGH = frozenset({"running", "degraded"})


class Reboot(Action):
    """Reboot a node by ``systemctl reboot`` and wait until it works again.

    A node whose boot differs from the one recorded before is not rebooted again. Parameters: node, timeout (seconds).
    Change: node, timeout, boot (its identity before), failed (units that had failed before), directory (what the
    instances' directory lay on; null where it could not be seen).
    """

    name = "node.reboot"

    @classmethod
    def step(cls, node: NodeName, timeout: float = REBOOT_SECONDS, **place: Unpack[Place]) -> Step:
        """Return the step that reboots a node, and gives it ``timeout`` seconds to come back."""
        title = f"Reboot {node} and wait until it is back"
        return on_node(cls.name, title, {"node": node, "timeout": timeout}, ("systemctl reboot",), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Record which boot it is; a retry keeps what the first attempt recorded."""
        node = NodeName(params["node"])
        if context.former_change is not None:
            return Do({**context.former_change, "timeout": params["timeout"]}, f"go on waiting for {node}")
        identity = boot.identity(world, node)
        change: dict[str, Any] = {
            "node": node,
            "timeout": params["timeout"],
            "boot": {"boot_id": identity.boot_id, "init_start": identity.init_start},
            "failed": list(boot.system(world, node).failed),
            "directory": _mount(world, node),
        }
        return Do(change, f"{node} is in its boot {identity.boot_id[:8]}; it is rebooted")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Reboot it where it is still the recorded boot; wait for another one."""
        node, before = NodeName(change["node"]), BootIdentity(**change["boot"])
        if _identity(world, node) == before:
            context.note({"asked": world.clock.now().isoformat()}, f"{node} is told to reboot")
            _ask(world, node)
        now = self._wait(world, change, context)
        seconds = _since_asked(world, context)
        fresh = sorted(set(now.failed) - set(change["failed"]))
        sentence = f"{node} is back after {seconds:.0f} s, systemd is {now.state}"
        if fresh:
            sentence += f"; failed since the reboot: {', '.join(fresh)}"
        data: JsonObject = {
            "seconds": round(seconds, 1),
            "state": now.state,
            "failed": list(now.failed),
            "newly failed": fresh,
        }
        return Receipt(sentence, data, ("systemctl reboot",))

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Say that there is nothing to give back."""
        return f"a reboot of {change['node']} cannot be taken back"

    def _wait(self, world: World, change: dict[str, Any], context: Context) -> SystemState:
        node, before = NodeName(change["node"]), BootIdentity(**change["boot"])

        def back() -> SystemState | None:
            identity = _identity(world, node)
            if identity is None or identity == before:
                context.progress(f"{node} {'does not answer' if identity is None else 'is going down'}")
                return None
            now = _system(world, node)
            context.progress(f"{node} is up again, systemd is {now.state}")
            return now if now.state in _THROUGH else None

        found = world.clock.wait_for(back, timeout=float(change["timeout"]), interval=1.0)
        if found is None:
            raise _late(world, change)
        return found


def _since_asked(world: World, context: Context) -> float:
    """Return the seconds since it was told to reboot, by the journal; 0 where somebody else rebooted it."""
    asked = next((str(note["asked"]) for note in context.notes if "asked" in note), None)
    if asked is None:
        return 0.0
    return (world.clock.now() - datetime.fromisoformat(asked)).total_seconds()


def _mount(world: World, node: NodeName) -> dict[str, str] | None:
    seen = directories.mount(world, node, nova_conf.read(world, node).instances_path)
    return None if seen is None else {"target": seen.target, "source": seen.source, "kind": seen.kind}


def _ask(world: World, node: NodeName) -> None:
    """Ask for the reboot; a connection that breaks all the same is no error."""
    try:
        world.ssh.run(node, _REBOOT)
    except StackmendError as error:
        if error.code not in _AWAY:
            raise
    world.ssh.reset(node)


def _identity(world: World, node: NodeName) -> BootIdentity | None:
    """Return the boot's identity; None while the node does not answer."""
    try:
        return boot.identity(world, node)
    except StackmendError as error:
        if error.code not in _AWAY:
            raise
        return None


def _system(world: World, node: NodeName) -> SystemState:
    try:
        return boot.system(world, node)
    except StackmendError as error:
        if error.code not in _AWAY:
            raise
        return SystemState("not to be asked")


def _late(world: World, change: dict[str, Any]) -> Failed:
    node = NodeName(change["node"])
    identity = _identity(world, node)
    if identity is None:
        what = "does not answer over SSH"
    elif identity == BootIdentity(**change["boot"]):
        what = "is still in the boot of before"
    else:
        what = f"is up, but systemd is {_system(world, node).state}"
    return Failed(
        Code.REBOOT_TIMEOUT,
        f"{node} {what} {float(change['timeout']):.0f} s after it was told to reboot",
        hint="look at its console; retry goes on waiting and does not reboot it again",
        evidence={"host": node, "boot before": change["boot"]["boot_id"]},
    )
