"""What a watch does for a node that is dead: the run of ``node recover``, beside the looking, one node at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from stackmend.actions.base import Performer
from stackmend.actions.registry import all_actions
from stackmend.adapters.clock import Clock
from stackmend.adapters.world import World
from stackmend.cli import recovering
from stackmend.cli.context import CloudChoice, open_world
from stackmend.cli.wiring import actor, open_journal
from stackmend.domain.death import Condition, Diagnosis
from stackmend.domain.plan import Plan
from stackmend.domain.run import RunState
from stackmend.domain.values import NodeName
from stackmend.domain.watch import Act, Stage
from stackmend.engine.engine import Engine
from stackmend.engine.journal import Journal
from stackmend.engine.protocols import Silence
from stackmend.errors import Code, Refused, StackmendError
from stackmend.rules.watch_acts import readmitted

REASON = "found dead by stackmend watch"


@dataclass(frozen=True)
class Allowed:
    """What the operator allowed a watch to do.

    Attributes:
        nodes: it may recover these.
        max_share: percentage of the nodes that may be down at once where it does.
    """

    nodes: frozenset[NodeName] = frozenset()
    max_share: float = 0.0


class Actor:
    """Recovers nodes that are dead, one after the other, in a thread with a world of its own.

    Args:
        choice: which cloud.
    """

    def __init__(self, choice: CloudChoice) -> None:
        self._choice = choice
        self._said: SimpleQueue[Act] = SimpleQueue()
        self._pool = ThreadPoolExecutor(1)
        self._futures: list[Future[None]] = []
        self._engine: Engine | None = None
        self._ended = False
        self._clock = Clock()
        self.objection = ""
        """Why nothing is begun now; empty where nothing forbids it. Set after each look."""
        self.acted: dict[NodeName, str] = {}
        """What is said of a node that was acted on and is not yet readmitted, where it is still down."""

    def begin(self, node: NodeName) -> None:
        """Recover a node, once what was begun before has ended; returns at once."""
        self.acted[node] = "it is being acted on"
        self._futures.append(self._pool.submit(self._recover, node))

    def forget(self, found: Iterable[Diagnosis]) -> None:
        """Forget the nodes that are readmitted: they may be acted on again."""
        for one in found:
            if one.node in self.acted and readmitted(one):
                del self.acted[one.node]

    def news(self) -> Iterator[Act]:
        """Yield what came of the runs since the last call.

        Raises:
            Exception: a mistake in stackmend itself ended a run.
        """
        for future in [one for one in self._futures if one.done()]:
            self._futures.remove(future)
            future.result()
        while True:
            try:
                act = self._said.get_nowait()
            except Empty:
                return
            if act.node in self.acted and act.stage is not Stage.BEGUN:
                self.acted[act.node] = f"it was acted on in this watch: {act.sentence}"
            yield act

    def end(self) -> tuple[Act, ...]:
        """Begin nothing more, let the run that goes on end after its present steps, wait for that; return its news."""
        self._ended = True
        engine = self._engine
        if engine is not None:
            engine.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._futures = [one for one in self._futures if not one.cancelled()]
        return tuple(self.news())

    def _recover(self, node: NodeName) -> None:
        try:
            with open_world(self._choice) as world, closing(open_journal(self._choice.state)) as journal:
                self._carry_out(world, journal, node)
        except StackmendError as error:
            self._say(node, Stage.LEFT, f"{error.sentence}; it is not tried again; stackmend node recover {node}")

    def _carry_out(self, world: World, journal: Journal, node: NodeName) -> None:
        plan = recovering.recover(world, node, recovering.Chosen(), reason=REASON)
        _still_off(plan)
        if self._ended:
            return
        if self.objection:
            del self.acted[node]  # so that it is decided anew after the next look
            self._say(node, Stage.LEFT, self.objection)
            return
        engine = Engine(journal, Performer(world, all_actions()), Silence(), place=world.inventory.cloud)
        with self._stoppable(engine):
            begun = engine.start(plan, actor=f"{actor()}, by a watch", reason=REASON)
            self._say(node, Stage.BEGUN, f"run {begun.id}: {plan.title}; stackmend runs show {begun.id}", begun.id)
            run = engine.carry_out(begun.id)
        if run.state is RunState.DONE:
            notes = "".join(f"; {note}" for note in plan.notes)
            back = f"once it is mended: stackmend node readmit {node}"
            self._say(node, Stage.DONE, f"run {run.id} is done: {plan.title}{notes}; {back}", run.id)
        else:
            decide = f"it is not begun again; stackmend runs show {run.id}, then stackmend runs resume {run.id}"
            self._say(node, Stage.PAUSED, f"run {run.id} is {run.state}: {run.sentence}; {decide}", run.id)

    def _say(self, node: NodeName, stage: Stage, sentence: str, run: str = "") -> None:
        self._said.put(Act(self._clock.now(), node, stage, sentence, run))

    @contextmanager
    def _stoppable(self, engine: Engine) -> Iterator[None]:
        self._engine = engine
        if self._ended:
            engine.stop()
        try:
            yield
        finally:
            self._engine = None


def _still_off(plan: Plan) -> None:
    """Refuse where the plan found the node otherwise than the watch did."""
    condition = str(plan.world["condition"])
    if condition != Condition.OFF:
        raise Refused(Code.PLAN_STALE, f"{plan.subject} is {condition} now, not proved to be off any more")
