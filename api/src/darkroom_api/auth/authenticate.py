"""How an access token becomes somebody: each kind of token has its reader."""

from typing import Protocol

from darkroom_api.auth.identity import Identity


class Authenticator(Protocol):
    """Reads one kind of token."""

    async def identity(self, token: str) -> Identity | None:
        """Return whom the token stands for; None if it is of another kind.

        Raises UnauthorizedError where it is of this kind, and not good.
        """
