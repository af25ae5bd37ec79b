"""Elements of SVG as text, everything in them escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Attribute = str | int | float | None


def element(name: str, *content: str | Markup, **attributes: Attribute) -> Markup:
    """`<name …>content</name>`; `class_` and `stroke_width` stand for `class` and `stroke-width`; None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(str(escape(part)) for part in content)
    return Markup(f"<{name}{given}>{inner}</{name}>" if content else f"<{name}{given}/>")


def drawing(parts: Iterable[Markup], *, width: float, height: float, words: str) -> Markup:
    """An `<svg>` that scales with the page.

    Args:
      parts: What is drawn.
      width: Width of the drawing's own units.
      height: Its height.
      words: What the drawing shows, for screen readers.
    """
    whole = Markup("").join(parts)
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _number(width), _number(height), words, whole
    )


def text(value: str, x: float, y: float, class_: str = "", anchor: str = "start") -> Markup:
    """A line of text whose baseline is `y`."""
    return element("text", value, x=x, y=y, class_=class_ or None, text_anchor=None if anchor == "start" else anchor)


def titled(shape: str, title: str, **attributes: Attribute) -> Markup:
    """A shape that shows its title when the mouse rests on it."""
    return element(shape, element("title", title), **attributes)


def _number(value: Attribute) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
