"""HTML by construction: every text is escaped unless it was made here."""

from __future__ import annotations

from html import escape

VOID = frozenset({"meta", "br", "line", "rect", "path"})
"""Elements without content; HTML's own and those of SVG that are used here."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: str) -> Html:
    """Return the value escaped, unless it is HTML already."""
    return value if isinstance(value, Html) else Html(escape(value, quote=True))


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Html:
    """Return an element.

    Args:
        name: of the element.
        children: texts, escaped, and elements.
        attributes: by name; ``_`` stands for ``-``, a trailing one is dropped (``class_``), None leaves one out, and an
            empty string gives a bare attribute.
    """
    words = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in VOID and not children:
        return Html(f"<{name}{words}/>")
    return Html(f"<{name}{words}>{''.join(text(child) for child in children)}</{name}>")


def join(*parts: str) -> Html:
    """Return several texts and elements, one after another."""
    return Html("".join(text(part) for part in parts))


def _attribute(key: str, value: str | float | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value == "":
        return f" {name}"
    shown = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{escape(shown, quote=True)}"'
