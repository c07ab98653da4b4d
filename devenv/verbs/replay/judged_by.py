"""By what a replay was judged, and what was not judged, in words."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.verbs.replay.result import ReplayResult

_SESSIONS = "what the sessions of any service must keep"


def judged_by(result: ReplayResult) -> tuple[str, ...]:
    """Sentences; none where only what the scenario expects of the store that it was played with decides."""
    if not result.by_invariants or not result.judged:
        return ()
    measures = [_SESSIONS] if result.scenario.sessions else []
    if result.written:
        measures.append(f"what the file expects of every store, at {_steps(result.written)}")
    return (
        f"Judged by {', and by '.join(measures or ['the sequences of its requests'])}.",
        *_left_out(result),
    )


def nothing_judged(result: ReplayResult) -> str:
    """Why nothing was judged, in one sentence."""
    if result.measured and result.scenario.note(result.strategy) is None:
        return f"the scenario says nothing about the {result.store} store, so nothing was checked"
    expects = "expects nothing at any step" if not result.left_out else "expects nothing of this store"
    return f"nothing was judged: the scenario {expects}, and has no session that could be judged by itself"


def in_words(result: ReplayResult) -> str:
    """The verdict in one line."""
    by_both = result.by_invariants and result.written
    match result.verdict:
        case "holds" if by_both:
            return f"holds: it went as the file expects, and {_SESSIONS} was not violated"
        case "holds" if result.by_invariants:
            return f"holds: {_SESSIONS} was not violated"
        case "holds":
            return "holds: it went as the scenario expects"
        case "fails" if result.deviations:
            return "fails: it did not go as expected"
        case "fails":
            return f"fails: {_SESSIONS} was violated"
        case "inconclusive":
            return "inconclusive: see the reasons above"
        case "not checked":
            return f"not checked: {nothing_judged(result)}; this is what happened"


def _left_out(result: ReplayResult) -> tuple[str, ...]:
    if not result.left_out:
        return ()
    scenario = result.scenario
    where, stores = "", "the stores of the reference service"
    if not scenario.shipped:
        where, stores = f" at {_steps(result.left_out)}", f"the stores {', '.join(scenario.strategies)}"
    return (
        f"Not judged: what {scenario.id} expects{where}: that is about {stores}, "
        f"the sessions are in {result.store}. --strategy measures it against one of these stores.",
    )


def _steps(numbers: Sequence[int]) -> str:
    names = [str(number) for number in numbers]
    return f"step {names[0]}" if len(names) == 1 else f"steps {', '.join(names[:-1])} and {names[-1]}"
