"""The finite list of error codes, and the exceptions that carry them.

Refused, skipped and failed are three things. *Refused*: stackmend decided before touching anything. *Failed*: something
was tried and went wrong; the evidence is attached. (*Skipped* is no error: the world was already as asked, see
``stackmend.domain.outcome``.) A run that waits for a person is told by the exit status, ``Exit.PAUSED``. The manual's
table is generated from ``Code``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Self


class Exit(enum.IntEnum):
    """Exit statuses of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    PAUSED = 4


class Code(enum.StrEnum):
    """Every stable error code; the value is what users and programs see, ``meaning`` what the manual says of it."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Make a code of its value and its meaning, one sentence."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    # asking
    USAGE = "usage", "The words of the call do not fit together."
    INVENTORY_MISSING = "inventory-missing", "No inventory was found for the cloud."
    INVENTORY_MALFORMED = (
        "inventory-malformed",
        "The inventory, or clouds.yaml, cannot be understood; the sentence names the file and the place.",
    )
    CLOUD_UNKNOWN = "cloud-unknown", "No cloud of that name is known, or none was named where there are several."
    NODE_UNKNOWN = "node-unknown", "The inventory, or nova, has no node of that name."
    NODE_WRONG_ROLE = "node-wrong-role", "The node is there, but has not the role that the command is about."
    INSTANCE_UNKNOWN = "instance-unknown", "Nova has no instance of that name or id, or several of that name."
    RUN_UNKNOWN = "run-unknown", "There is no run of that id, or the text fits several."
    RUN_NOT_OPEN = "run-not-open", "The run has ended; nothing more can be done with it."
    RUN_ALIVE = "run-alive", "Another process is carrying out that run at this moment."
    STEP_UNKNOWN = "step-unknown", "The run has no step of that id, or the text fits several."
    STEP_NOT_PAUSED = "step-not-paused", "The step does not wait for a person's decision."
    NODE_BUSY = "node-busy", "Another open run holds the node; its id is named."
    PLAN_STALE = "plan-stale", "The world moved after the plan was shown, so it was not applied."
    NOTHING_TO_RETURN = (
        "nothing-to-return",
        "No closed drain of that node is on record, so there is nothing to bring back.",
    )
    # reaching
    AUTH_FAILED = "auth-failed", "Keystone did not accept the credentials of the cloud."
    TOKEN_EXPIRED = (
        "token-expired",
        "The token ran out, and the credentials cannot get another.",
    )
    API_UNREACHABLE = "api-unreachable", "A service's API did not answer."
    API_ERROR = "api-error", "A service's API answered with an error; its status and request id are in the evidence."
    API_NOT_FOUND = "api-not-found", "A service's API says that the thing is not there."
    API_CONFLICT = "api-conflict", "A service's API says that the thing is in another state than the request needs."
    SSH_UNREACHABLE = "ssh-unreachable", "The node did not answer over SSH."
    SSH_HOST_KEY = (
        "ssh-host-key",
        "The node showed a host key that is not the known one, or none is known; no command was sent.",
    )
    SSH_AUTH = "ssh-auth", "The node did not let the SSH user in."
    COMMAND_FAILED = (
        "command-failed",
        "A command on a node ended with an error; its exit status and stderr are in the evidence.",
    )
    COMMAND_TIMEOUT = "command-timeout", "A command on a node did not end in time."
    DATABASE_UNREACHABLE = (
        "database-unreachable",
        "Nova's or Cinder's database did not answer, or nothing tells where it is.",
    )
    DATABASE_REFUSED = "database-refused", "Nova's or Cinder's database answered with a refusal or an error."
    POWER_NONE = "power-none", "The inventory names no power controller for the node."
    POWER_PASSWORD = (
        "power-password",
        "The password of the node's power controller cannot be read.",
    )
    POWER_CLIENT = "power-client", "The program that speaks to the node's power controller is not installed here."
    POWER_UNREACHABLE = "power-unreachable", "The node's power controller did not answer."
    POWER_REFUSED = (
        "power-refused",
        "The node's power controller answered, but refused the login or the order, or is no controller at all.",
    )
    # draining and returning
    NO_TARGET = "no-target", "No other compute node may take the instances."
    NO_ROOM = "no-room", "The other compute nodes have too little room for the instances."
    INSTANCE_UNMOVABLE = "instance-unmovable", "An instance cannot be moved as it is; the sentence says why."
    INSTANCE_MOVED = (
        "instance-moved",
        "An instance is on another node than the one it was moved to: somebody else moved it.",
    )
    INSTANCE_CHANGED = "instance-changed", "An instance came into a state in which the step cannot be done."
    INSTANCE_STATE = "instance-state", "An instance is in a state in which what was asked for cannot be done."
    INSTANCE_NOT_UP = "instance-not-up", "An instance was told to start or to reboot, and is not seen to run."
    NO_CURE = "no-cure", "Nothing is wrong, or nothing that stackmend may do by itself cures it; the causes are named."
    INSTANCE_LOST = "instance-lost", "An instance that the run knew is no longer there."
    MIGRATION_REFUSED = "migration-refused", "Nova did not begin the migration."
    MIGRATION_FAILED = "migration-failed", "Nova began the migration, and it failed."
    MIGRATION_NOT_CONVERGING = (
        "migration-not-converging",
        "A live migration goes on, but the memory left to copy no longer shrinks.",
    )
    MIGRATION_TIMEOUT = "migration-timeout", "A migration, or what nova does after it, did not end in time."
    WITNESSES_DISAGREE = (
        "witnesses-disagree",
        "Nova, libvirt, placement and neutron do not agree on where an instance is.",
    )
    NODE_NOT_EMPTY = "node-not-empty", "Something that the step needs gone is still on the node."
    # recovering
    NODE_ALIVE = "node-alive", "The node is up, so its instances are drained and not recovered."
    NODE_NOT_FENCED = (
        "node-not-fenced",
        "Nothing proves that a node cannot run its instances, so none of them is evacuated.",
    )
    MANY_DOWN = (
        "many-down",
        "So many compute nodes are down at once that the network is the more probable cause; a wave.",
    )
    # directories of instances
    FILES_NEEDED = (
        "files-needed",
        "An item of the directory of instances is needed, or it cannot be proved that nobody needs it.",
    )
    FILES_UNKNOWN = "files-unknown", "There is no item of that name in the directory of instances, or no longer."
    FILES_NOT_MOVED = "files-not-moved", "Items could not be brought to, or back from, where they were to go."
    NOTHING_TO_CLEAN = (
        "nothing-to-clean",
        "Nothing in the directory of instances is orphaned, or nothing in its trash is past its end date.",
    )
    NOTHING_TO_SALVAGE = (
        "nothing-to-salvage",
        "No instance of the node can be brought up elsewhere from its files; the sentence says why of each.",
    )
    # volumes
    VOLUME_UNKNOWN = "volume-unknown", "Cinder has no volume of that name or id, or several of that name."
    VOLUME_CHANGED = (
        "volume-changed",
        "What the witnesses say of a volume is no longer what its repair was planned for; nothing was done to it.",
    )
    VOLUME_NOT_MENDED = "volume-not-mended", "A volume was repaired, but is not read back as it should be."
    NOTHING_TO_REPAIR = (
        "nothing-to-repair",
        "Nothing is wrong with the volumes that are meant, or no repair of them is shown to be safe.",
    )
    INSTANCE_NOT_READY = "instance-not-ready", "An instance's console does not show that it has booted."
    # nodes and services
    SERVICE_NOT_STOPPED = "service-not-stopped", "A unit was told to stop and has not stopped."
    SERVICE_NOT_STARTED = "service-not-started", "A unit was told to start and does not run."
    UNIT_HELD = "unit-held", "A unit is already held down by somebody else: another run, or a person who masked it."
    REBOOT_TIMEOUT = "reboot-timeout", "The node did not come back from its reboot in time."
    VERIFY_FAILED = "verify-failed", "A check found the node not fit for work; the findings say which."
    COMMAND_LOST = (
        "command-lost",
        "The connection broke while a command ran on a node; whether it finished is not known.",
    )
    # reading the disks of an instance
    RESCUE_IMPOSSIBLE = (
        "rescue-impossible",
        "The disks of an instance cannot be read, as it or its node is; the sentence says why.",
    )
    GUEST_NOT_TRUSTED = (
        "guest-not-trusted",
        "The node's kernel would have to parse a guest's file systems, and nobody said that the guest is trusted.",
    )
    DISK_UNREADABLE = "disk-unreadable", "A guest's disk could not be opened, or no file system on it be mounted."
    GUEST_PATH = "guest-path", "A path cannot be read in the guest as it was asked for; the sentence says why."
    COPY_DIFFERS = "copy-differs", "A copy of a file is not whole, or its checksum is not that of its source."
    RESCUE_EXPIRED = (
        "rescue-expired",
        "The limit of a rescue has passed, and the node itself has ended the reading and given the instance back.",
    )
    INSTANCE_NOT_RESUMED = (
        "instance-not-resumed",
        "An instance that was suspended to read its disks does not run again yet; the node's own timer stays armed.",
    )
    # logs
    LOGS_MISSING = "logs-missing", "The directory of a bundle is not there, or holds no logs of OpenStack's services."
    LOGS_UNREAD = "logs-unread", "The logs of no node could be read; the evidence says why of each."
    # engine
    STEP_CRASHED = "step-crashed", "A fault in stackmend itself; the evidence belongs in a report."
    JOURNAL_UNUSABLE = "journal-unusable", "The directory or the file of the journal cannot be read or written."
    # the lab
    LAB_NOT_ROOT = "lab-not-root", "The lab needs root."
    LAB_NO_ROOM = "lab-no-room", "The machine has too little memory or disk for the lab."
    LAB_BUSY = "lab-busy", "Another process is starting, stopping or resetting the lab."
    LAB_CLASH = "lab-clash", "The lab's bridge or its addresses are taken by something that is not the lab's."
    LAB_NOT_UP = "lab-not-up", "The lab, or the node of it that was named, is not running."
    LAB_BUILD_FAILED = "lab-build-failed", "The lab's base system could not be built; the log is named."
    LAB_START_FAILED = "lab-start-failed", "A part of the lab did not come up in time; the log is named."
    LAB_UNSUPPORTED = "lab-unsupported", "The machine's kernel or distribution cannot carry the lab."
    LAB_FAULT_UNKNOWN = "lab-fault-unknown", "The lab knows no fault of that name, or not on that node."


class StackmendError(Exception):
    """An error a person can act on.

    Args:
        code: stable code, from the finite list.
        sentence: what is so, in one sentence, without secrets.
        hint: what to do next, in one sentence; empty where nothing helps.
        evidence: small facts that show it: host, command, exit status, stderr, request id.
    """

    exit_status = Exit.FAILED

    def __init__(self, code: Code, sentence: str, *, hint: str = "", evidence: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.hint = hint
        self.evidence: dict[str, str] = dict(evidence or {})


class UsageError(StackmendError):
    """The words of the call were wrong; nothing was done."""

    exit_status = Exit.USAGE


class Refused(StackmendError):  # noqa: N818 - the field's word; Error would blur it with Failed
    """Decided before anything was touched; the world is unchanged."""

    exit_status = Exit.REFUSED


class Failed(StackmendError):  # noqa: N818
    """Something was tried and went wrong; the evidence says what."""

    exit_status = Exit.FAILED
