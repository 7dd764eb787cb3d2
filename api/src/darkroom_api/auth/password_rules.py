"""Which passwords are refused, beside short ones: what everybody would try first.

After NIST SP 800-63B, 3.1.1.2: no rules of composition, but a list of what is common, and nothing
that is known of the user.
"""

from typing import Final

_FEWEST_CHARACTERS: Final = 5
"""Different ones."""
_COMMON: Final = frozenset(
    {
        "password",
        "passwort",
        "qwertyuiop",
        "qwertyuiopasdfghjkl",
        "abcdefghijkl",
        "abcdefghijklmnopqrstuvwxyz",
        "iloveyou",
        "letmein",
        "welcome",
        "administrator",
        "changeme",
        "darkroom",
        "motdepasse",
        "contraseña",
        "secretsecret",
    }
)
_ROWS: Final = ("01234567890123456789", "98765432109876543210")


def weakness(password: str, email: str) -> str:
    """Return why a password is refused, as a sentence; empty where it is not."""
    folded = password.casefold()
    if len(set(folded)) < _FEWEST_CHARACTERS:
        return f"use at least {_FEWEST_CHARACTERS} different characters"
    letters = folded.strip("0123456789!?.,*#-_ ")
    if letters in _COMMON or any(folded in row for row in _ROWS):
        return "this is one of the passwords that are tried first"
    half = folded[: len(folded) // 2]
    if half in _COMMON and half * 2 == folded:
        return "this is one of the passwords that are tried first"
    local = email.partition("@")[0].casefold()
    if folded in {email.casefold(), local} or letters == local:
        return "this is your e-mail address"
    return ""
