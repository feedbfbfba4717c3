"""Clean up what placement, neutron and Cinder still record of a node for instances that are proved elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Unpack

from stackmend.actions.base import Action, Context
from stackmend.actions.steps import Place, on_node
from stackmend.adapters.world import World
from stackmend.domain.leftover import Proof
from stackmend.domain.outcome import Do, Receipt, Skip
from stackmend.domain.plan import Step
from stackmend.domain.values import InstanceId, NodeName
from stackmend.errors import Code, Failed, StackmendError
from stackmend.facts import network, placement, stale, volumes
from stackmend.facts.concurrently import each
from stackmend.rules.leftovers import prove

SHARE, BINDING, ATTACHMENT = "allocation", "port binding", "attachment"
FORBIDDEN = "403"
_MAY = {
    SHARE: "placement's policy says who may change an allocation",
    BINDING: "neutron's policy leaves that to the role service, unless it says otherwise",
    ATTACHMENT: "Cinder's policy says who may delete an attachment",
}
"""Who may remove it, where an administrator may not."""


class ClearRecords(Action):
    """Remove a node's shares, inactive port bindings and attachments of instances that are proved elsewhere.

    Nova itself copes with shares that are gone when the node comes back; see docs/adr/0025. Parameters: node. Change:
    node, records (kind, id, instance, why, and what an undo needs).
    """

    name: ClassVar[str] = "node.clear-records"

    @classmethod
    def step(cls, node: NodeName, **place: Unpack[Place]) -> Step:
        """Return the step that cleans up what the services record of a node."""
        words = (
            f"PUT /allocations/INSTANCE without its share of {node}",
            f"DELETE /ports/PORT/bindings/{node}",
            "openstack --os-volume-api-version 3.27 volume attachment delete ATTACHMENT",
        )
        title = f"Clean up what placement, neutron and Cinder record of {node} for instances that are proved elsewhere"
        return on_node(cls.name, title, {"node": node}, words, **place)

    def prepare(self, world: World, params: dict[str, Any], context: Context) -> Do | Skip:
        """Look what is stale, prove where each instance is, and record what is to go as it is."""
        node = NodeName(params["node"])
        found, stays = _found(world, node)
        former: list[Any] = list((context.former_change or {}).get("records", []))  # type: ignore[arg-type]
        known = {(one["kind"], one["id"]) for one in former}
        records = [*former, *(one for one in found if (one["kind"], one["id"]) not in known)]
        if not records:
            return Skip("; ".join((f"no service records {node} for an instance that is proved elsewhere", *stays)))
        return Do({"node": node, "records": records}, "; ".join((*map(_says, records), *stays)))

    def apply(self, world: World, change: dict[str, Any], context: Context) -> Receipt:
        """Remove what is still there and still proved to be stale; what is gone is passed over."""
        node = NodeName(change["node"])
        now = {(one["kind"], one["id"]) for one in _found(world, node)[0]}
        refused: dict[str, str] = {}
        words = []
        for one in change["records"]:
            if (one["kind"], one["id"]) not in now:
                continue
            try:
                words.append(_remove(world, node, one))
            except StackmendError as error:
                if error.evidence.get("status") != FORBIDDEN:
                    raise
                refused[one["id"]] = f"stays: {error.sentence}; {_MAY[one['kind']]}"
            context.progress(f"{_says(one)}: {refused.get(one['id'], 'removed')}")
        done = "; ".join(f"{_says(one)}: {refused.get(one['id'], 'removed')}" for one in change["records"])
        return Receipt(done, {"node": node, "refused": list(refused)}, tuple(words))

    def verify(self, world: World, change: dict[str, Any], receipt: Receipt, context: Context) -> Receipt:  # noqa: ARG002
        """Read back that what was removed is gone; what the policy of a service forbids is named, and stays."""
        refused = receipt.data["refused"]
        wanted = {(one["kind"], one["id"]) for one in change["records"] if one["id"] not in refused}  # type: ignore[operator]
        left = [_says(one) for one in _found(world, NodeName(change["node"]))[0] if (one["kind"], one["id"]) in wanted]
        if left:
            raise Failed(
                Code.API_CONFLICT,
                f"still there, or there again: {'; '.join(left)}",
                hint="see who makes it anew, then retry",
                evidence={"host": change["node"]},
            )
        return receipt

    def undo(self, world: World, change: dict[str, Any], context: Context) -> str:  # noqa: ARG002
        """Put shares and bindings back; an attachment can't be made again."""
        said = [_put_back(world, NodeName(change["node"]), one) for one in change["records"]]
        return "; ".join(said) or "nothing to undo"


