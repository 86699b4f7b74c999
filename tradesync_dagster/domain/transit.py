"""How what is sent to a server travels.

What belongs here: whether it is encrypted, and whether the server proved who it is. What does not:
finding that out (``store``, ``publish``).
"""

from dataclasses import dataclass
from ipaddress import ip_address

CERTIFICATE = "certificate verify failed"
"""What TLS says of a certificate that is refused."""
ADVICE = (
    "let TRADESYNC_SERVER_CA_FILE hold the certificates of who signed it, and name the server as "
    "it does"
)
"""What to do about a certificate that is refused."""


@dataclass(frozen=True, slots=True)
class Transit:
    """The way to a server.

    Attributes:
        hosts: Names or addresses; a path is a socket of this machine.
        encrypted: Whether TLS is spoken.
        verified: Whether the server's certificate is held against an authority and its host.
    """

    hosts: tuple[str, ...]
    encrypted: bool
    verified: bool

    @property
    def is_safe(self) -> bool:
        """Whether nobody on the way can read or answer in the server's place."""
        return self.verified or all(_is_here(host) for host in self.hosts)

    def __str__(self) -> str:
        """Say it in words."""
        if self.verified:
            return "encrypted, the server's certificate is verified"
        where = "within this machine" if self.is_safe else "to another machine"
        if self.encrypted:
            return f"encrypted {where}, but the server's certificate is not verified"
        return f"plain text {where}"


def _is_here(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
