"""Whatever stands in a file: what was written is read back, and nothing else is invented."""

import tracemalloc
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradesync_dagster.brokers.tradebooks.files import open_tradebook
from tradesync_dagster.domain.errors import FileRefusedError
from tradesync_dagster.domain.fills import Fill
from tradesync_dagster.domain.money import INT64_MAX, format_price
from tradesync_dagster.domain.orders import Side
from tradesync_dagster_tests.support.tradebooks import OPTION, ROW, TRADE, Desk, csv, page, saved

words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)
ids = st.text("0123456789ABCDEF", min_size=1, max_size=20).filter(
    lambda text: "E" not in text or not text.replace("E", "0").isdigit()
)
places = st.sampled_from(
    [("NSE", "EQ", "NSE"), ("BSE", "EQ", "BSE"), ("NSE", "FO", "NFO"), ("MCX", "COM", "MCX")]
)


@st.composite
def traded(draw: st.DrawFn) -> tuple[dict[str, str], Fill]:
    """A row as Console writes it, and the fill it stands for."""
    house, segment, exchange = draw(places)
    at = draw(st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1))).replace(microsecond=0)  # noqa: DTZ001
    fill = Fill(
        trade_id=draw(ids),
        broker_order_id=draw(ids),
        trade_date=at.date(),
        exchange=exchange,
        symbol=draw(words),
        product="CNC" if segment == "EQ" else "NRML",
        side=draw(st.sampled_from(Side)),
        quantity=draw(st.integers(1, INT64_MAX)),
        price=draw(st.integers(-INT64_MAX, INT64_MAX)),
        filled_at=at.replace(tzinfo=UTC) - timedelta(hours=5, minutes=30),
        isin=draw(st.from_regex(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", fullmatch=True) | st.just("")),
    )
    quoted = '"{}"'.format(fill.symbol.replace('"', '""'))
    row = ROW | {
        "symbol": quoted, "isin": fill.isin, "trade_date": str(at.date()), "exchange": house,
        "segment": segment, "trade_type": fill.side.lower(), "quantity": f"{fill.quantity}.000000",
        "price": format_price(fill.price), "trade_id": fill.trade_id,
        "order_id": fill.broker_order_id, "order_execution_time": at.isoformat(),
    }  # fmt: skip
    return row, fill


@settings(deadline=None)
@given(
    rows=st.lists(traded(), min_size=1, max_size=20, unique_by=lambda row: row[1].fill_id),
    columns=st.permutations(list(ROW)),
    size=st.integers(1, 25),
)
def test_written_fills_are_read_back_the_same(
    shared_desk: Desk, rows: list[tuple[dict[str, str], Fill]], columns: list[str], size: int
) -> None:
    found = shared_desk.read(csv(*(row for row, _ in rows), columns=columns), size)
    assert found.reasons == {}
    assert found.fills == [fill for _, fill in rows]
    assert [row.line for row in found.rows] == list(range(2, len(rows) + 2))


samples = st.sampled_from(
    [csv(ROW, ROW | {"trade_id": "2"}), saved(page(TRADE, OPTION)), saved([page(TRADE)] * 2)]
)
spoilt = st.builds(
    lambda sample, at, junk, cut: (
        sample[: at % len(sample)] + junk + sample[at % len(sample) :][cut:]
    ),
    samples,
    st.integers(0, 10_000),
    st.binary(max_size=6) | st.sampled_from([b'"', b",", b"\n", b"\0", b"\\ud800", b"9" * 5_000]),
    st.integers(0, 40),
)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200) | spoilt)
def test_whatever_the_bytes_a_file_is_read_told_or_refused(
    shared_desk: Desk, content: bytes
) -> None:
    try:
        found = shared_desk.read(content, 2)
    except FileRefusedError:
        return
    assert found.rows
    for row in found.rows:
        assert (row.fill is None) is (row.reject is not None)
        if row.reject:
            assert row.reject.reason
            f"{row.reject.row_id}{row.reject.reason}{row.reject.raw}".encode()
            assert "\0" not in row.reject.row_id + row.reject.reason + row.reject.raw
        if row.fill:
            assert row.fill.quantity > 0
            assert row.fill.filled_at.tzinfo is UTC


def test_a_long_file_takes_no_more_memory_than_a_chunk(desk: Desk) -> None:
    count, line = 20_000, ",".join([*ROW.values(), "x" * 2_450])
    with desk.path.open("w") as file:
        file.write(",".join([*ROW, "remarks"]) + "\n")
        for number in range(count):
            file.write(line.replace("700123", str(number)) + "\n")
    assert desk.path.stat().st_size > 50_000_000
    tracemalloc.start()
    try:
        rows = sum(len(chunk.rows) for chunk in open_tradebook(desk.path).chunks(500))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == count
    assert peak < 2_000_000
