"""The kinds of security events, by the words under which they are found."""

from enum import StrEnum


class Event(StrEnum):
    """What happened. The words are stable: alerts are built on them."""

    REGISTERED = "user.registered"
    SIGNED_IN = "session.created"
    SIGN_IN_FAILED = "session.refused"
    SIGN_IN_BLOCKED = "session.blocked"
    """Too many failed tries for this account or from this address."""
    REFRESH_REUSED = "session.refresh_reused"
    """An old refresh token was used again: all of its session is over."""
    SIGNED_OUT = "session.ended"
    SIGNED_OUT_EVERYWHERE = "session.all_ended"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  # a word
    PASSWORD_RESET_ASKED = "password.reset_asked"  # noqa: S105  # a word
    PASSWORD_RESET = "password.reset"  # noqa: S105  # a word
    EMAIL_VERIFIED = "email.verified"
    API_KEY_MADE = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    OIDC_LINKED = "oidc.linked"
    OIDC_REFUSED = "oidc.refused"
    ROLE_CHANGED = "user.role_changed"
    QUOTA_CHANGED = "user.quota_changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    WEBHOOK_MADE = "webhook.created"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105  # a word
