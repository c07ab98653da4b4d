"""Which test asserts the right value of each of the inputs that were once read wrongly (issue 10, part C).

Each stands for a kind. A row names the tests; they must be there.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

import pytest

from tests.support import ROOT

IMPORTS = "tests/unit/verbs/recordings/test_import_file.py"
DOCTOR = "tests/integration/verbs/doctor/test_doctor_verb.py"
OWN = "tests/integration/own_service/test_init_and_cases.py"
CASES: Mapping[str, tuple[str, ...]] = {
    "01 curl -b is a cookie": (f"{IMPORTS}::test_01_cookies_of_curl_commands_say_whose_request_it_is",),
    "02 curl's options with values": (
        f"{IMPORTS}::test_02_values_of_options_are_no_urls",
        f"{IMPORTS}::test_02_an_option_that_curl_has_not",
    ),
    "03 curl's default Content-Type": (f"{IMPORTS}::test_03_a_form_is_sent_as_a_form",),
    "04 quotation of the shell": (f"{IMPORTS}::test_04_quotation_is_read_as_bash_reads_it",),
    "05 Playwright's attach": (
        f"{IMPORTS}::test_05_bodies_beside_the_har_are_read",
        f"{IMPORTS}::test_05_bodies_that_are_not_there_are_not_guessed",
    ),
    "07 a multipart boundary": (f"{IMPORTS}::test_07_a_boundary_is_no_secret",),
    "08 a relative Location": (
        f"{IMPORTS}::test_08_links_are_followed",
        f"{IMPORTS}::test_08_the_id_of_a_link_is_used_elsewhere",
    ),
    "09 Socket.IO polling": (
        f"{IMPORTS}::test_09_a_polling_session_is_opened_and_used",
        f"{IMPORTS}::test_09_a_session_that_no_answer_gave_is_named",
    ),
    "10 a use that is a form": (
        f"{IMPORTS}::test_10_an_id_in_a_form_is_found",
        f"{IMPORTS}::test_10_ids_that_are_numbers",
        f"{OWN}::test_sessions_as_people_have_them_are_lost_on_the_other_pod",
    ),
    "11 Caddy's log": (f"{IMPORTS}::test_11_caddy",),
    "12 Envoy's log": (f"{IMPORTS}::test_12_envoy",),
    "13 a log behind a balancer": (f"{IMPORTS}::test_13_behind_a_balancer",),
    "14 line breaks in Secrets": (f"{DOCTOR}::test_values_of_a_secret_that_end_in_a_line_break",),
    "15 values without quotes": (f"{DOCTOR}::test_values_that_kubernetes_refuses",),
    "16 a # in a password": (f"{DOCTOR}::test_a_password_in_a_url_that_is_not_encoded",),
    "17 values like numbers": (
        "tests/unit/core/kubernetes/test_scalars.py::test_what_go_reads_as_another_type_is_quoted",
        "tests/unit/cli/test_export.py::test_values_that_look_like_numbers_stay_text_for_kubernetes",
    ),
    "18 an unknown MCP session is a 400": (
        f"{OWN}::test_sessions_as_people_have_them_are_lost_on_the_other_pod",
        "tests/integration/foreign/test_mcp_servers.py::test_from_its_folder_to_the_verdict",
    ),
    "20 sessions in files": (f"{OWN}::test_sessions_as_people_have_them_are_lost_on_the_other_pod",),
    "21 RESP3 and SUBSCRIBE on one connection": (
        "tests/integration/foreign/test_causes.py::test_what_is_told",
        "tests/unit/verbs/explain/test_open_question.py"
        "::test_a_use_that_was_graded_without_the_session_is_no_all_clear",
    ),
    "22 a body where none may be": (
        "tests/integration/wire/proxy/test_connection_reuse.py"
        "::test_after_a_response_that_names_a_body_it_must_not_have",
    ),
    "23 a lock by TTL and SETEX": (
        "tests/integration/own_service/test_replay_limits.py"
        "::test_a_lock_of_two_commands_loses_attempts_and_its_busy_is_no_server_error",
    ),
    "24 a Redis proxy that hangs up": (
        "tests/integration/verbs/doctor/test_redis_proxies.py::test_a_proxy_that_hangs_up",
    ),
    "25 a caret in quotes": (f"{IMPORTS}::test_25_a_caret_in_quotation_is_no_windows_command",),
    "27 the database of a REDIS_URL": (f"{DOCTOR}::test_the_database_of_the_case",),
}


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_its_tests(case: str) -> None:
    for item in CASES[case]:
        path, _, name = item.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, item
