"""Which step may start when: dependency order, lanes, a bound on threads. Knows nothing of what steps do."""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter

from stackmend.domain.plan import Plan, Step
from stackmend.domain.values import StepId

MAX_THREADS = 32


@dataclass(frozen=True)
class Turn:
    """What a step is given while it is worked on.

    Attributes:
        leave_lane: gives back its room in the lane.
        stopping: whether nothing more is started.
    """

    leave_lane: Callable[[], None]
    stopping: Callable[[], bool]


Work = Callable[[Step, Turn], bool]
"""Carries out one step in a thread; returns whether the step ended well."""


@dataclass(frozen=True)
class _LeftLane:
    step: StepId


@dataclass(frozen=True)
class _Ended:
    step: StepId
    future: Future[bool]


class _Woken:
    """Nothing ended; look again whether to stop."""


def check(plan: Plan) -> None:
    """Refuse a plan that cannot be scheduled; ValueError says why, since a runbook that yields one is wrong."""
    ids = {step.id for step in plan.steps}
    if len(ids) != len(plan.steps):
        raise ValueError("two steps of the plan have one id")
    for step in plan.steps:
        if missing := [need for need in step.needs if need not in ids]:
            raise ValueError(f"step {step.id} needs {missing[0]}, which the plan does not have")
        if step.lane and plan.lanes.get(step.lane, 0) < 1:
            raise ValueError(f"step {step.id} is in lane {step.lane}, for which the plan gives no width")
    TopologicalSorter({step.id: step.needs for step in plan.steps}).prepare()


class Schedule:
    """Runs steps of a plan in threads, each once, none before what it needs.

    A step that is in a lane starts when the lane has room, not before, so that it decides on fresh facts; it gives the
    room back when its change is complete. A step that may go ahead needs no room, as long as no other has gone ahead
    in that lane; an undo lets none go ahead, since it has no way to take a queued one back. After the first step that
    does not end well nothing more is started; what runs is waited for.

    Args:
        plan: whose steps and lanes; checked.
        work: carries out one step.
        backwards: whether dependants come first, as in an undo.
    """

    def __init__(self, plan: Plan, work: Work, *, backwards: bool = False) -> None:
        self._work = work
        self._lanes = plan.lanes
        self._order = {step.id: number for number, step in enumerate(plan.steps)}
        self._steps = {step.id: step for step in plan.steps}
        self._sorter = _sorter(plan.steps, backwards=backwards)
        self._sign = -1 if backwards else 1
        self._early = 0 if backwards else 1
        self._ready: list[StepId] = []
        self._in_lane: Counter[str] = Counter()
        self._holding: set[StepId] = set()
        self._running = 0
        self._halted = False
        self._errors: list[BaseException] = []
        # SimpleQueue.put may be called from a signal handler; nothing else here is.
        self._events: queue.SimpleQueue[_LeftLane | _Ended | _Woken] = queue.SimpleQueue()

    def stop(self) -> None:
        """Start nothing more; may be called from any thread and from a signal handler."""
        self._halted = True
        self._events.put(_Woken())

    def run(self, through: Iterable[StepId], blocked: Iterable[StepId]) -> None:
        """Run to the end, to a failure or to a stop; returns when nothing runs any more.

        Args:
            through: steps that need no work; what needs them may start.
            blocked: steps that must not be worked on, and hold up what needs them.

        Raises:
            StackmendError: the journal could not be written; what ran was waited for.
        """
        through, blocked = frozenset(through), frozenset(blocked)
        self._admit(through, blocked)
        workers = min(MAX_THREADS, len(self._steps) or 1)
        with ThreadPoolExecutor(workers, thread_name_prefix="step") as pool:
            self._start_what_may(pool)
            while self._running:
                self._take(self._events.get())
                self._admit(through, blocked)
                self._start_what_may(pool)
        if self._errors:
            raise self._errors[0]

    def _admit(self, through: frozenset[StepId], blocked: frozenset[StepId]) -> None:
        while fresh := self._sorter.get_ready():
            for step in fresh:
                if step in through:
                    self._sorter.done(step)
                elif step not in blocked:
                    self._ready.append(step)
        self._ready.sort(key=lambda step: self._sign * self._order[step])

    def _start_what_may(self, pool: ThreadPoolExecutor) -> None:
        for step in tuple(self._ready):
            if self._halted or self._running >= MAX_THREADS:
                return
            lane = self._steps[step].lane
            if lane and not self._has_room(self._steps[step]):
                continue
            self._ready.remove(step)
            self._start(pool, step, lane)

    def _has_room(self, step: Step) -> bool:
        room = self._lanes[step.lane] + (self._early if step.ahead else 0)
        return self._in_lane[step.lane] < room

    def _start(self, pool: ThreadPoolExecutor, step: StepId, lane: str) -> None:
        if lane:
            self._in_lane[lane] += 1
            self._holding.add(step)
        self._running += 1
        turn = Turn(partial(self._events.put, _LeftLane(step)), lambda: self._halted)
        future = pool.submit(self._work, self._steps[step], turn)
        future.add_done_callback(lambda done: self._events.put(_Ended(step, done)))

    def _take(self, event: _LeftLane | _Ended | _Woken) -> None:
        if isinstance(event, _LeftLane):
            self._leave_lane(event.step)
        elif isinstance(event, _Ended):
            self._leave_lane(event.step)
            self._running -= 1
            self._settle(event.step, event.future)

    def _settle(self, step: StepId, future: Future[bool]) -> None:
        error = future.exception()
        if error is not None:
            self._errors.append(error)
        if error is None and future.result():
            self._sorter.done(step)
        else:
            self._halted = True

    def _leave_lane(self, step: StepId) -> None:
        if step in self._holding:
            self._holding.discard(step)
            self._in_lane[self._steps[step].lane] -= 1


def _sorter(steps: Sequence[Step], *, backwards: bool) -> TopologicalSorter[StepId]:
    graph: Mapping[StepId, set[StepId]] = {step.id: set() for step in steps}
    undone_first = {step.id for step in steps if step.undo_first}
    for step in steps:
        for need in step.needs:
            forwards = not backwards or need in undone_first
            first, second = (need, step.id) if forwards else (step.id, need)
            graph[second].add(first)
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    return sorter
