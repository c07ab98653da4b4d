"""The mapping from modules to test modules is total: what has no test module of its own is listed here."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.support import ROOT

TESTED_WITH_THEIR_ROOM = {
    "devenv": ("integration/cli", "__main__"),
    "devenv.captcha_api": ("integration/captcha_api", "app middleware ml service"),
    "devenv.captcha_api.routes": (
        "integration/captcha_api",
        "abstract behaviour handwriting imagegrid migration operations",
    ),
    "devenv.captcha_api.stores": (
        "integration/captcha_api",
        "client cluster documents getdel specimen watch",
    ),
    "devenv.cli": ("unit/cli/test_command_line.py", "cross_pod options"),
    "devenv.cli.commands": (
        "integration/cli",
        "check_verb doctor_verb explain_verb export_verbs gate_verbs init_verb own_demo recording_verbs "
        "rollout_verbs scenario_verbs stack_verbs story_verbs trace_verb",
    ),
    "devenv.cli.commands.simulate": ("unit/verbs/simulate/test_simulate.py", "options output verb"),
    "devenv.core.diagnosis": ("unit/core/diagnosis/test_losses.py", "attribution words"),
    "devenv.core.kubernetes": ("unit/core/kubernetes/test_manifests.py", "parts redis service stack text"),
    "devenv.core.model": ("unit/core/model", "key_events stack_json"),
    "devenv.core.render": ("unit/core/render", "document html"),
    "devenv.core.resp": ("unit/core/resp", "words"),
    "devenv.core.routing": ("unit/core/routing/test_policies.py", "codec"),
    "devenv.core.simulation": ("unit/core/simulation/test_run.py", "events tally vectors"),
    "devenv.dashboard": ("browser/dashboard", "edge jobs recorded routes supervisor surroundings worker"),
    "devenv.harness.client": ("integration/cli/test_pairs.py", "cross_pod_check"),
    "devenv.pytest_plugin": ("integration/pytest_plugin", "results stack workbench"),
    "devenv.stack": ("integration/stack", "control_calls loopback"),
    "devenv.stack.compose": ("compose", "compose_redis exit_cleanup"),
    "devenv.stack.embedded": ("integration/stack", "control pod_server processes redis_servers"),
    "devenv.verbs.demo": ("integration/cli/test_demo.py", "kept_logs own_trials"),
    "devenv.verbs.doctor.probe": (
        "integration/verbs/doctor",
        "certificates crossings keyspace pod_redis server_info sessions settings_sources tls write_probe",
    ),
    "devenv.verbs.explain": ("unit/verbs/explain", "report"),
    "devenv.verbs.explore": ("integration/verbs/explore", "learned_mode"),
    "devenv.verbs.export": ("unit/core/kubernetes", "kubernetes"),
    "devenv.verbs.init": ("unit/verbs/init", "mcp_server redis_use"),
    "devenv.verbs.operate": ("browser/dashboard", "pods"),
    "devenv.verbs.recordings": ("unit/verbs/recordings", "record steps"),
    "devenv.verbs.rollout": ("integration/verbs/rollout", "controller plans pods"),
    "devenv.verbs.replay": ("integration/verbs/replay", "concurrent player shrink"),
    "devenv.wire.edge": ("integration/wire/edge", "supervisor"),
    "devenv.wire.executor": ("integration/wire/executor", "environment routes scheduled_job scripted_job"),
    "devenv.wire.gate": ("integration/wire/gate", "disturbance server transaction wires"),
    "devenv.wire.proxy": ("integration/wire/proxy", "server sockets"),
    "mock_ml": ("integration/mock_ml", "__main__ alphabet app ink middleware"),
}
"""By room: where the tests of the whole room are, and which of its modules only those exercise.

The reason is one for all: the module is a part of its room that is reached through the room's front door (a
verb, an endpoint, a process), and has no rule of its own that a test by itself would say more about.
"""


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
        f"{room}.{name}" for room, (_, names) in TESTED_WITH_THEIR_ROOM.items() for name in names.split()
    }
    assert without - listed == set(), "write tests/unit/…/test_NAME.py, or list the module with its room"
    assert listed - without == set(), "it has a test module now, or is gone: take it off the list"


def test_the_reasons_name_test_modules_that_exist() -> None:
    places = (place for place, _ in TESTED_WITH_THEIR_ROOM.values())
    missing = [place for place in places if not ROOT.joinpath("tests", place).exists()]
    assert missing == []
