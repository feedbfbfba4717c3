"""Whether a compute node is dead, decided from what every witness saw. Pure.

Nothing is decided on one witness. Nova's heartbeat alone never says dead: it stops when the message bus does. Silence
alone never says off: it is the same when a cable is pulled. Only a power controller that reads back *off*, together
with silence over SSH and of ping, says off; one that says off while the node is seen to live is contradicted, and the
living witnesses decide. Where the node is silent and nobody can prove that it lives or that it is off, it is unknown: a
person, or a fence, must decide. See docs/adr/0014-nothing-dead-on-one-witness.md.
"""

from __future__ import annotations

from stackmend.domain.death import Bearing, Condition, DeathFacts, Diagnosis, Sign
from stackmend.domain.power import Power
from stackmend.errors import Code
from stackmend.rules.death_findings import findings, listed, pingers, power_is
from stackmend.rules.death_planned import planned
from stackmend.rules.death_signs import LET_IN_BADLY, signs
from stackmend.rules.death_troubles import Troubles, troubles

Word = tuple[Condition, str]


def judge(facts: DeathFacts) -> Diagnosis:
    """Return how a node is, with every sign, and what excuses it."""
    every = signs(facts)
    condition, sentence = _decide(facts, every)
    return Diagnosis(
        node=facts.node,
        at=facts.at,
        condition=condition,
        sentence=sentence,
        signs=every,
        planned=planned(facts),
        findings=findings(facts, every),
    )


def _decide(facts: DeathFacts, every: tuple[Sign, ...]) -> Word:
    if facts.shell.glance is not None:
        return _answering(facts, troubles(facts, facts.shell.glance))
    if facts.shell.code in LET_IN_BADLY:
        return _without_shell(facts)
    if pingers(facts, answered=True):
        return _pinged(facts)
    if facts.shell.code == Code.SSH_HOST_KEY:
        return Condition.UNKNOWN, f"whether {facts.node} lives cannot be told: {facts.shell.silent}"
    return _silent(facts, [sign for sign in every if sign.bearing is Bearing.ALIVE])


def _answering(facts: DeathFacts, found: Troubles) -> Word:
    """Decide on a node that showed itself."""
    node = facts.node
    if found.frozen:
        return Condition.WEDGED, f"{node} runs, but {'; '.join((*found.frozen, *found.broken))}"
    if found.broken:
        return Condition.DEGRADED, f"{node} runs, but {'; '.join(found.broken)}"
    if facts.nova.silent:
        return Condition.UNKNOWN, f"{node} runs by its own word, but nova could not be asked whether it hears it"
    return Condition.UP, f"{node} is up: nova hears it, its shell, its units and its libvirt answer"


def _without_shell(facts: DeathFacts) -> Word:
    """Decide on a node whose sshd answered and gave no usable shell."""
    if facts.shell.code == Code.COMMAND_TIMEOUT and _nova_says_down(facts):
        return Condition.WEDGED, f"{facts.node} lets in, but nothing ends there, and nova hears no heartbeat of it"
    heard = ", and nova hears no heartbeat of it" if _nova_says_down(facts) else ""
    return Condition.DEGRADED, f"{facts.node} answers SSH, but {facts.shell.silent}{heard}"


def _pinged(facts: DeathFacts) -> Word:
    """Decide on a node that answers ping and no SSH."""
    node, who = facts.node, pingers(facts, answered=True)
    ping = f"{node} answers ping from {listed(who)}"
    if not _nova_says_down(facts):
        nova = "nova could not be asked" if facts.nova.record is None else "nova heard it lately"
        return Condition.DEGRADED, f"{ping} and {nova}, but it gives no shell: {facts.shell.silent}"
    if power_is(facts, Power.OFF) and len(who) == 1:
        doubt = "one of the two is wrong, or another machine has its address"
        return Condition.UNKNOWN, f"{ping} alone, and its power controller says off: {doubt}"
    return (
        Condition.WEDGED,
        f"{ping}, but neither its sshd nor its nova-compute answers: it hangs, its instances may run",
    )


def _silent(facts: DeathFacts, living: list[Sign]) -> Word:
    """Decide on a node that answers neither SSH nor ping."""
    node, deaf = facts.node, pingers(facts, answered=False)
    if not deaf:
        seen = f", although it lives by {listed([s.name for s in living])}" if living else ""
        first = "look at this machine's own network first"
        return Condition.UNKNOWN, f"{node} cannot be reached from here{seen}, and no other node could be asked: {first}"
    silence = f"{node} answers neither SSH nor ping from {listed(deaf)}"
    if living:
        proof = "; ".join(f"{sign.name}: {sign.says}" for sign in living)
        return Condition.PARTITIONED, f"{silence}, but it runs on ({proof}): it is cut off"
    if power_is(facts, Power.OFF):
        late = "" if _nova_says_down(facts) or facts.nova.record is None else "; nova has not noticed yet"
        return Condition.OFF, f"{silence}, and its power controller reads back off{late}"
    return Condition.UNKNOWN, f"{silence}, and {_why_unknown(facts)}: dead or cut off, its instances may run"


def _why_unknown(facts: DeathFacts) -> str:
    if facts.power is None:
        return "it has no power controller that could tell"
    if power_is(facts, Power.ON):
        return "its power controller says on"
    return f"its power controller does not tell ({facts.power.silent or facts.power.says or 'unknown'})"


def _nova_says_down(facts: DeathFacts) -> bool:
    record = facts.nova.record
    return record is not None and not record.up and not facts.nova.advanced
