"""The stylesheet's colours: every text on every ground it may lie on, light and dark, by WCAG."""

import re
from itertools import product
from pathlib import Path

import pytest

_SHEET = Path(__file__).resolve().parents[4] / "tradesync_dagster" / "api" / "static" / "desk.css"
_TEXTS = ("text", "quiet", "link", "good", "warn", "bad")
_GROUNDS = ("ground", "raised")
_READ, _SEEN = 4.5, 3.0
"""WCAG 2.2: of text (1.4.3), and of what one must see to use a page (1.4.11)."""


def schemes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{([^}]*)\}", _SHEET.read_text())
    names = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", one)) for one in (light, dark))
    return dict(zip(("light", "dark"), names, strict=True))


def brightness(colour: str) -> float:
    parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_wcags() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_and_controls_and_the_focus_be_seen(scheme: str) -> None:
    colours = schemes()[scheme]
    pairs = [(text, ground, _READ) for text, ground in product(_TEXTS, _GROUNDS)]
    pairs += [("on-main", "main", _READ)]
    pairs += [(part, ground, _SEEN) for part, ground in product(("focus", "main"), _GROUNDS)]
    pairs += [("quiet", ground, _SEEN) for ground in _GROUNDS]  # the border of fields and buttons
    low = {
        (one, other): round(contrast(colours[one], colours[other]), 2)
        for one, other, least in pairs
        if contrast(colours[one], colours[other]) < least
    }
    assert low == {}


def test_both_schemes_name_the_same_colours_and_rules_use_no_other() -> None:
    found = schemes()
    assert set(found["light"]) == set(found["dark"])
    rules = re.sub(r":root \{[^}]*\}", "", _SHEET.read_text())
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", rules)
    assert set(re.findall(r"var\(--([a-z-]+)\)", rules)) <= set(found["light"])
