"""What an exploration of sessions writes: JUnit XML, a page of Markdown, pictures of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devenv.core.model.session_profile import AS_IS
from devenv.core.render.junit import Suite
from devenv.core.render.sequence import PARTS, SequenceMessage, draw_text
from devenv.core.render.visible import markdown, markdown_block, markdown_code
from devenv.core.serializability.orders import GIVES_UP, START
from devenv.verbs.explore.report import shown_reply
from devenv.verbs.explore.result import suite_of
from devenv.verbs.explore.sessions.result import FoundViolation, SessionExploration

CLIENT, REDIS = "client", "redis"
PICTURE_WIDTH = 100
"""Columns of a picture in a page."""
_MARKS: Mapping[int, str] = {0: "✅", 1: "❌"}
_UNKNOWN = "❓"
_RESTS_ON = (
    "Every order was run on real pods and real Redis, each request on a pod of its own; no model is used.",
    "What is right is what the service itself answers when the requests come one after the other, in every "
    "sequence of every selection of them. What no answer shows is not seen.",
    "Commands are ordered, and the start of each request. What a pod does inside itself between two commands "
    "is not.",
)


def junit_suite(exploration: SessionExploration) -> Suite:
    """An exploration as a suite of JUnit XML: one case; inconclusive is an error, never a pass."""
    name = f"{exploration.scenario}[{exploration.fix}]"
    texts = [_junit_text(violation) for violation in exploration.violations]
    return suite_of(name, "devenv.core.serializability", exploration, texts)


def _junit_text(violation: FoundViolation) -> str:
    last = (
        f"Reproduce with: {violation.reproduce}" if violation.confirmed else f"not confirmed: {violation.why}"
    )
    return f"{violation.kind}: {violation.sentence}\n  {violation.order}\n  {last}"


def summary(explorations: Sequence[SessionExploration]) -> str:
    """On one page of Markdown: what was explored, the counts, each violation with a picture of its order."""
    lines = [
        "# devenv explore", "",
        "| explored | fix | result | orders | requests to real pods | seconds |",
        "|---|---|---|--:|--:|--:|",
    ]  # fmt: skip
    for one in explorations:
        lines.append(
            f"| {markdown_code(one.scenario)} | {markdown(one.fix)} | {_mark(one)} {_result(one)} "
            f"| {one.orders} | {one.requests} | {one.seconds:.1f} |"
        )
    for one in explorations:
        lines += ["", *_section(one)]
    return "\n".join(lines) + "\n"


def _mark(one: SessionExploration) -> str:
    return _MARKS.get(one.exit_code, _UNKNOWN)


def _result(one: SessionExploration) -> str:
    if one.holds:
        return "holds"
    if one.exit_code == 1:
        return ", ".join(
            f"{markdown_code(violation.kind)} in {violation.seen_in}" for violation in one.violations
        )
    return "inconclusive" if one.runs else "not explored"


def _section(one: SessionExploration) -> list[str]:
    fix = "" if one.fix == AS_IS else f", {markdown(one.fix)}"
    run = "" if one.run_id is None else f" Run {markdown_code(one.run_id)}."
    title = f"## {markdown_code(one.scenario)} on {markdown(one.service)}{fix}"
    if not one.runs:
        return [title, "", f"**{_mark(one)} {markdown(one.verdict)}.**"]
    lines = [
        title, "",
        f"**{_mark(one)} {markdown(one.verdict)}.** {one.runs} runs, {one.outcomes} ends, "
        f"{markdown(one.engine or 'Redis')}.{run}",
    ]  # fmt: skip
    for violation in one.violations:
        lines += ["", *_violation(violation)]
    lines += ["", "What this rests on:", ""]
    lines += [f"- **{markdown(text)}**" for text in _gaps(one)]
    for request, places in one.masked.items():
        what = ", ".join(map(markdown_code, places))
        lines.append(f"- Not compared, as it changes from run to run: {markdown(request)}: {what}.")
    return lines + [f"- {text}" for text in _RESTS_ON]


def rests_on(one: SessionExploration) -> list[str]:
    """What is missing or not compared, and what was taken for right, in sentences."""
    masked = [
        f"Not compared, as it changes from run to run: {request}: {', '.join(places)}."
        for request, places in one.masked.items()
    ]
    return [*_gaps(one), *masked, *_RESTS_ON]


def _gaps(one: SessionExploration) -> list[str]:
    gaps = ([f"not everything was tried: {one.incomplete}"] if one.incomplete else []) + [*one.unclear]
    return [f"{text[:1].upper()}{text[1:]}." for text in (*gaps, *one.notes)]


def _violation(violation: FoundViolation) -> list[str]:
    sentence = violation.sentence[:1].upper() + violation.sentence[1:]
    drawn = draw_text(picture(violation), width=PICTURE_WIDTH)
    lines = [
        f"### {markdown(violation.kind)}", "",
        f"{markdown(sentence.rstrip('.'))}. In {violation.seen_in}. The shortest one, "
        f"{markdown_code(violation.order)}:", "",
        *markdown_block("\n".join(line.text for line in drawn)), "",
    ]  # fmt: skip
    if not violation.confirmed:
        return [*lines, f"**Not confirmed: {markdown(violation.why or '')}.**"]
    lines.append(f"Run again {violation.replayed} of {violation.replays} times the same.")
    if violation.reproduce:
        lines += ["Reproduce with:", "", *markdown_block(violation.reproduce)]
    return lines


def picture(violation: FoundViolation) -> list[SequenceMessage]:
    """The order of a violation: the client, each request as a participant, and Redis; the steps are its time.

    What lies in Redis is not shown, numbers apart: a session may have secrets.
    """
    messages: list[SequenceMessage] = []
    last = {name: index for index, (name, _, _) in enumerate(violation.steps)}
    for index, (name, label, reply) in enumerate(violation.steps):
        who = f"{name}.request" if name in PARTS else name
        if label == START:
            messages.append(SequenceMessage(index, CLIENT, who, violation.sent[name]))
        elif label == GIVES_UP:
            messages.append(SequenceMessage(index, who, who, "gives up waiting", "note"))
        else:
            shown = "" if reply == "OK" else f" → {shown_reply(reply)}"
            messages.append(SequenceMessage(index, who, REDIS, f"{label}{shown}"))
        if index == last[name]:
            messages.append(SequenceMessage(index, who, CLIENT, violation.answers[name], "reply"))
    return messages
