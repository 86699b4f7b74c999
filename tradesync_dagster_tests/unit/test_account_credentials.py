"""Credentials and keys that come from outside the books: variables, and the key file."""

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.settings import Settings, credentials_variable, load_settings

SECRET = "hunter-77"
MAIN = ("acme", "main")
NAME = "TRADESYNC_CREDENTIALS_ACME_MAIN"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRADESYNC_SECRET_KEYS", raising=False)


@pytest.mark.parametrize(
    ("account", "name"),
    [
        (MAIN, NAME),
        (("acme", "m.a-i@n_1"), "TRADESYNC_CREDENTIALS_ACME_M_A_I_N_1"),
        (("A.B", "9"), "TRADESYNC_CREDENTIALS_A_B_9"),
    ],
)
def test_a_variable_is_named_after_the_account(account: tuple[str, str], name: str) -> None:
    assert credentials_variable(*account) == name


def test_credentials_are_read_for_the_accounts_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, json.dumps({"access_token": SECRET}))
    monkeypatch.setenv("TRADESYNC_CREDENTIALS_ACME_OTHER", "")
    found = load_settings().account_credentials([MAIN, ("acme", "other"), ("acme", "third")])
    assert found == {MAIN: {"access_token": SECRET}}


def test_the_environment_wins_over_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        f'{NAME}={{"access_token": "of-the-file"}}\n'
        'TRADESYNC_CREDENTIALS_ACME_OTHER={"access_token": "file $HOME ${HOME}"}\n'
    )
    monkeypatch.setenv(NAME, json.dumps({"access_token": SECRET}))
    found = load_settings().account_credentials([MAIN, ("acme", "other")])
    assert found[MAIN] == {"access_token": SECRET}
    assert found["acme", "other"]["access_token"].startswith("file $HOME")
    unread = Settings(_env_file=None).account_credentials([MAIN, ("acme", "other")])
    assert unread == {MAIN: {"access_token": SECRET}}


@pytest.mark.parametrize(
    "text",
    [SECRET, f'"{SECRET}"', f'["{SECRET}"]', f'{{"access_token": ["{SECRET}"]}}', "{broken",
     '{"access_token": ""}', "17"],
)  # fmt: skip
def test_a_variable_that_is_no_object_of_text_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ConfigurationError, match=NAME) as raised:
        load_settings().account_credentials([MAIN])
    assert SECRET not in str(raised.value)


def test_a_variable_that_fits_two_accounts_is_used_for_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRADESYNC_CREDENTIALS_A_B_C", json.dumps({"access_token": SECRET}))
    with pytest.raises(ConfigurationError, match=r"fits both a/b_c and a_b/c"):
        load_settings().account_credentials([("a", "b_c"), ("a_b", "c")])


def test_credentials_are_not_in_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, json.dumps({"access_token": SECRET}))
    settings = load_settings()
    shown = (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump()))
    assert not any(SECRET in text for text in shown)


def test_a_new_key_stands_first_and_the_old_ones_stay(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    old = settings.cipher().encrypt(b"secret")
    before = settings.keys.newest()
    path = settings.keys.add()
    assert path == tmp_path / "home" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [part.name for part in path.parent.iterdir()] == ["secret.key"]
    again = Settings(home=tmp_path / "home")
    assert again.cipher().decrypt(old) == b"secret"
    fresh = again.cipher().encrypt(b"secret")
    assert again.keys.newest().decrypt(fresh) == b"secret"
    with pytest.raises(InvalidToken):
        before.decrypt(fresh)
    again.keys.add()
    assert len(path.read_text().split(",")) == 3
    assert Settings(home=tmp_path / "home").cipher().decrypt(fresh) == b"secret"


def test_a_new_key_is_refused_where_the_environment_has_them(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    with pytest.raises(ConfigurationError, match="TRADESYNC_SECRET_KEYS") as raised:
        Settings(home=tmp_path / "home", secret_keys=SecretStr(key)).keys.add()
    assert key not in str(raised.value)
    assert not (tmp_path / "home").exists()


def test_a_new_key_in_the_making_stops_another(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.cipher()
    before = (tmp_path / "secret.key").read_bytes()
    (tmp_path / "secret.key.new").touch()
    with pytest.raises(ConfigurationError, match=r"secret\.key\.new is there"):
        settings.keys.add()
    assert (tmp_path / "secret.key").read_bytes() == before


def test_a_new_key_that_another_process_has_just_added_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    settings.cipher()
    opened, tokens = os.open, list[bytes]()

    def open_after_the_other(path: Path, *how: int) -> int:
        monkeypatch.setattr(os, "open", opened)
        settings.keys.add()
        tokens.append(settings.cipher().encrypt(b"secret"))
        return opened(path, *how)

    monkeypatch.setattr(os, "open", open_after_the_other)
    settings.keys.add()
    assert settings.cipher().decrypt(tokens[0]) == b"secret"
    assert len((tmp_path / "secret.key").read_text().split(",")) == 3


def test_nothing_is_put_before_a_key_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(SECRET)
    with pytest.raises(ConfigurationError, match="key file"):
        Settings(home=tmp_path).keys.add()
    assert (tmp_path / "secret.key").read_text() == SECRET
