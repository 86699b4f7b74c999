"""Settings: names, checks, and keys that are kept."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.settings import (
    Settings,
    child_environment,
    foreign_environment,
    load_settings,
)
from tradesync_dagster.store.engine import open_engine

_SECRETS = {
    "TRADESYNC_DATABASE_URL": "postgresql+psycopg://u:hunter-db@127.0.0.1/books",
    "TRADESYNC_SECRET_KEYS": "hunter-key",
    "REDIS_URL": "redis://:hunter-redis@127.0.0.1/0",
    "RABBITMQ_URL": "amqp://u:hunter-rabbit@127.0.0.1/",
}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the settings of the machine and its ``.env``."""
    monkeypatch.chdir(tmp_path)
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        bare = [str(choice) for choice in alias.choices] if hasattr(alias, "choices") else []
        for variable in (f"TRADESYNC_{name.upper()}", *bare):
            monkeypatch.delenv(variable.upper(), raising=False)


def test_defaults_need_no_environment(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.books_url == f"sqlite:///{tmp_path}/.tradesync/books.sqlite3"
    assert settings.live_orders_enabled is False
    assert (settings.confirm_seconds, settings.minimum_age_seconds) == (30.0, 60.0)
    assert (settings.tag_prefix, settings.sync_interval_minutes) == ("ts", 5)
    assert not settings.is_production


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("ENVIRONMENT", "Production", "is_production", True),
        ("REDIS_CLUSTER_HOSTS", "a:1,b:2", "redis_cluster_hosts", "a:1,b:2"),
        ("RABBITMQ_NOTIFICATIONS_ENABLED", "false", "rabbitmq_notifications_enabled", False),
        ("POSITION_GENERATION_ENABLED", "0", "position_generation_enabled", False),
        ("EXTERNAL_ORDER_DETECTION_ENABLED", "no", "external_order_detection_enabled", False),
        ("EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES", "9", "sync_interval_minutes", 9),
        ("BROKER_API_TIMEOUT_SECONDS", "2.5", "broker_api_timeout_seconds", 2.5),
        ("BROKER_API_RETRY_ATTEMPTS", "0", "broker_api_retry_attempts", 0),
        ("BROKER_API_RATE_LIMIT_DELAY", "0", "broker_api_rate_limit_delay", 0.0),
        ("TRADESYNC_HOME", "/srv/books", "home", Path("/srv/books")),
        ("TRADESYNC_LIVE_ORDERS_ENABLED", "true", "live_orders_enabled", True),
        ("TRADESYNC_TAG_PREFIX", "desk1", "tag_prefix", "desk1"),
        ("TRADESYNC_CONFIRM_SECONDS", "5", "confirm_seconds", 5.0),
        ("TRADESYNC_MINIMUM_AGE_SECONDS", "7", "minimum_age_seconds", 7.0),
        ("TRADESYNC_CONCURRENCY", "8", "concurrency", 8),
        ("TRADESYNC_ACCOUNT_DEADLINE_SECONDS", "1", "account_deadline_seconds", 1.0),
        ("TRADESYNC_DATABASE_URL", "sqlite:///x", "books_url", "sqlite:///x"),
    ],
)
def test_each_setting_is_read_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, field: str, value: object
) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(load_settings(), field) == value


@pytest.mark.parametrize("name", ["CONCURRENCY", "LIVE_ORDERS_ENABLED"])
def test_our_own_settings_are_not_read_without_the_prefix(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "7")
    settings = load_settings()
    assert settings.concurrency == 64
    assert settings.live_orders_enabled is False


