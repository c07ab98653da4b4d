"""The verbs of the command line: the name of each, the module that implements it, and its line of help."""

from __future__ import annotations

from dataclasses import dataclass

SEE = "See it"
STACK = "The stack"
PLAY = "Sessions and scenarios"
ELSEWHERE = "Elsewhere"


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb, or a group of verbs."""

    name: str
    """The word on the command line."""
    module: str
    """The module of ``devenv.cli.commands`` that is imported when the verb is called."""
    attribute: str
    """The function, or the ``typer.Typer`` of a group, in that module."""
    panel: str
    """The section of ``devenv --help``."""
    help: str
    """The verb's line in ``devenv --help``: the first sentence of its own help."""
    signed: bool = False
    """Whether its arguments may begin with a minus sign (``devenv.cli.signed``)."""


VERBS = (
    Verb("demo", "demo.verb", "demo", SEE,
         "The whole story on a fresh stack: the bug on all three captchas, the fix, its race, and its cure."),
    Verb("explain", "explain_verb", "explain", SEE,
         "Show what happened between client, proxy, pods, gate and Redis; say what went wrong and what to "
         "change."),
    Verb("explore", "explore.verb", "explore", SEE,
         "Try every order in which simultaneous requests' Redis commands can run; show each kind of "
         "violation."),
    Verb("simulate", "simulate.verb", "simulate", SEE,
         "Predict how many sessions a setting loses, and by which cause, without running it."),
    Verb("balance", "balance.verb", "balance", SEE,
         "Measure whether a load balancer with a setting loses sessions, for which clients, and what hides "
         "it."),
    Verb("doctor", "doctor_verb", "doctor", SEE,
         "Look at settings and at what they point at; link each fault to the symptom it causes."),
    Verb("init", "init_verb", "init", STACK,
         "Write a devenv.toml for your own service: it looks at the folder, starts the service once and "
         "tries it."),
    Verb("up", "up_verb", "up", STACK,
         "Start the stack: Redis, the mock ML service, the pods and the proxy in front of them."),
    Verb("down", "stack_verbs", "down", STACK,
         "End the stack that runs: this folder's embedded one, else that of Docker Compose. None is no "
         "error."),
    Verb("status", "stack_verbs", "status", STACK,
         "Show the stack that runs: pods and their stores, the policy, Redis, and the keys in it."),
    Verb("watch", "watch_verb", "watch", STACK,
         "Show the monitoring points of the running stack live, with their alarms, until Ctrl-C."),
    Verb("logs", "stack_verbs", "logs", STACK,
         "Show what the parts wrote; embedded also after the stack has ended."),
    Verb("toggle", "stack_verbs", "toggle", STACK, "Set USE_REDIS by restarting pods, as a rollout would."),
    Verb("scale", "stack_verbs", "scale", STACK,
         "Add pods to the stack that runs, or remove some. A pod gets no more requests before it is ended.",
         signed=True),
    Verb("route", "stack_verbs", "route", STACK,
         "Change, while the stack runs, which pod a request goes to."),
    Verb("rollout", "rollout_verbs", "app", STACK,
         "Go from one session store to another in steps; see beforehand what each step loses."),
    Verb("gate", "gate_verbs", "app", STACK,
         "See and disturb what the pods say to Redis, on the stack that runs."),
    Verb("seed", "scenario_verbs", "seed", PLAY,
         "Create challenges on the running stack; they and their answers go to .devenv/challenges.jsonl."),
    Verb("replay", "scenario_verbs", "replay", PLAY,
         "Play a scenario, print its sequence and judge it by what the catalogue expects of the store."),
    Verb("scenarios", "scenario_verbs", "scenarios", PLAY,
         "List the scenarios that are shipped, or show one."),
    Verb("check", "check_verb", "check", PLAY,
         "Judge a recorded history: could these answers have been given one after the other?"),
    Verb("record", "recording_verbs", "record", PLAY,
         "Record what goes through the running stack's proxy, as a scenario on the pods that served it."),
    Verb("import", "recording_verbs", "app", PLAY,
         "Make a scenario of a HAR file, an access log or curl commands."),
    Verb("shrink", "recording_verbs", "shrink", PLAY,
         "Reduce a scenario that fails to the smallest part of it that still fails in the same way."),
    Verb("trace", "trace_verb", "trace", ELSEWHERE,
         "Write a run as OpenTelemetry spans: proxy, pod, each Redis command, with what the gate held."),
    Verb("export", "export_verbs", "app", ELSEWHERE, "Write down what you have here for somewhere else."),
)  # fmt: skip
