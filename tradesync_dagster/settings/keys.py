"""The keys that close what is secret: from a variable, or from a file made on first use.

What belongs here: reading, making and adding keys. What does not: what they close (``store``).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.fernet import Fernet

from tradesync_dagster.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """Where the keys are.

    Attributes:
        given: ``TRADESYNC_SECRET_KEYS``, newest first, by commas; empty for the key file.
        home: The folder of the key file.
    """

    given: str
    home: Path

    def all(self) -> list[Fernet]:
        """Open the keys, making a key file on first use.

        Returns:
            At least one, newest first.

        Raises:
            ConfigurationError: A key is not a Fernet key, or the file cannot be used.
        """
        text = self.given or self._file()
        try:
            keys = [Fernet(key.strip()) for key in text.split(",") if key.strip()]
            return keys or [Fernet("")]
        except ValueError:
            raise ConfigurationError(
                "TRADESYNC_SECRET_KEYS (or the key file) is not a list of Fernet keys: each is "
                "32 bytes in URL-safe base64"
            ) from None

    def newest(self) -> Fernet:
        """Open the first key alone, which secrets shall be closed with; see ``all``."""
        return self.all()[0]

    def add(self) -> Path:
        """Put a new key first in the key file; the others stay, to open what they closed.

        Returns:
            The key file.

        Raises:
            ConfigurationError: The keys come from the environment, or the file cannot be used.
        """
        if self.given:
            raise ConfigurationError(
                "the keys are in TRADESYNC_SECRET_KEYS, which tradesync cannot change: put a new "
                "key before the others there, and a comma between"
            )
        self.all()  # they must be good: nothing is put before what cannot be read
        path = self._path
        draft = path.with_name(f"{path.name}.new")
        try:
            # Of two at once, one would lose its key: who has the draft alone reads the others.
            with _private(draft, os.O_EXCL) as file:
                file.write(Fernet.generate_key() + b"," + self._file().encode())
            draft.replace(path)
        except FileExistsError:
            raise ConfigurationError(
                f"{draft} is there: another new key is being made, or making one broke off; then "
                "delete that file"
            ) from None
        except OSError as error:
            what = f"the key file {path} cannot be changed: {error.strerror}"
            raise ConfigurationError(what) from None
        return path

    @property
    def _path(self) -> Path:
        return self.home / "secret.key"

    def _file(self) -> str:
        path = self._path
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                _write_once(path, Fernet.generate_key())
            return path.read_text(encoding="ascii")
        except UnicodeDecodeError:
            raise ConfigurationError(f"the key file {path} holds no Fernet key") from None
        except OSError as error:
            raise ConfigurationError(
                f"the key file {path} cannot be used: {error.strerror}; set TRADESYNC_HOME to a "
                "folder that can be written"
            ) from None


def _write_once(path: Path, content: bytes) -> None:
    """Make a private file appear whole or not at all; the first of two writers wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with _private(draft, os.O_TRUNC) as file:
        file.write(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


@contextmanager
def _private(path: Path, how: int) -> Iterator[BinaryIO]:
    """Open a file that only its owner may read, and see what is written onto the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
