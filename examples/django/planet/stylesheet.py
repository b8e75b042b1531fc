"""The stylesheet: static/base.css and a full set of utility classes.

Few of the classes are in use. So it is on many real sites, and the weight is
what makes an early start of the download worth having.
"""

from itertools import product
from pathlib import Path
from typing import Iterator

BASE = Path(__file__).parent / "static" / "base.css"
SCREENS = {"": 0, "sm-": 480, "md-": 768, "lg-": 1024, "xl-": 1440}  # CSS pixels
SIDES = {
    "": ("",),
    "t": ("-top",),
    "r": ("-right",),
    "b": ("-bottom",),
    "l": ("-left",),
    "x": ("-left", "-right"),
    "y": ("-top", "-bottom"),
}
STEPS = range(13)
HUES = {
    "red": 4,
    "orange": 28,
    "yellow": 48,
    "green": 140,
    "teal": 176,
    "blue": 212,
    "violet": 262,
    "pink": 326,
}
SHADES = range(100, 1000, 100)


def build() -> str:
    screens = (screen(name, width) for name, width in SCREENS.items())
    return BASE.read_text(encoding="utf-8") + "".join(screens)


def screen(name: str, width: int) -> str:
    rules = "\n".join(f".{name}{rule}" for rule in utilities())
    return f"@media (min-width: {width}px) {{\n{rules}\n}}\n"


def utilities() -> Iterator[str]:
    spaces = (("m", "margin"), ("p", "padding"))
    for (letter, prop), (side, ends), step in product(spaces, SIDES.items(), STEPS):
        body = "; ".join(f"{prop}{end}: {step / 4}rem" for end in ends)
        yield f"{letter}{side}-{step} {{ {body} }}"
    colours = (("text", "color"), ("bg", "background-color"), ("line", "border-color"))
    for (name, prop), (hue, angle), shade in product(colours, HUES.items(), SHADES):
        light = 100 - shade // 10
        yield f"{name}-{hue}-{shade} {{ {prop}: hsl({angle} 60% {light}%) }}"
    for column in range(1, 13):
        yield f"w-{column} {{ width: {column / 12:.4%} }}"