def _found(world: World, node: NodeName) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what is proved to be stale, each as it is journaled, and sentences on what is not proved."""
    seen = stale.on_node(world, node)
    proofs = {i: prove(node, w) for i, w in seen.where.items()}
    names = {i: w.record.name for i, w in seen.where.items() if w.record}
    hosts = {i: w.record.host for i, w in seen.where.items() if w.record}
    shares = each(lambda i: _shares(world, i, node, hosts[i]), sorted(i for i in seen.shares if proofs[i].holds))
    records = [_record(SHARE, i, i, names, proofs) | {"shares": held} for i, held in shares.items() if held]
    records += [
        _record(BINDING, b.port, b.instance, names, proofs) | {"vnic_type": b.vnic, "profile": dict(b.profile)}
        for b in seen.bindings
        if proofs[b.instance].holds
    ]
    records += [_record(ATTACHMENT, a.id, a.instance, names, proofs) | {"volume": a.volume} for a in seen.attachments]
    alone = [
        f"placement has {names[i]} on {node} and not on {hosts[i]}, though {proofs[i].sentence}: that stays"
        for i, held in shares.items()
        if not held
    ]
    return records, [*alone, *_unproved(node, seen, proofs, names)]


def _unproved(
    node: NodeName, seen: stale.Stale, proofs: dict[InstanceId, Proof], names: dict[InstanceId, str]
) -> list[str]:
    """Return sentences on what stays: of what is not proved, and ports that neutron has bound to the node itself."""
    held = sorted({*seen.shares, *(b.instance for b in seen.bindings)})
    stays = [f"what is recorded for {names[i]} stays: {proofs[i].sentence}" for i in held if not proofs[i].holds]
    return stays + [
        f"neutron has port {port} of {names[i]} bound to {node}, though {proofs[i].sentence}: that stays, "
        f"and `openstack server reboot --hard {i}` binds it anew"
        for port, i in seen.bound.items()
    ]


def _record(
    kind: str, key: str, instance: InstanceId, names: dict[InstanceId, str], proofs: dict[InstanceId, Proof]
) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": str(key),
        "instance": str(instance),
        "name": names[instance],
        "why": proofs[instance].sentence,
    }


def _says(one: dict[str, Any]) -> str:
    what = one["kind"] if one["kind"] == SHARE else f"{one['kind']} {one['id']}"
    return f"{what} of {one['name']} ({one['why']})"


def _shares(world: World, instance: InstanceId, node: NodeName, host: NodeName) -> dict[str, Any]:
    """Return the shares of a node, by provider; none where the instance has none of the node that it is on."""
    record, nodes = placement.allocations(world, instance)
    held = {uuid: {"resources": one["resources"]} for uuid, one in record["allocations"].items() if nodes[uuid] == node}
    return held if host in nodes.values() else {}


def _remove(world: World, node: NodeName, one: dict[str, Any]) -> str:
    """Remove one; return the command."""
    if one["kind"] == SHARE:
        instance = InstanceId(one["instance"])
        record, _ = placement.allocations(world, instance)
        kept = {uuid: held for uuid, held in record["allocations"].items() if uuid not in one["shares"]}
        placement.write(world, instance, record, kept)
        return f"PUT /allocations/{instance} without its share of {node}"
    if one["kind"] == BINDING:
        _gone(lambda: world.openstack.delete("network", f"/ports/{one['id']}/bindings/{node}"))
        return f"DELETE /ports/{one['id']}/bindings/{node}"
    path = f"/attachments/{one['id']}"
    _gone(lambda: world.openstack.delete(volumes.CINDER, path, version=volumes.CINDER_VERSION))
    return f"openstack --os-volume-api-version {volumes.CINDER_VERSION} volume attachment delete {one['id']}"


def _gone(delete: Callable[[], None]) -> None:
    try:
        delete()
    except StackmendError as error:
        if error.code is not Code.API_NOT_FOUND:
            raise


def _put_back(world: World, node: NodeName, one: dict[str, Any]) -> str:
    """Put one back, where that is still so and nobody has it meanwhile; return a sentence."""
    if one["kind"] == SHARE:
        instance = InstanceId(one["instance"])
        record, nodes = placement.allocations(world, instance)
        if not record["allocations"] or node in nodes.values():
            return f"the allocation of {one['name']} was changed meanwhile, and is left"
        placement.write(world, instance, record, {**record["allocations"], **one["shares"]})
        return f"placement holds a share of {node} for {one['name']} again"
    if one["kind"] == BINDING:
        body = {"binding": {"host": node, "vnic_type": one["vnic_type"], "profile": one["profile"]}}
        if any(b.port == one["id"] for b in network.idle_on(world, node)):
            return f"port {one['id']} has its inactive binding on {node}"
        world.openstack.post("network", f"/ports/{one['id']}/bindings", body)
        return f"port {one['id']} has an inactive binding on {node} again"
    return f"attachment {one['id']} of {one['name']} led to nothing, and is not made again"
