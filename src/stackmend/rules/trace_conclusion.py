"""What a person is told of a command: the sentence, and the chain from the cause to what the command saw."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.domain.log_record import LogRecord
from stackmend.domain.trace import Call, Conclusion, Ended, Hop, Link
from stackmend.rules.trace_calls import refused
from stackmend.rules.trace_cause import Cause, cause_of
from stackmend.rules.trace_errors import headline, raised

SERVER_ERROR = 500
SHOWN = 3
UNANSWERED = "MessagingTimeout"


def conclusion(
    command: Ended,
    calls: Sequence[Call],
    records: Sequence[LogRecord],
    hops: Sequence[Hop],
    silent: Sequence[str] = (),
) -> Conclusion:
    """Return where a command went wrong.

    Args:
        command: that has ended.
        calls: of it, in the order of time.
        records: of its requests, in the order of time.
        hops: of the records.
        silent: nodes whose logs were not read; without them nothing is called well.
    """
    cause = cause_of(records)
    unanswered = [call for call in calls if call.error and command.status]
    if unanswered and (cause is None or unanswered[-1].time < cause.record.time):
        return _unanswered(unanswered[-1], command)
    if cause is not None:
        return _caused(cause, calls, command)
    answered = [call for call in calls if refused(call)]
    grave = [call for call in answered if call.status >= SERVER_ERROR] or (answered if command.status else [])
    if grave:
        return _refused(grave[-1], records, command)
    if command.status:
        what = f"none of its {len(calls)} calls failed" if calls else "no call of it is known"
        return Conclusion(f"The command ended with {command.status}, and {what}: what it said itself tells why.")
    return Conclusion(_well(calls, records, hops, silent), wrong=False)


def _well(calls: Sequence[Call], records: Sequence[LogRecord], hops: Sequence[Hop], silent: Sequence[str]) -> str:
    if not calls:
        return "The command ended with 0; no call of it is known, and so nothing of what it met."
    if silent:
        return f"No error was seen, but the logs of {', '.join(silent)} were not read."
    if not records:
        return "No call failed, but no log has a record of them: the services may not write request ids."
    seen = f"{_many(len(records), 'record')} of {_many(len(hops), 'service')}"
    return f"Nothing went wrong: {_many(len(calls), 'call')}, {seen}, no error."


def _caused(cause: Cause, calls: Sequence[Call], command: Ended) -> Conclusion:
    where = f"in {cause.service}" + (f" on {cause.node}" if cause.node else "")
    request = cause.record.request or cause.record.global_request
    by = f" ({request})" if request else ""
    sentence = f"It went wrong {where}: {headline(cause.record)}{by}."
    if not cause.written:
        sentence += f" It wrote no error itself; {cause.record.service} on {cause.record.node} tells of it."
    if any(one.name == UNANSWERED for one in raised(cause.record)):
        sentence += " It waited in vain for another service, which wrote no error."
    before = command.ended < cause.record.time
    if before:
        sentence += f" The command had ended before that, with {command.status}."
    chain = (*cause.chain, *_failed(calls, cause), *(() if before else (_end(command),)))
    return Conclusion(sentence, cause.service, cause.node, cause.record, chain, cause.evidence)


def _failed(calls: Sequence[Call], cause: Cause) -> list[Link]:
    failed = [call for call in calls if refused(call)]
    # not by the global id: glance takes it for its own, so each call of the command to glance would be of the cause
    own = [call for call in failed if call.request and call.request == cause.record.request]
    mine = own or [call for call in failed if call.status >= SERVER_ERROR]
    return [Link(call.time, call.service, _answer(call)) for call in mine[:1]]


def _refused(call: Call, records: Sequence[LogRecord], command: Ended) -> Conclusion:
    of_it = [record for record in records if call.request and call.request in {record.request, record.global_request}]
    node = str(of_it[-1].node) if of_it else ""
    service = of_it[-1].service if of_it else call.service
    where = f"{service} on {node}" if node else service
    sentence = f"{where} refused: {_answer(call)}. No service wrote an error."
    if not call.request and call.status >= SERVER_ERROR:
        sentence += " The answer has no request id, so what wrote it may be a proxy before the service."
    chain = (Link(call.time, where, _answer(call)), _end(command))
    return Conclusion(sentence, service, node, None, chain, tuple(of_it[-SHOWN:]))


def _unanswered(call: Call, command: Ended) -> Conclusion:
    sentence = f"{call.service} did not answer: {call.method} {call.url} ended with {call.error}."
    chain = (Link(call.time, call.service, f"{call.method} {call.url}: {call.error}"), _end(command))
    return Conclusion(sentence, call.service, "", None, chain)


def _answer(call: Call) -> str:
    by = f" ({call.request})" if call.request else ""
    return f"{call.method} {call.url} was answered with {call.status}{by}"


def _end(command: Ended) -> Link:
    return Link(command.ended, "the command", f"ended with {command.status}")


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
