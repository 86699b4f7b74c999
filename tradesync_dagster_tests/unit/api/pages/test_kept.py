"""A part that is kept: made anew after a commit, joined with each person's own, packed or not."""

import gzip
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from tradesync_dagster.api.pages import kept
from tradesync_dagster.api.pages.kept import Part, ShortMemory, Whole


class Books:
    """Books whose mark a test sets, and a count of how often they were shown."""

    def __init__(self) -> None:
        self.mark, self.made = "1", 0

    def make(self) -> bytes:
        self.made += 1
        return f"part {self.made} of {self.mark}".encode()


@pytest.mark.parametrize("middle", [b"", b"x", b"row <td>\xe2\x80\x93</td>" * 50_000])
@pytest.mark.parametrize("around", [b"", b"<html>" * 700])
def test_the_packed_page_is_the_plain_one(middle: bytes, around: bytes) -> None:
    whole = Whole(around, Part(middle), around)
    assert gzip.decompress(whole.packed()) == whole.plain() == around + middle + around


def test_the_length_does_not_tell_whether_a_brokers_text_is_the_forms_token() -> None:
    token, other = b"kq3v9zpw7h2mxj5c", b"c5jxm2h7wpz9v3qk"
    lengths = {
        len(Whole(b'value="' + token + b'"', Part(b"<td>" + text + b"</td>"), b"").packed())
        for text in (token, other)
    }
    assert len(lengths) == 1


def test_a_part_is_made_anew_after_a_commit_only() -> None:
    books = Books()
    memory = ShortMemory(lambda: books.mark, look_seconds=0)
    first = memory.get("desk", books.make)
    assert memory.get("desk", books.make) is first
    books.mark = "2"
    assert memory.get("desk", books.make).content == b"part 2 of 2"
    assert memory.get("rival", books.make).content == b"part 3 of 2", "never another's part"
    assert memory.fresh("desk") is None, "the books are asked each time here"


def test_between_looks_the_books_are_not_asked_and_ages_do_not_stand_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    books, now = Books(), [100.0]
    monkeypatch.setattr("tradesync_dagster.api.pages.kept.time.monotonic", lambda: now[0])
    memory = ShortMemory(lambda: books.mark)
    assert memory.fresh("desk") is None
    memory.get("desk", books.make)
    books.mark = "2"
    now[0] += kept.LOOK_SECONDS / 2
    assert memory.get("desk", books.make) is memory.fresh("desk")
    assert books.made == 1
    now[0] += kept.LOOK_SECONDS
    assert memory.fresh("desk") is None
    memory.get("desk", books.make)
    now[0] += kept.LONGEST_SECONDS
    memory.get("desk", books.make)
    assert books.made == 3


def test_what_is_written_while_a_part_is_made_is_not_missed() -> None:
    marks: Iterator[int] = count()
    memory = ShortMemory(lambda: str(next(marks)), look_seconds=0)
    books = Books()
    memory.get("desk", books.make)
    memory.get("desk", books.make)
    assert books.made == 2


def test_while_one_makes_it_anew_the_others_get_the_one_before() -> None:
    books, begun, go = Books(), threading.Event(), threading.Event()

    def slowly() -> bytes:
        begun.set()
        assert go.wait(30)
        return books.make()

    memory = ShortMemory(lambda: books.mark, look_seconds=0)
    before = memory.get("desk", books.make)
    books.mark = "2"
    thread = threading.Thread(target=memory.get, args=("desk", slowly))
    thread.start()
    assert begun.wait(30)
    assert memory.get("desk", books.make) is before
    go.set()
    thread.join()
    assert memory.get("desk", books.make).content == b"part 2 of 2"


def test_a_failure_is_told_and_the_next_request_tries_again() -> None:
    books = Books()
    memory = ShortMemory(lambda: books.mark, look_seconds=0)
    with pytest.raises(ZeroDivisionError):
        memory.get("desk", lambda: bytes(1 // 0))
    assert memory.get("desk", books.make).content == b"part 1 of 1"


def test_the_version_is_of_the_part_and_of_the_reader() -> None:
    names = {Part(a).version_for(b) for a in (b"1", b"2") for b in ("vera", "asha")}
    assert len(names) == 4
    assert Part(b"1").version_for("vera") in names
