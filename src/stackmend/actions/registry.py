"""Every action there is, by the names that plans carry."""

from __future__ import annotations

from stackmend.actions.base import Action
from stackmend.actions.booting import RebootInstance, StartInstance
from stackmend.actions.clear_directories import ClearDirectories
from stackmend.actions.clear_domains import ClearDomains
from stackmend.actions.clear_records import ClearRecords
from stackmend.actions.commands import RunCommand
from stackmend.actions.drained import CheckDrained
from stackmend.actions.emptying import EmptyTrash
from stackmend.actions.evacuation import EvacuateInstance
from stackmend.actions.fencing import FenceNode
from stackmend.actions.forcing import ForceDown, ForceUp
from stackmend.actions.homecoming import ReturnInstance
from stackmend.actions.instances import MoveInstance
from stackmend.actions.power_state import RestorePower
from stackmend.actions.quieting import QuietNode
from stackmend.actions.reboot import Reboot
from stackmend.actions.reconcile import Reconcile
from stackmend.actions.recovered import CheckRecovered
from stackmend.actions.relocated import RebootRelocated, SettleRelocated
from stackmend.actions.relocating import RelocateRows
from stackmend.actions.rescue_disks import CloseDisks, OpenDisks
from stackmend.actions.rescue_guarding import ArmGuard, DisarmGuard
from stackmend.actions.rescue_pausing import PauseInstance, UnpauseInstance
from stackmend.actions.rescue_reading import CopyFiles, ListFiles
from stackmend.actions.rescue_shell import OpenShell
from stackmend.actions.rescue_suspending import GiveBack, SuspendInstance
from stackmend.actions.restoring import RestoreFiles
from stackmend.actions.salvage_aside import SetAside
from stackmend.actions.salvage_copying import ClearStaging, CopyBase, StageSalvage
from stackmend.actions.salvage_copying import CopyFiles as CopySalvage
from stackmend.actions.salvage_placing import PlaceFiles
from stackmend.actions.scheduling import DisableScheduling, RestoreScheduling
from stackmend.actions.trash import TrashFiles
from stackmend.actions.units import HoldUnit, ReleaseUnit
from stackmend.actions.verify import VerifyNode
from stackmend.actions.volume_complete import CompleteVolume
from stackmend.actions.volume_detach import DetachVolume
from stackmend.actions.volume_reattach import ReattachVolume
from stackmend.actions.volume_reboot import RebootForVolume
from stackmend.actions.volume_release import ReleaseVolume
from stackmend.actions.volume_reset import ResetVolume
from stackmend.actions.well import CheckInstances


def all_actions() -> tuple[Action, ...]:
    """Return one of each; a plan that names another was made by a newer stackmend."""
    return (
        ArmGuard(),
        CheckDrained(),
        CheckInstances(),
        CheckRecovered(),
        ClearDirectories(),
        ClearDomains(),
        ClearRecords(),
        ClearStaging(),
        CloseDisks(),
        CompleteVolume(),
        CopyBase(),
        CopyFiles(),
        CopySalvage(),
        DetachVolume(),
        DisableScheduling(),
        DisarmGuard(),
        EmptyTrash(),
        EvacuateInstance(),
        FenceNode(),
        ForceDown(),
        ForceUp(),
        GiveBack(),
        HoldUnit(),
        ListFiles(),
        MoveInstance(),
        OpenShell(),
        PauseInstance(),
        UnpauseInstance(),
        OpenDisks(),
        PlaceFiles(),
        QuietNode(),
        ReattachVolume(),
        Reboot(),
        RebootForVolume(),
        RebootInstance(),
        RebootRelocated(),
        Reconcile(),
        RelocateRows(),
        ReleaseUnit(),
        ReleaseVolume(),
        ResetVolume(),
        RestoreFiles(),
        RestorePower(),
        RestoreScheduling(),
        ReturnInstance(),
        RunCommand(),
        SetAside(),
        SettleRelocated(),
        StageSalvage(),
        StartInstance(),
        SuspendInstance(),
        TrashFiles(),
        VerifyNode(),
    )
