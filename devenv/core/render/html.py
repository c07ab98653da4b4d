"""A Document as one HTML file: no network, light and dark, printable.

Without records there is no script in it. With records, the page's own lanes show them (``lanes``).
"""

from __future__ import annotations

from html import escape
from importlib.resources import files

from devenv.core.render import lanes
from devenv.core.render.document import Cell, Command, Document, Fact, Pips, Section, Table
from devenv.core.render.sequence import draw_svg
from devenv.core.render.visible import LONGEST_TEXT, visible

MOST_PIPS = 40
"""More trials than this are drawn as one proportional bar."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing may be fetched, and nothing may run but what ``lanes`` allows, with any text as a label."""


def render(document: Document) -> str:
    """The report as a complete HTML page. All text is made visible and escaped."""
    style = files("devenv.core.render").joinpath("style.css").read_text(encoding="utf-8")
    tone = "good" if document.holds else "bad"
    policy = "; ".join((_POLICY, *lanes.policy(document)))
    sections = "\n".join(_section(section, index) for index, section in enumerate(document.sections))
    return f"""<!doctype html>
<html lang="{document.language}"{lanes.attributes(document)}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>{_text(document.title)}</title>
<style>
{style}{lanes.style(document)}</style>
</head>
<body>
<main>
<header>
<h1>{_text(document.title)}</h1>
<p class="subtitle">{_text(document.subtitle)}</p>
<p class="verdict {tone}" id="verdict">{_text(document.verdict)}</p>
</header>
{sections}
{lanes.section(document)}<section class="plain">
<h2>{_text(document.facts_title)}</h2>
<dl>{"".join(_fact(fact) for fact in document.facts)}</dl>
</section>
{_commands(document)}</main>
{lanes.scripts(document)}</body>
</html>
"""


def _commands(document: Document) -> str:
    """The commands; nothing where there are none."""
    if not document.commands:
        return ""
    items = "".join(_command(command) for command in document.commands)
    title = _text(document.commands_title)
    return f'<section class="plain">\n<h2>{title}</h2>\n<ul class="commands">{items}</ul>\n</section>\n'


def _text(text: str) -> str:
    """``text`` as HTML: every character visible, no markup."""
    return escape(visible(text, LONGEST_TEXT))


def _section(section: Section, index: int) -> str:
    tone = "" if section.good is None else " good" if section.good else " bad"
    label = f'<span class="label">{_text(section.label)}</span>' if section.label else ""
    parts = [f'<section class="act{tone}">', f"<h2>{label}{_text(section.title)}</h2>"]
    if section.note:
        parts.append(f'<p class="note">{_text(section.note)}</p>')
    if section.problems:
        items = "".join(f"<li>{_text(problem)}</li>" for problem in section.problems)
        parts.append(f'<ul class="problems">{items}</ul>')
    parts += [_table(table) for table in section.tables[:1]]
    if section.picture:
        svg = draw_svg(section.picture, title=section.picture_title, prefix=f"s{index}")
        caption = f"<figcaption>{_text(section.picture_title)}</figcaption>"
        parts.append(f'<figure>{caption}<div class="wide" tabindex="0">{svg}</div></figure>')
    if section.svg:
        parts.append(
            f'<figure class="plot"><div class="wide" tabindex="0">{_inline(section.svg)}</div></figure>'
        )
    parts += [_table(table) for table in section.tables[1:]]
    if section.explanation:
        parts.append('<div class="why">')
        if section.explanation_title:
            parts.append(f"<h3>{_text(section.explanation_title)}</h3>")
        parts += [f"<p>{_text(text)}</p>" for text in section.explanation]
        parts.append("</div>")
    return "\n".join([*parts, "</section>"])


def _inline(svg: str) -> str:
    """The ``<svg>`` element alone: no XML declaration, no document type."""
    return svg[svg.index("<svg") :]


def _table(table: Table) -> str:
    caption = f"<caption>{_text(table.caption)}</caption>" if table.caption else ""
    head = "".join(f'<th scope="col">{_text(text)}</th>' for text in table.head)
    rows = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in table.rows)
    return (
        f'<div class="wide" tabindex="0"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    text = f"<code>{_text(cell.text)}</code>" if cell.tone == "code" else _text(cell.text)
    marks = _pips(cell.pips) if cell.pips else ""
    return f'<td class="{cell.tone}">{marks}{text}</td>'


def _pips(pips: Pips) -> str:
    total = pips.good + pips.bad
    if total <= MOST_PIPS:
        marks = '<i class="good"></i>' * pips.good + '<i class="bad"></i>' * pips.bad
        return f'<span class="pips" aria-hidden="true">{marks}</span>'
    share = 100 * pips.good / total
    return f'<span class="bar" aria-hidden="true"><i style="width:{share:.1f}%"></i></span>'


def _fact(fact: Fact) -> str:
    return f"<div><dt>{_text(fact.name)}</dt><dd>{_text(fact.value)}</dd></div>"


def _command(command: Command) -> str:
    return f"<li><code>{_text(command.text)}</code><span>{_text(command.does)}</span></li>"
