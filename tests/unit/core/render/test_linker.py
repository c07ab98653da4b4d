"""Modules joined into one script run as they do apart; a form that is not known is refused."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from devenv.core.render.linker import LinkError, link

SOURCES = {
    "js/main.js": """/** The first. */
import { add, ONE as one } from "./sums.js";
import { Pair } from "../vendor/pair.js";
/** @import {Shape} from "./types.js" */
import "./effects.js";

// A comment.
const pair = new Pair(one, add(1, 2));
globalThis.seen.push(["main", pair.left, /** @type {number} */ (pair.right), `
  /* kept: ${one} */`]);
export const more = () => import("./later.js");
globalThis.done = more().then((later) => globalThis.seen.push(["more", later.twice(21)]));
""",
    "js/sums.js": 'import { Pair } from "../vendor/pair.js";\nexport const ONE = 1;\n'
    "export function add(left, right) {\n  return new Pair(left, right).sum();\n}\nexport class Unused {}\n",
    "js/effects.js": 'globalThis.seen = ["effects"];\nexport {};\n',
    "js/later.js": 'import { add } from "./sums.js";\nimport { low } from "./low.js";\n'
    "export async function unused() {}\nexport const twice = (x) => add(x, x) + low;\n",
    "js/low.js": "export const low = 0;\n",
    "vendor/pair.js": "/** @license */\nclass t{constructor(l,r){this.left=l;this.right=r}"
    "sum(){return this.left+this.right}}"
    "export{t as Pair};\n//# sourceMappingURL=pair.js.map\n",
}
RUN = """
const later = %s;
globalThis.seen = [];
const source = %s.replace(/await import\\(.*\\);/, "await fetchScript(name);");
globalThis.fetchScript = async (name) => new Function("devenvModules", later[name])(globalThis.devenvModules);
new Function(source)();
await globalThis.done;
console.log(JSON.stringify(globalThis.seen));
"""


def test_joined_modules_run_in_the_order_of_their_needs() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on PATH")
    linked = link("js/main.js", SOURCES)
    program = RUN % (json.dumps(linked.later), json.dumps(linked.first))
    done = subprocess.run(
        [node, "--input-type=module", "-e", program], capture_output=True, encoding="utf-8", check=False
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == ["effects", ["main", 1, 3, "\n/* kept: 1 */"], ["more", 42]]


def test_what_is_loaded_later_has_only_what_the_first_has_not() -> None:
    linked = link("js/main.js", SOURCES)
    assert list(linked.later) == ["js/later.js"]
    assert 'devenvModules["js/low.js"] ??=' in linked.later["js/later.js"]
    assert 'devenvModules["js/sums.js"] ??=' not in linked.later["js/later.js"]
    assert "js/low.js" not in linked.first
    assert linked.first.count('devenvModules["vendor/pair.js"] ??=') == 1


def test_what_would_be_loaded_later_can_be_there_from_the_start() -> None:
    linked = link("js/main.js", SOURCES, ["js/later.js"])
    assert linked.later == {}
    assert linked.first.index('["js/later.js"] ??=') < linked.first.index('["js/main.js"] ??=')
    assert linked.first.count('["js/sums.js"] ??=') == 1


def test_comments_of_types_are_left_out() -> None:
    linked = link("js/main.js", SOURCES)
    assert "@type" not in linked.first
    assert "// A comment." not in linked.first
    assert "@license" in linked.first


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"a.js": 'import { b } from "./b.js";\n'}, "a.js: there is no module b.js"),
        (
            {"a.js": 'import "./b.js";\n', "b.js": 'import "./a.js";\n'},
            "a circle of imports: a.js -> b.js -> a.js",
        ),
        ({"a.js": "export default 1;\n"}, "a.js: not a form"),
        ({"a.js": "export let a = 1;\n"}, "a.js: not a form"),
        ({"a.js": 'export * from "./b.js";\n'}, "a.js: not a form"),
        ({"a.js": 'import b from "./b.js";\n'}, "a.js: not a form"),
    ],
)
def test_other_forms_are_refused(sources: dict[str, str], words: str) -> None:
    with pytest.raises(LinkError, match=words):
        link("a.js", sources)
