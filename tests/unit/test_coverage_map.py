"""The mapping from modules to test modules is total: what has no test module of its own is listed here."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.support import ROOT

PROCESS = "is a process or its start: only a started program shows that it works"
VERB = "parses options and prints; its tests run the command line"
SERVER = "needs real connections: its tests talk to a running server"
PODS = "needs running pods: its tests start them"
DATA = "holds data or text; what uses it is tested against all of it"
PARTS = "is one step of a calculation whose result is tested with its neighbours"

TESTED_WITH_THEIR_ROOM: dict[str, tuple[tuple[str, str, str], ...]] = {
    "devenv": (("integration/cli", PROCESS, "__main__"),),
    "devenv.captcha_api": (
        ("integration/captcha_api", PROCESS, "app"),
        ("integration/captcha_api", SERVER, "middleware ml service"),
    ),
    "devenv.captcha_api.routes": (
        ("integration/captcha_api", SERVER, "abstract behaviour handwriting imagegrid migration operations"),
    ),
    "devenv.captcha_api.stores": (
        ("integration/captcha_api", SERVER, "client cluster getdel specimen watch"),
    ),
    "devenv.cli": (("unit/cli/test_command_line.py", VERB, "cross_pod rollout_output stack_output"),),
    "devenv.cli.commands": (
        (
            "integration/cli",
            VERB,
            "check_verb doctor_verb explain_verb export_verbs gate_verbs init_verb recording_verbs "
            "rollout_verbs scenario_verbs stack_verbs trace_verb up_verb "
            "watch_verb export_monitoring",
        ),
    ),
    "devenv.cli.commands.demo": (("integration/cli/test_demo.py", VERB, "own_service screen verb"),),
    "devenv.cli.commands.explore": (("integration/verbs/explore/sessions", VERB, "session"),),
    "devenv.cli.commands.balance": (("integration/verbs/balance", VERB, "output"),),
    "devenv.cli.commands.simulate": (("unit/verbs/simulate/test_simulate.py", VERB, "output verb"),),
    "devenv.core.balancers": (
        ("unit/core/balancers", DATA, "setting"),
        ("unit/core/balancers/test_own_file.py", PARTS, "own_caddy own_haproxy own_nginx own_yaml"),
        (
            "unit/core/balancers/test_own_rules.py",
            PARTS,
            "own_rules_caddy own_rules_haproxy own_rules_nginx own_rules_yaml",
        ),
    ),
    "devenv.core.balance": (("unit/core/diagnosis/test_choices.py", PARTS, "choosers"),),
    "devenv.core.diagnosis": (("unit/core/diagnosis/test_choices.py", PARTS, "traffic"),),
    "devenv.core.kubernetes": (("unit/core/kubernetes/test_manifests.py", PARTS, "redis service stack"),),
    "devenv.core.model": (
        ("integration/verbs/replay", DATA, "key_events"),
        ("unit/core/model", PARTS, "stack_json"),
        ("unit/core/simulation/test_run.py", DATA, "timing"),
    ),
    "devenv.core.simulation": (("unit/core/simulation/test_run.py", PARTS, "events tally vectors"),),
    "devenv.dashboard": (
        ("browser/dashboard", PROCESS, "edge jobs supervisor worker"),
        ("browser/dashboard", SERVER, "outbox recorded routes surroundings"),
    ),
    "devenv.harness.config": (("unit/harness/config/test_devenv_toml_reader.py", DATA, "tables"),),
    "devenv.pytest_plugin": (("integration/pytest_plugin", PROCESS, "results workbench"),),
    "devenv.stack.compose": (("compose", PROCESS, "compose_redis container_spec exit_cleanup"),),
    "devenv.stack.embedded": (
        ("integration/stack", PROCESS, "pod_server processes redis_servers"),
        ("integration/stack", SERVER, "control"),
    ),
    "devenv.verbs.balance": (
        ("integration/verbs/balance/test_balance.py", SERVER, "changing player"),
        ("integration/verbs/balance/test_balance.py", PODS, "captcha_service captcha_stack"),
    ),
    "devenv.verbs.demo": (("integration/cli/test_demo.py", PODS, "kept_logs own_trials usecase"),),
    "devenv.verbs.doctor.probe": (
        ("integration/verbs/doctor", SERVER, "certificates pod_redis tls write_probe"),
        ("integration/verbs/doctor", PODS, "crossings sessions settings_sources"),
    ),
    "devenv.verbs.explore": (("integration/verbs/explore", PODS, "learned_mode sequences"),),
    "devenv.verbs.explore.sessions": (("integration/verbs/explore/sessions", PODS, "scenario usecase"),),
    "devenv.verbs.export": (("unit/core/kubernetes", PARTS, "kubernetes"),),
    "devenv.verbs.init": (("unit/verbs/init", PODS, "mcp_server"),),
    "devenv.verbs.operate": (("browser/dashboard", PROCESS, "pods"),),
    "devenv.verbs.recordings": (("unit/verbs/recordings", PARTS, "steps"),),
    "devenv.verbs.rollout": (("integration/verbs/rollout", PODS, "pods"),),
    "devenv.verbs.replay": (
        ("integration/verbs/replay", PODS, "concurrent player shrink"),
        ("browser/dashboard/test_branch.py", PODS, "branch by_hand"),
    ),
    "devenv.verbs.simulate": (
        ("unit/verbs/simulate/test_plots.py", PARTS, "pictures"),
        ("integration/verbs/simulate/test_calibrate.py", PODS, "happened"),
    ),
    "devenv.wire.edge": (("integration/wire/edge", PROCESS, "chooser pod_changes supervisor"),),
    "devenv.wire.executor": (
        ("integration/wire/executor", PODS, "environment routes run_records scheduled_job scripted_job"),
        ("integration/verbs/explore/sessions", PODS, "session_pool session_run"),
    ),
    "devenv.wire.gate": (
        ("integration/wire/gate", SERVER, "disturbance"),
        ("unit/wire/gate/test_conversation.py", PARTS, "transaction wires"),
    ),
    "devenv.wire.proxy": (
        ("integration/wire/proxy", SERVER, "server sockets"),
        ("integration/wire/edge/test_front.py", SERVER, "pod_ports"),
    ),
    "mock_ml": (
        ("integration/mock_ml", SERVER, "middleware"),
        ("unit/mock_ml/test_mock_ml_reading.py", DATA, "alphabet"),
    ),
}
"""By room: where its tests are, why the modules named have no test module of their own, and these modules."""


def modules() -> dict[str, Path]:
    """All modules of the product by name, without packages that only hold a docstring or exports."""
    files = [file for wing in ("devenv", "mock_ml") for file in ROOT.joinpath(wing).rglob("*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): file
        for file in sorted(files)
        if file.name != "__init__.py"
    }


@cache
def imported_by_tests() -> frozenset[str]:
    """Every module that a test module imports, or imports a name from."""
    names: set[str] = set()
    for file in ROOT.joinpath("tests").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def has_a_test_module(name: str) -> bool:
    """Whether a test module lies at the module's own path, or names the module as what it tests."""
    wing, *rooms, last = name.split(".")
    below = [*(["mock_ml"] if wing == "mock_ml" else []), *rooms, f"test_{last}.py"]
    at_its_path = any(ROOT.joinpath("tests", kind, *below).is_file() for kind in ("unit", "integration"))
    return at_its_path or name in imported_by_tests()


def test_every_module_has_a_test_module_or_a_reason() -> None:
    without = {name for name in modules() if not has_a_test_module(name)}
    listed = {
        f"{room}.{name}"
        for room, rows in TESTED_WITH_THEIR_ROOM.items()
        for _, _, names in rows
        for name in names.split()
    }
    assert without - listed == set(), "write tests/unit/…/test_NAME.py, or list the module with its room"
    assert listed - without == set(), "it has a test module now, or is gone: take it off the list"


def test_the_reasons_name_test_modules_that_exist() -> None:
    places = (place for rows in TESTED_WITH_THEIR_ROOM.values() for place, _, _ in rows)
    missing = [place for place in places if not ROOT.joinpath("tests", place).exists()]
    assert missing == []
