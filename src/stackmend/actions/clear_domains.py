"""Take what is left of other nodes' instances from a node's libvirt, where they are proved elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.reconcile import fail_where_left, fail_where_running
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.leftover import LeftDomain
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed
from stackmend.facts import domains, leftovers

HINT = "what stays is not proved elsewhere: look at it, and remove it by hand or not; then retry, or skip this step"

_XML = "virsh -r -q -c qemu:///system dumpxml --inactive {id}"
# with its NVRAM kept, so that the same XML can be defined again
_UNDEFINE = """
state=$(virsh -r -q -c qemu:///system domstate {id} 2>/dev/null) || exit 0
case $state in
  "shut off") virsh -q -c qemu:///system undefine --keep-nvram {id} ;;
  *) echo "it is $state" >&2; exit 1 ;;
esac
"""
_DEFINE = """
! virsh -r -q -c qemu:///system domstate {id} >/dev/null 2>&1 || {{ echo there; exit 0; }}
virsh -q -c qemu:///system define /dev/stdin >&2
"""


class ClearDomains(Action):
    """Undefine the domains on a node whose instances are proved elsewhere or deleted, and which are shut off.

    Parameters: node. Change: node, domains (id, name, why, and the XML, by which an undo defines it again).
    """

    name: ClassVar[str] = "node.clear-domains"

    @classmethod
    def step(cls, node: NodeName, **place: Unpack[Place]) -> Step:
        """Return the step that takes left domains from a node."""
        title = f"Undefine what libvirt on {node} still has of instances that are proved elsewhere"
        return on_node(cls.name, title, {"node": node}, ("virsh undefine --keep-nvram ID",), **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look who is left, prove where they are, and record the XML of those that may go."""
        node = NodeName(params["node"])
        left = leftovers.domains_left(world, node)
        fail_where_running(node, left)
        former: list[Any] = list((context.former_change or {}).get("domains", []))  # type: ignore[arg-type]
        known = {one["id"] for one in former}
        new = [_record(world, node, one) for one in _proved(left) if one.domain.uuid not in known]
        if not left and not former:
            return Skip(f"libvirt on {node} has nothing of another node's instances")
        stays = len(left) - len(_proved(left))
        words = "; ".join(f"{one['called']}: {one['why']}" for one in (*former, *new)) or "nothing is proved elsewhere"
        return Do({"node": node, "domains": [*former, *new]}, f"{words}; {stays} stay" if stays else words)

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Prove each once more, and undefine it; one that is gone already is passed over."""
        node, done = NodeName(change["node"]), []
        left = {str(one.domain.uuid): one for one in leftovers.domains_left(world, node)}
        for one in change["domains"]:
            still = left.get(one["id"])
            if still is not None:
                _still(node, still)
                world.ssh.run(node, _UNDEFINE.format(id=shlex.quote(one["id"])))
                context.progress(f"{one['called']} is undefined on {node}")
            done.append(f"virsh undefine --keep-nvram {one['id']}, on {node}")
        says = "; ".join(f"{one['called']} is no longer defined there: {one['why']}" for one in change["domains"])
        return Receipt(says or f"nothing was undefined on {node}", {"node": node}, tuple(done))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """See that none is left; one that is not proved elsewhere stops the run."""
        node = NodeName(change["node"])
        fail_where_left(node, [one.sentence for one in leftovers.domains_left(world, node)], HINT)
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Define each again by its XML, unless libvirt has it again."""
        node = NodeName(change["node"])
        for one in change["domains"]:
            world.ssh.run(node, _DEFINE.format(id=shlex.quote(one["id"])), stdin=one["xml"])
        names = ", ".join(one["called"] for one in change["domains"])
        return f"{names} is defined on {node} again" if names else "nothing to undo"


def _proved(left: Iterable[LeftDomain]) -> list[LeftDomain]:
    return [one for one in left if one.proof.holds]


def _record(world: World, node: NodeName, one: LeftDomain) -> dict[str, str]:
    """Return what an undo needs; without what libvirt calls security info, such as a console's password."""
    uuid = str(one.domain.uuid)
    xml = world.ssh.run(node, _XML.format(id=shlex.quote(uuid))).stdout
    if domains.root_of(uuid, xml).find("devices/tpm") is not None:
        raise Failed(
            Code.NODE_NOT_EMPTY,
            f"{one.sentence}; it has a TPM, whose state libvirt would remove with it",
            hint=f"copy its state away and `virsh undefine {uuid}` on {node} by hand, then retry",
            evidence={"host": node},
        )
    return {"id": uuid, "called": one.called, "why": one.proof.sentence, "xml": xml}


def _still(node: NodeName, one: LeftDomain) -> None:
    if not one.proof.holds or one.domain.is_active:
        raise Failed(
            Code.WITNESSES_DISAGREE,
            f"on {node}, {one.sentence}; it was to be undefined, and stays",
            hint="look at it; a retry proves anew what may go",
            evidence={"host": node, "domain": str(one.domain.uuid)},
        )
