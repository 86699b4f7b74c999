"""How values read on pages, and that nothing in them is taken for markup."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from jinja2 import UndefinedError

from tradesync_dagster.api.pages.fields import way_back
from tradesync_dagster.api.pages.rendering import age, environment, moment, money, said, words
from tradesync_dagster.api.pages.static import address_of_file, static_files

NOTHING = "\N{EN DASH}"
AT = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


def rendered(template: str, **context: object) -> str:
    return environment().from_string(template).render(context)


def test_amounts_are_exact_text_of_any_size() -> None:
    assert [money(x) for x in (None, 0, -12_500_000, "72755000", 10**30 + 1)] == [
        NOTHING, "0.00", "-12.50", "72.755", "1000000000000000000000000.000001",
    ]  # fmt: skip


def test_times_are_the_exchanges_with_the_date_where_it_is_another_day() -> None:
    assert ">2026-03-03 01:30:00</time>" in moment(AT)
    assert ">01:30:00</time>" in moment(AT, AT + timedelta(hours=1))
    assert "2026-03-03" in moment(AT, AT + timedelta(days=1)).partition(">")[2]
    assert moment(None) == NOTHING


def test_ages_have_one_unit() -> None:
    ages = [age(AT, AT + timedelta(seconds=s)) for s in (-5, 0, 59, 60, 3_599, 3_600, 86_400 * 3)]
    assert ages == ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "3 d"]
    assert (age(None, AT), words("pending_execution")) == (NOTHING, "pending execution")


def test_everything_is_escaped_and_what_no_screen_shows_is_replaced() -> None:
    hostile = "<script>alert('x')</script>\"&"
    assert rendered("{{ x }}", x=hostile) == (
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34;&amp;"
    )
    assert rendered("{{ x }}", x="a\x00b\x1b[31m\u202egpj.exe") == (
        "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}gpj.exe"
    )
    assert rendered("{{ x }}|{{ y }}", x=None, y="") == f"{NOTHING}|"


def test_where_nothing_spoke_for_a_strategy_the_page_does_not_say_that_there_was_none() -> None:
    decision = {
        "strategy_id": "", "score": 0, "runner_up": "", "version": "1", "decided_at": AT,
        "parts": {"reason": "no_evidence", "threshold": 70, "candidates": []},
    }  # fmt: skip
    drawn = rendered(
        '{% from "pieces.html" import scores %}{{ scores(decision) }}', decision=decision
    )
    assert "Nothing spoke for any strategy." in drawn


def test_a_misspelt_name_in_a_template_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendered("{{ misspelt }}")


def test_every_template_can_be_read_and_none_trusts_what_it_shows() -> None:
    names = environment().list_templates()
    assert len(names) > 10
    for name in names:
        environment().get_template(name)
        source, _, _ = environment().loader.get_source(environment(), name)  # type: ignore[union-attr]
        for way_round in ("|safe", "autoescape", "style=", "onclick", "javascript:"):
            assert way_round not in source, name


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/desk/breaks?state=open", "/desk/breaks?state=open"),
        ("", "/desk/"),
        ("/elsewhere", "/desk/"),
        ("https://evil.example/desk/", "/desk/"),
        ("//evil.example/desk/", "/desk/"),
        ("/desk//evil.example", "/desk/"),
        ("/desk/\\evil", "/desk/"),
        ("/desk/a\r\nSet-Cookie: x=y", "/desk/"),
        ("/desk/" + "x" * 600, "/desk/"),
    ],
)
def test_a_sign_in_leads_to_these_pages_only(asked: str, led: str) -> None:
    assert way_back(asked) == led


def test_htmx_comes_without_its_packages_code_or_django() -> None:
    files = static_files()
    assert b"htmx" in files["htmx.js"].content[:200]
    assert address_of_file("htmx.js").endswith(files["htmx.js"].version)
    look = "import sys, tradesync_dagster.api.app as a; from tradesync_dagster.api.pages.static "
    look += "import static_files; static_files(); print('django' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_moments_within_evidence_are_told_in_the_exchanges_zone() -> None:
    shown = '<time datetime="2026-11-22T07:40:34.178078+05:30">2026-11-22 07:40:34</time>'
    assert said("2026-11-22T02:10:34.178078+00:00") == shown
    for text in ("2026-11-22", "2026-11-22T02:10:34", "20261122", "9999-12-31T23:59:59+00:00"):
        assert said(text) == text
