"""What the application opens when it starts, and every request may use."""

from dataclasses import dataclass

from darkroom_core.storage import Storage

from darkroom_api.api_keys.authenticator import ApiKeys
from darkroom_api.auth.authenticate import Authenticator
from darkroom_api.auth.ended_sessions import EndedSessions
from darkroom_api.auth.passwords import Passwords
from darkroom_api.auth.signing_keys import SigningKeys
from darkroom_api.auth.tokens import Tokens
from darkroom_api.database import Pool
from darkroom_api.deliveries.telling import Telling
from darkroom_api.events.hub import Hub
from darkroom_api.limits.limiter import Limiter
from darkroom_api.metrics import Metrics
from darkroom_api.oidc.login import Logins
from darkroom_api.settings import Settings
from darkroom_api.spool import SpoolRoom
from darkroom_api.tasks.cluster import Cluster
from darkroom_api.tasks.kept_answers import KeptAnswers
from darkroom_api.tasks.submitter import Submitter


@dataclass(frozen=True)
class Resources:
    """Open from the start of the application to its end."""

    settings: Settings
    pool: Pool
    cluster: Cluster
    storage: Storage
    passwords: Passwords
    signing_keys: SigningKeys
    tokens: Tokens
    ended_sessions: EndedSessions
    submitter: Submitter
    metrics: Metrics
    spool_room: SpoolRoom
    hub: Hub
    telling: Telling
    limits: Limiter
    api_keys: ApiKeys
    answers: KeptAnswers
    logins: Logins | None
    """At the OpenID provider, if there is one."""
    authenticators: tuple[Authenticator, ...] = ()
    """For the tokens that are not the API's own, asked one after the other."""
