"""Clean a node's directory of instances: what nobody needs goes into a trash, and from there for good."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.actions.emptying import EmptyTrash
from stackmend.actions.restoring import RestoreFiles
from stackmend.actions.trash import TrashFiles
from stackmend.domain.instance_files import Audit, Item
from stackmend.domain.plan import Plan
from stackmend.rules.instance_cleaning import chosen, ended, put_aside


def plan_clean(audit: Audit, names: Sequence[str], *, days: float) -> Plan:
    """Return the plan that puts items aside: those that were named, or all that are orphaned.

    Raises:
        Refused: an item is not there, or is needed; or nothing is orphaned.
    """
    items = chosen(audit, names)
    return Plan(
        runbook="instance-dirs clean",
        subject=audit.node,
        title=f"Put what nobody needs of {audit.path} on {audit.node} into its trash for {days:g} days",
        steps=(TrashFiles.step(audit.node, audit.path, items, days),),
        notes=tuple(f"could not be seen: {sentence}" for sentence in audit.unseen),
        world=_inodes(items),
        options={"items": list(names), "days": days},
    )


def plan_empty(audit: Audit) -> Plan:
    """Return the plan that removes for good what is in the trash past its end date.

    Raises:
        Refused: nothing is.
    """
    items = ended(audit)
    return Plan(
        runbook="instance-dirs empty-trash",
        subject=audit.node,
        title=f"Remove for good what is in the trash of {audit.path} on {audit.node} past its end date",
        steps=tuple(EmptyTrash.step(audit.node, audit.path, item.name.rpartition("/")[2]) for item in items),
        world=_inodes(items),
    )


def plan_restore(audit: Audit, run: str) -> Plan:
    """Return the plan that puts back what a run put into the trash.

    Raises:
        Refused: there is nothing of that run.
    """
    return Plan(
        runbook="instance-dirs restore",
        subject=audit.node,
        title=f"Put back what run {run} put into the trash of {audit.path} on {audit.node}",
        world=_inodes([put_aside(audit, run)]),
        steps=(RestoreFiles.step(audit.node, audit.path, run),),
    )


def _inodes(items: Sequence[Item]) -> dict[str, int]:
    return {item.name: item.entry.inode for item in items if item.entry is not None}
