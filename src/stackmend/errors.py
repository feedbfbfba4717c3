"""The finite list of error codes, and the exceptions that carry them.

Refused, skipped and failed are three things. *Refused*: stackmend decided before touching anything. *Failed*: something
was tried and went wrong; the evidence is attached. (*Skipped* is no error: the world was already as asked, see
``stackmend.domain.outcome``.) *Paused*: a person must decide. The manual's table is generated from ``Code``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Exit(enum.IntEnum):
    """Exit statuses of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    PAUSED = 4


class Code(enum.StrEnum):
    """Every stable error code; the value is what users and programs see."""

    # asking
    USAGE = "usage"
    INVENTORY_MISSING = "inventory-missing"
    INVENTORY_MALFORMED = "inventory-malformed"
    CLOUD_UNKNOWN = "cloud-unknown"
    NODE_UNKNOWN = "node-unknown"
    NODE_WRONG_ROLE = "node-wrong-role"
    INSTANCE_UNKNOWN = "instance-unknown"
    RUN_UNKNOWN = "run-unknown"
    RUN_NOT_OPEN = "run-not-open"
    RUN_ALIVE = "run-alive"
    STEP_UNKNOWN = "step-unknown"
    STEP_NOT_PAUSED = "step-not-paused"
    NODE_BUSY = "node-busy"
    PLAN_STALE = "plan-stale"
    NOTHING_TO_RETURN = "nothing-to-return"
    # reaching
    AUTH_FAILED = "auth-failed"
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - a code, not a secret
    API_UNREACHABLE = "api-unreachable"
    API_ERROR = "api-error"
    API_NOT_FOUND = "api-not-found"
    API_CONFLICT = "api-conflict"
    SSH_UNREACHABLE = "ssh-unreachable"
    SSH_HOST_KEY = "ssh-host-key"
    SSH_AUTH = "ssh-auth"
    COMMAND_FAILED = "command-failed"
    COMMAND_TIMEOUT = "command-timeout"
    DATABASE_UNREACHABLE = "database-unreachable"
    DATABASE_REFUSED = "database-refused"
    # draining and returning
    NO_TARGET = "no-target"
    NO_ROOM = "no-room"
    INSTANCE_UNMOVABLE = "instance-unmovable"
    INSTANCE_MOVED = "instance-moved"
    INSTANCE_CHANGED = "instance-changed"
    INSTANCE_LOST = "instance-lost"
    MIGRATION_REFUSED = "migration-refused"
    MIGRATION_FAILED = "migration-failed"
    MIGRATION_NOT_CONVERGING = "migration-not-converging"
    MIGRATION_TIMEOUT = "migration-timeout"
    WITNESSES_DISAGREE = "witnesses-disagree"
    NODE_NOT_EMPTY = "node-not-empty"
    CANNOT_RETURN = "cannot-return"
    # nodes and services
    SERVICE_NOT_STOPPED = "service-not-stopped"
    SERVICE_NOT_STARTED = "service-not-started"
    UNIT_HELD = "unit-held"
    REBOOT_TIMEOUT = "reboot-timeout"
    VERIFY_FAILED = "verify-failed"
    COMMAND_LOST = "command-lost"
    # engine
    STEP_CRASHED = "step-crashed"
    INTERRUPTED = "interrupted"
    JOURNAL_UNUSABLE = "journal-unusable"
    # the lab
    LAB_NOT_ROOT = "lab-not-root"
    LAB_NO_ROOM = "lab-no-room"
    LAB_BUSY = "lab-busy"
    LAB_CLASH = "lab-clash"
    LAB_NOT_UP = "lab-not-up"
    LAB_BUILD_FAILED = "lab-build-failed"
    LAB_START_FAILED = "lab-start-failed"
    LAB_FAULT_UNKNOWN = "lab-fault-unknown"
    LAB_UNSUPPORTED = "lab-unsupported"


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


class Paused(StackmendError):  # noqa: N818
    """A run stopped between steps and waits for a person's decision."""

    exit_status = Exit.PAUSED
