"""One run's journal, open for writing, with what it says kept at hand."""

from __future__ import annotations

import threading

from stackmend.domain.plan import Plan
from stackmend.domain.run import Kind, Record, RunState, StepStatus
from stackmend.domain.values import JsonObject, RunId, StepId
from stackmend.engine import fold
from stackmend.engine.journal import Journal
from stackmend.engine.protocols import Listener

NO_STEP = StepId("")


class Book:
    """A claimed run: what is written goes to the journal first, then into the statuses, then to the listener.

    Threads may share it. The statuses are always those that a fold of the journal would give, because both come from
    the same function of the same records.
    """

    def __init__(self, journal: Journal, run_id: RunId, plan: Plan, listener: Listener) -> None:
        self.run_id = run_id
        self.plan = plan
        self._journal = journal
        self._listener = listener
        self._lock = threading.Lock()
        self._steps = fold.pending(plan)
        self._state = RunState.RUNNING
        for record in journal.records(run_id):
            self._take(record)

    @property
    def state(self) -> RunState:
        """Where the run stands, by its records alone."""
        return self._state

    def write(self, kind: Kind, step: StepId, sentence: str, data: JsonObject | None = None) -> JsonObject:
        """Journal a record and return its data as a reader of the journal gets it.

        Raises:
            Failed: the journal cannot be written.
            Refused: the journal cannot be used at all.
        """
        with self._lock:
            record = self._journal.append(self.run_id, kind, step, sentence, data or {})
            self._take(record)
        self._listener.recorded(record)
        return record.data

    def status(self, step: StepId) -> StepStatus:
        """Return what the journal says of a step; KeyError where the plan has none with that id."""
        with self._lock:
            return self._steps[step]

    def notes(self, step: StepId) -> tuple[JsonObject, ...]:
        """Return what a step noted since its latest intent, oldest first."""
        return fold.notes(self._journal.records(self.run_id, step=step))

    def progress(self, step: StepId, sentence: str, fraction: float | None) -> None:
        """Tell the listener of progress within a step."""
        self._listener.progressed(step, sentence, fraction)

    def _take(self, record: Record) -> None:
        if record.step:
            self._steps[record.step] = fold.step_status(self._steps[record.step], record)
        else:
            self._state = fold.run_state(self._state, record)
