"""Verify a compute node, as a step of a run or by hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Unpack

from stackmend.actions import canary, gate
from stackmend.actions.base import Action, Context
from stackmend.actions.checks import Asked, Progress, look
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.finding import Finding, Level
from stackmend.domain.health import Mount
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import JsonObject, NodeName
from stackmend.errors import Code, Failed
from stackmend.rules import verify

SETTLE_SECONDS = 90.0
"""What a run gives a node that it has only just started; neutron takes an agent for dead after 75 s of silence."""

_OF_SERVICE = (
    "systemctl status nova-compute",
    "ss -tnp state established | grep nova-compute",
    "rabbitmqctl list_queues name consumers | grep compute.{node}",
    "grep AMQP /var/log/nova/nova-compute.log",
    "openstack compute service list --host {node} --service nova-compute",
    "openstack --os-compute-api-version 2.87 hypervisor show {node} -c uptime",
)
_OF_MACHINE = (
    "virsh list --all",
    "openstack network agent list --host {node}",
    "findmnt --target /var/lib/nova/instances",
    "date; timedatectl",
)
_OF_CANARY = "openstack server create --availability-zone nova:{node} --wait …"


class VerifyNode(Action):
    """See that a compute node works, not only that its processes are there.

    Parameters: node, canary, started, after (id of the reboot's step, whose change says what the instances' directory
    lay on; empty for none). Change: node, canary, started, before. Receipt: ``findings``, each as its fields.
    """

    name = "node.verify"

    @classmethod
    def step(
        cls, node: NodeName, *, canary: bool, started: bool = True, after: str = "", **place: Unpack[Place]
    ) -> Step:
        """Return the step that verifies a node.

        Args:
            node: the compute node.
            canary: whether an instance is booted there and deleted.
            started: whether nova-compute is to run; where it is held, the machine beneath it is looked at.
            after: id of the step that rebooted the node; empty for none.
            place: where the step stands in its plan.
        """
        params = {"node": node, "canary": canary, "started": started, "after": after}
        words = (*(_OF_SERVICE if started else ()), *_OF_MACHINE, *((_OF_CANARY,) if canary else ()))
        commands = tuple(w.format(node=node) for w in words)
        title = f"Verify {node}" + (", with a canary instance" if canary else "")
        return on_node(cls.name, title, params, commands, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:  # noqa: ARG002
        """Take what the instances' directory lay on before from the reboot's change."""
        after = params.get("after")
        rebooted = context.status_of(after).change if after else None
        change = {
            "node": params["node"],
            "canary": params["canary"],
            "started": params["started"],
            "before": None if rebooted is None else rebooted["directory"],
        }
        return Do(change, f"verify {params['node']}")

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Make every check; fail with the sentences of those that failed."""
        node, before = NodeName(change["node"]), change["before"]
        asked = Asked(
            node=node,
            started=change["started"],
            canary=change["canary"],
            run=context.run_id,
            before=None if before is None else Mount(**before),
            settle=SETTLE_SECONDS,
        )
        findings = look(world, asked, context.progress)
        bad = verify.failing(findings)
        if bad:
            raise _failed(node, bad)
        well = sum(f.level is Level.OK for f in findings)
        data: JsonObject = {"findings": [_json(f) for f in findings]}
        return Receipt(f"{node} works: {well} of {len(findings)} checks are well and none failed", data)

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:
        """Remove what a killed canary left."""
        node = NodeName(change["node"])
        if not change["canary"]:
            return "nothing to undo"
        gate.close(world, node)
        removed = canary.remove(world, node, context.run_id)
        return f"removed {removed} canary instances from {node}" if removed else f"no canary was left on {node}"


def verify_findings(world: World, node: NodeName, *, canary: bool, progress: Progress | None = None) -> list[Finding]:
    """Return the findings on a node now, outside of any run.

    Args:
        world: the cloud.
        node: the compute node.
        canary: whether an instance is booted there and deleted.
        progress: told of what is waited for, and the fraction where it is known; None for silence.

    Raises:
        Failed: the node itself cannot be asked anything.
        Refused: NODE_UNKNOWN; NODE_WRONG_ROLE where it has no nova-compute.
    """
    return look(world, Asked(node, canary=canary), progress or _silently)


def _silently(sentence: str, fraction: float | None) -> None:
    """Show nothing."""


def _failed(node: NodeName, bad: tuple[Finding, ...]) -> Failed:
    return Failed(
        Code.VERIFY_FAILED,
        f"{node} does not work: " + " ".join(f.sentence for f in bad),
        hint=next((f.hint for f in bad if f.hint), ""),
        evidence={f.code: f.sentence for f in bad},
    )


def _json(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "level": str(finding.level), "evidence": dict(finding.evidence)}
