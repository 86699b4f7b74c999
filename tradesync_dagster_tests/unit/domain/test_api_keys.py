"""Tokens: what they look like, and what opens."""

import pytest

from tradesync_dagster.domain.api_keys import (
    ID_BYTES,
    SECRET_BYTES,
    digest_of,
    key_id_of,
    opens,
    token_of,
)

ID = "0a1b2c3d4e5f"
TOKEN = token_of(ID, bytes(range(SECRET_BYTES)))


def test_a_token_begins_with_its_public_id_and_holds_256_bits() -> None:
    assert SECRET_BYTES * 8 == 256
    assert len(bytes.fromhex(ID)) == ID_BYTES
    assert TOKEN == "tsk_0a1b2c3d4e5f_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert key_id_of(TOKEN) == ID
    assert key_id_of(token_of(ID, b"\xff" * SECRET_BYTES)) == ID, "the secret may hold _ and -"


@pytest.mark.parametrize(
    "sent",
    [
        "", ID, TOKEN[:-1], TOKEN + "A", TOKEN + "\n", " " + TOKEN, TOKEN.replace("tsk", "TSK"),
        TOKEN.replace("A", "é", 1), TOKEN.replace("A", "\ud800", 1), "tsk__" + "A" * 43,
    ],
)  # fmt: skip
def test_what_is_no_token_has_no_id(sent: str) -> None:
    assert key_id_of(sent) is None


def test_only_the_very_token_opens() -> None:
    kept = digest_of(TOKEN)
    assert opens(TOKEN, kept)
    assert TOKEN[-10:] not in kept
    for place in (4, 16, 17, len(TOKEN) - 1):
        changed = TOKEN[:place] + ("B" if TOKEN[place] != "B" else "C") + TOKEN[place + 1 :]
        assert not opens(changed, kept)
    assert not opens(TOKEN, None)
    assert not opens(kept, kept), "whoever reads the books cannot send what they hold"
