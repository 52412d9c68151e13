"""Tables for notebooks."""

from __future__ import annotations

from html import escape  # noqa: F401  (others use it from here)

HEAD = '<th style="text-align:left">{}</th>'
CELL = '<td style="text-align:{}">{}</td>'


def short(value) -> str:
    """A value in a few letters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(short(item) for item in value)
    return str(value)


def table(columns: list[str], rows: list[list], title: str = "", notes=()) -> str:
    """Rows under headings; numbers to the right."""
    head = "".join(HEAD.format(escape(name)) for name in columns)
    body = []
    for row in rows:
        cells = (CELL.format("right" if _is_number(value) else "left", escape(short(value))) for value in row)
        body.append("<tr>" + "".join(cells) + "</tr>")
    top = f"<thead><tr>{head}</tr></thead>" if columns else ""
    title = f"<p><b>{escape(title)}</b></p>" if title else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<div>{title}<table>{top}<tbody>{''.join(body)}</tbody></table>{notes}</div>"


def pairs(values: dict, title: str = "", notes=()) -> str:
    """Names and values, one pair a row."""
    return table([], [[name, value] for name, value in values.items()], title, notes)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