def test_the_environment_wins_over_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "TRADESYNC_CONCURRENCY=3\nEXTERNAL_ORDER_SYNC_INTERVAL_MINUTES=7\nUNRELATED=1\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    assert (load_settings().concurrency, load_settings().sync_interval_minutes) == (3, 7)
    monkeypatch.setenv("TRADESYNC_CONCURRENCY", "4")
    assert load_settings().concurrency == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TRADESYNC_CONCURRENCY", "hunter2"),
        ("TRADESYNC_CONCURRENCY", "987654321"),
        ("TRADESYNC_CONFIRM_SECONDS", "-77.125"),
        ("TRADESYNC_TAG_PREFIX", "hunter-2"),
        ("TRADESYNC_LIVE_ORDERS_ENABLED", "hunter2"),
        ("EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES", "60777"),
        ("BROKER_API_TIMEOUT_SECONDS", "hunter2"),
        ("RABBITMQ_NOTIFICATIONS_ENABLED", "hunter2"),
    ],
)
def test_a_malformed_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    said = str(raised.value)
    assert f"{name}: " in said
    assert said.count("TRADESYNC_") == (1 if name.startswith("TRADESYNC_") else 0)
    assert not text or text not in said
    assert raised.value.__suppress_context__


def test_every_malformed_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADESYNC_CONCURRENCY", "0")
    monkeypatch.setenv("BROKER_API_RETRY_ATTEMPTS", "x")
    with pytest.raises(ConfigurationError, match=r"TRADESYNC_CONCURRENCY: ") as raised:
        load_settings()
    assert "BROKER_API_RETRY_ATTEMPTS: " in str(raised.value)


def test_secrets_are_not_in_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.books_url == _SECRETS["TRADESYNC_DATABASE_URL"]
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hunter" not in shown
    assert "hunter" not in repr(settings.model_dump())


def test_the_key_file_is_private_and_used_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "deep" / "home")
    token = settings.cipher().encrypt(b"secret")
    file = tmp_path / "deep" / "home" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = file.read_bytes()
    Fernet(written)
    assert Settings(home=tmp_path / "deep" / "home").cipher().decrypt(token) == b"secret"
    assert file.read_bytes() == written


def test_keys_in_the_environment_leave_no_file_and_rotate(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    first = Settings(home=tmp_path / "home", secret_keys=SecretStr(old))
    token = first.cipher().encrypt(b"secret")
    both = Settings(home=tmp_path / "home", secret_keys=SecretStr(f"{new} , {old},"))
    assert both.cipher().decrypt(token) == b"secret"
    assert Fernet(new).decrypt(both.cipher().encrypt(b"x")) == b"x"
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("keys", ["hunter2", ",", "é" * 44, "QUJD", "x" * 44])
def test_a_bad_key_is_refused_without_being_shown(keys: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TRADESYNC_SECRET_KEYS") as raised:
        Settings(home=tmp_path, secret_keys=SecretStr(keys)).cipher()
    assert len(keys) == 1 or keys not in str(raised.value)
    assert raised.value.__suppress_context__


def test_an_empty_key_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "secret.key").touch()
    with pytest.raises(ConfigurationError, match="key file"):
        Settings(home=tmp_path).cipher()


def test_a_home_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="TRADESYNC_HOME"):
        Settings(home=tmp_path / "file" / "home").cipher()


def test_a_foreign_process_is_told_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADESYNC_SECRET_KEY", "secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    got = foreign_environment()
    assert got["HTTPS_PROXY"] == "http://proxy"
    assert not {"TRADESYNC_SECRET_KEY", "PGPASSWORD"} & got.keys()


def test_a_childs_environment_is_ours_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADESYNC_CONCURRENCY", "3")
    monkeypatch.setenv("ENVIRONMENT", "local")
    got = child_environment({"ENVIRONMENT": "test", "NEW": "1"})
    assert (got["TRADESYNC_CONCURRENCY"], got["ENVIRONMENT"], got["NEW"]) == ("3", "test", "1")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RABBITMQ_URL", "REDIS_URL", "TRADESYNC_DATABASE_URL", "ENVIRONMENT"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.rabbitmq_url, settings.redis_url, settings.database_url) == (None,) * 3
    assert settings.environment == "local"


def test_a_settings_file_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"ENVIRONMENT=\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_settings()


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="TRADESYNC_HOME"):
        open_engine(f"sqlite:///{tmp_path}/file/home/books.sqlite3")
