"""Whether a compute node is dead: what each witness of its life saw, and what that comes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from stackmend.domain.finding import Finding
from stackmend.domain.instance import ComputeService
from stackmend.domain.node import NetworkAgent
from stackmend.domain.overview import Glance, RunGlance
from stackmend.domain.power import Power
from stackmend.domain.values import NodeName


class Condition(enum.StrEnum):
    """How a compute node is.

    UP: it works. DEGRADED: it runs and something on it does not; the sentence names it. WEDGED: its processes are there
    and do nothing. PARTITIONED: it is cut off and proved to run on. OFF: proved to be without power. UNKNOWN: whether
    it runs cannot be told, so that a person, or a fence, must decide.
    """

    UP = "up"
    DEGRADED = "degraded"
    WEDGED = "wedged"
    PARTITIONED = "partitioned"
    OFF = "off"
    UNKNOWN = "unknown"

    @property
    def answers(self) -> bool:
        """Whether the node itself gave an answer."""
        return self in {Condition.UP, Condition.DEGRADED, Condition.WEDGED}


class Bearing(enum.StrEnum):
    """What a sign says of the node's life.

    ALIVE: it was seen to live in this look. LATELY: it was alive a while ago, and may have died since. NO_ANSWER: it
    was asked and did not answer. ON, OFF: it is said to have power, or none. UNASKED: the witness itself could not be
    asked.
    """

    ALIVE = "alive"
    LATELY = "alive lately"
    NO_ANSWER = "no answer"
    ON = "on"
    OFF = "off"
    UNASKED = "not asked"


@dataclass(frozen=True)
class Sign:
    """One witness's word on whether a node lives.

    Attributes:
        name: of the witness: ``nova``, ``ssh``, ``ping from NODE``, ``power``, ``libvirt``, …
        bearing: what it says of the node's life.
        says: the sentence behind it; empty where it is silent.
        at: when it was asked.
        silent: why it could not be asked; empty where it answered.
    """

    name: str
    bearing: Bearing
    says: str
    at: datetime
    silent: str = ""


@dataclass(frozen=True)
class NovaSeen:
    """Nova's heartbeat of a node's nova-compute.

    Attributes:
        record: nova's record; None where nova could not be asked, or has no nova-compute there.
        beats: the different heartbeats seen during the look, in order; more than one is life.
        listened: seconds for which its record was watched.
        others: number of other nova-computes that are neither disabled nor forced down.
        others_up: how many of those nova takes for alive.
        way: by which way it was asked: ``nova-api`` or ``database``.
        silent: why it could not be asked; empty where it answered.
    """

    record: ComputeService | None
    beats: tuple[datetime, ...] = ()
    listened: float = 0.0
    others: int = 0
    others_up: int = 0
    way: str = "nova-api"
    silent: str = ""

    @property
    def advanced(self) -> bool:
        """Whether the heartbeat advanced while it was looked at."""
        return len(self.beats) > 1


@dataclass(frozen=True)
class ShellSeen:
    """What the node showed over SSH.

    Attributes:
        glance: its units, holds and domains; None where no shell answered.
        silent: why none did; empty where one did.
        code: the error code behind ``silent``: ``ssh-unreachable``, ``ssh-auth``, ``command-timeout``, …
    """

    glance: Glance | None
    silent: str = ""
    code: str = ""


@dataclass(frozen=True)
class Echo:
    """What came of pinging the node's address from another node.

    Attributes:
        peer: who pinged.
        address: what was pinged.
        answered: whether anything came back; None where the peer could not be asked.
        says: what ping counted.
        silent: why the peer could not be asked; empty where it could.
    """

    peer: NodeName
    address: str
    answered: bool | None = None
    says: str = ""
    silent: str = ""


@dataclass(frozen=True)
class PowerSeen:
    """What the node's power controller read back.

    Attributes:
        state: what it said; UNKNOWN too where it gave no answer.
        says: the sentence behind it.
        silent: why it gave none; empty where it did.
    """

    state: Power
    says: str = ""
    silent: str = ""


@dataclass(frozen=True)
class Stir:
    """Whether instances of the node were seen to do something from elsewhere, such as writing to shared storage.

    Attributes:
        witness: who looked, such as ``storage from c02``.
        alive: whether something stirred; None where the witness could not be asked.
        says: what it saw.
        silent: why it could not be asked; empty where it could.
        lately: where nothing stirred now: whether what it saw shows that the node lived a while ago.
    """

    witness: str
    alive: bool | None
    says: str = ""
    silent: str = ""
    lately: bool = False


@dataclass(frozen=True)
class DeathFacts:
    """What was seen of a node by everybody who can be asked about it.

    Attributes:
        node: its name.
        at: when the look began.
        nova: its heartbeat.
        shell: what it showed over SSH.
        echoes: pings from other nodes.
        power: its power controller's word; None where it has none.
        stirs: its instances, seen from elsewhere.
        agents: neutron's agents on it; None where neutron could not be asked.
        runs: open runs of stackmend on it.
    """

    node: NodeName
    at: datetime
    nova: NovaSeen
    shell: ShellSeen
    echoes: tuple[Echo, ...] = ()
    power: PowerSeen | None = None
    stirs: tuple[Stir, ...] = ()
    agents: tuple[NetworkAgent, ...] | None = None
    runs: tuple[RunGlance, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """How a node is, and why that is believed.

    Attributes:
        node: its name.
        at: when it was looked at.
        condition: how it is.
        sentence: why, and what is wrong, for a person.
        signs: every witness, those that are silent too.
        planned: why this is nobody's failure: a hold, an open run, a clean stop; empty where nothing tells so.
        findings: contradictions between the witnesses, such as a power controller that lies.
    """

    node: NodeName
    at: datetime
    condition: Condition
    sentence: str
    signs: tuple[Sign, ...]
    planned: str = ""
    findings: tuple[Finding, ...] = ()
