"""Every action there is, by the names that plans carry."""

from __future__ import annotations

from stackmend.actions.base import Action
from stackmend.actions.booting import RebootInstance, StartInstance
from stackmend.actions.commands import RunCommand
from stackmend.actions.drained import CheckDrained
from stackmend.actions.homecoming import ReturnInstance
from stackmend.actions.instances import MoveInstance
from stackmend.actions.reboot import Reboot
from stackmend.actions.scheduling import DisableScheduling, RestoreScheduling
from stackmend.actions.units import HoldUnit, ReleaseUnit
from stackmend.actions.verify import VerifyNode
from stackmend.actions.well import CheckInstances


def all_actions() -> tuple[Action, ...]:
    """Return one of each; a plan that names another was made by a newer stackmend."""
    return (
        CheckDrained(),
        CheckInstances(),
        DisableScheduling(),
        HoldUnit(),
        MoveInstance(),
        Reboot(),
        RebootInstance(),
        ReleaseUnit(),
        RestoreScheduling(),
        ReturnInstance(),
        RunCommand(),
        StartInstance(),
        VerifyNode(),
    )
