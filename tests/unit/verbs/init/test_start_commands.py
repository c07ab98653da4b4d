from __future__ import annotations

from pathlib import Path

from devenv.verbs.init.start_commands import starts


def test_starts_are_found_the_likeliest_first(tmp_path: Path) -> None:
    (tmp_path / "src" / "api").mkdir(parents=True)
    (tmp_path / "src" / "api" / "web.py").write_text(
        "service: FastAPI = fastapi.FastAPI()\n", encoding="utf-8"
    )
    (tmp_path / "helper.py").write_text("app = make()\n", encoding="utf-8")
    (tmp_path / "zoo.py").write_text("app = Starlette(routes)\n", encoding="utf-8")
    (tmp_path / "main.py").write_text("import x\n\napp = FastAPI(title='t')\n", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "app.py").write_text("app = FastAPI()\n", encoding="utf-8")
    (tmp_path / "package.json").write_text('{"scripts": {"start": "tsc && node dist"}}', encoding="utf-8")
    (tmp_path / "server.js").write_text("", encoding="utf-8")
    assert starts(tmp_path) == [
        "app:main:app", "app:zoo:app", "app:src.api.web:service", "npm start", "node server.js"
    ]  # fmt: skip


def test_services_that_are_no_asgi_apps_are_started_by_a_command(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text("server = Flask(__name__)\n", encoding="utf-8")
    (tmp_path / "manage.py").write_text("", encoding="utf-8")
    assert starts(tmp_path) == [
        "{python} -m flask --app web:server run --host 127.0.0.1 --port {port}",
        "{python} manage.py runserver --noreload 127.0.0.1:{port}",
    ]


def test_an_empty_folder_starts_nothing(tmp_path: Path) -> None:
    assert starts(tmp_path) == []


def test_an_mcp_server_that_makes_no_app_is_started_as_a_factory(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text('from fastmcp import FastMCP\nmcp = FastMCP("x")\n', encoding="utf-8")
    uvicorn = "{python} -m uvicorn --factory server:mcp"
    where = "--host 127.0.0.1 --port {port}"
    assert starts(tmp_path) == [f"{uvicorn}.http_app {where}"]
    sdk = "from mcp.server.mcpserver import MCPServer\nmcp = MCPServer('x')\n"
    (tmp_path / "server.py").write_text(sdk, encoding="utf-8")
    assert starts(tmp_path) == [f"{uvicorn}.streamable_http_app {where}"]
    (tmp_path / "server.py").write_text(sdk + "app = mcp.streamable_http_app()\n", encoding="utf-8")
    assert starts(tmp_path) == ["app:server:app"]
