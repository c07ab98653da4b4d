"""The page's modules: typed throughout, and the vendored files the ones that npm has."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.support import ROOT

STATIC = ROOT / "devenv" / "dashboard" / "static"
PUBLISHED = {
    "lit-html/lit-html.js": "lit-html/lit-html.js",
    "lit-html/directive.js": "lit-html/directive.js",
    "lit-html/directive-helpers.js": "lit-html/directive-helpers.js",
    "lit-html/directives/repeat.js": "lit-html/directives/repeat.js",
    "lit-html/LICENSE": "lit-html/LICENSE",
    "signals-core/signals-core.module.js": "@preact/signals-core/dist/signals-core.module.js",
    "signals-core/LICENSE": "@preact/signals-core/LICENSE",
    "uplot/uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uplot/uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uplot/LICENSE": "uplot/LICENSE",
}
"""Each vendored file, and where its package has it."""
DECLARED = {
    "lit-html/lit-html.d.ts": "lit-html/lit-html.d.ts",
    "lit-html/directive.d.ts": "lit-html/directive.d.ts",
    "lit-html/directive-helpers.d.ts": "lit-html/directive-helpers.d.ts",
    "lit-html/directives/repeat.d.ts": "lit-html/directives/repeat.d.ts",
    "signals-core/signals-core.module.d.ts": "@preact/signals-core/dist/signals-core.d.ts",
}
OPTIONS = {
    "allowJs": True, "checkJs": True, "noEmit": True, "strict": True, "noUnusedLocals": True,
    "noUnusedParameters": True, "noUncheckedIndexedAccess": True, "target": "es2023", "module": "es2022",
    "moduleResolution": "bundler", "lib": ["es2023", "dom", "dom.iterable"], "types": [],
    "skipLibCheck": True,
}  # fmt: skip


def test_vendored_files_are_those_of_npm(node_modules: Path) -> None:
    vendor = STATIC / "vendor"
    different = [
        mine
        for mine, theirs in PUBLISHED.items()
        if (vendor / mine).read_bytes() != (node_modules / theirs).read_bytes()
    ]
    assert different == []
    files = {path.relative_to(vendor).as_posix() for path in vendor.rglob("*") if path.is_file()}
    assert files == {*PUBLISHED, "SHA256SUMS"}


def types(node_modules: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    shutil.copytree(STATIC, folder, dirs_exist_ok=True)
    for mine, theirs in DECLARED.items():
        shutil.copyfile(node_modules / theirs, folder / "vendor" / mine)
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "include": ["js/*.js"]}))
    compiler = node_modules / "typescript" / "bin" / "tsc"
    command = ["node", str(compiler), "-p", str(folder / "tsconfig.json")]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600, check=False)


def test_every_module_has_its_types(node_modules: Path, tmp_path: Path) -> None:
    done = types(node_modules, tmp_path / "page")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_wrong_type_would_be_told(node_modules: Path, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    (folder / "js").mkdir(parents=True)
    (folder / "js" / "wrong.js").write_text('import { short } from "./rows.js";\nshort(1);\n')
    done = types(node_modules, folder)
    assert done.returncode != 0
    assert "js/wrong.js(2,7)" in done.stdout
