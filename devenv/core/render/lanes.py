"""What was recorded, inside a report: the page's lanes with filters and steps; nothing is fetched.

The script is the page's own (``js/report.js`` joined with the modules that it needs), allowed by its hash;
the records are JSON in an element of their own, which runs nothing. Text becomes a page's content only as
text: ``require-trusted-types-for`` refuses all else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape

from devenv.core.model.backends import Language
from devenv.core.model.events import TraceEvent
from devenv.core.render.document import Document
from devenv.core.render.page_files import digest, linked, source

MOST_RECORDS = 5000
"""A report has the first this many records, and says how many more the trace has."""
_KOREAN = "js/korean.js"
_TITLE: dict[Language, str] = {"en": "Step by step", "ko": "한 단계씩"}
_NOTE: dict[Language, str] = {
    "en": "Every request and Redis command in the order of time. Point at a row, or step, to see all of it; "
    "what comes after the step is pale.",
    "ko": "모든 요청과 Redis 명령을 시간순으로 보여 줍니다. 줄을 가리키거나 한 단계씩 움직이면 "
    "전체 내용이 보이고, 그 뒤의 단계는 흐리게 표시됩니다.",
}
_NO_SCRIPT: dict[Language, str] = {
    "en": "The lanes need JavaScript; the pictures above show the same.",
    "ko": "이 표시에는 JavaScript가 필요합니다. 위의 그림이 같은 내용을 보여 줍니다.",
}
_LEFT_OUT: dict[Language, str] = {
    "en": "The first {shown} of {all} records; the page and devenv explain have all.",
    "ko": "기록 {all}개 중 처음 {shown}개입니다. 페이지와 devenv explain에는 모두 있습니다.",
}


def _script(language: Language) -> str:
    return linked("js/report.js", (_KOREAN,) if language == "ko" else ()).first


def attributes(document: Document) -> str:
    """Of the ``html`` element: the script's language, and the view that an address without one names."""
    return f' data-language="{document.language}" data-view="steps"' if document.events else ""


def policy(document: Document) -> tuple[str, ...]:
    """What the content policy allows besides; nothing where there are no records."""
    if not document.events:
        return ()
    return (
        f"script-src {digest(_script(document.language))}",
        "require-trusted-types-for 'script'",
        "trusted-types lit-html",
    )


def style(document: Document) -> str:
    """The rules for the lanes; "" where there are no records."""
    return source("lanes.css") if document.events else ""


def section(document: Document) -> str:
    """The place of the lanes, with what is said where no script runs; "" where there are no records."""
    if not document.events:
        return ""
    language, count = document.language, len(document.events)
    cut = _LEFT_OUT[language].format(shown=MOST_RECORDS, all=count) if count > MOST_RECORDS else ""
    return f"""<section class="plain walked">
<h2>{escape(_TITLE[language])}</h2>
<p class="note">{escape(_NOTE[language])}</p>
{f"<p>{escape(cut)}</p>" if cut else ""}<div id="walk">{escape(_NO_SCRIPT[language])}</div>
</section>
"""


def scripts(document: Document) -> str:
    """The records and the script that shows them; "" where there are no records."""
    if not document.events:
        return ""
    records = _records(document.events[:MOST_RECORDS])
    return f"""<script type="application/json" id="events">{records}</script>
<script type="module">{_script(document.language)}</script>
"""


def _records(events: Iterable[TraceEvent]) -> str:
    """The events as JSON in ASCII that ends no element."""
    return json.dumps([event.to_json() for event in events], separators=(",", ":")).replace("<", "\\u003c")
