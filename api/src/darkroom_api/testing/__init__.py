"""For tests, here and elsewhere; the service itself imports nothing from here."""

from darkroom_api.testing.api_server import FakeApiServer
from darkroom_api.testing.clients import RECIPE, User, client_of, jpeg, register, sign_in, until
from darkroom_api.testing.cluster import FakeCluster, uid_of
from darkroom_api.testing.inbox import Inbox

__all__ = [
    "RECIPE",
    "FakeApiServer",
    "FakeCluster",
    "Inbox",
    "User",
    "client_of",
    "jpeg",
    "register",
    "sign_in",
    "uid_of",
    "until",
]
