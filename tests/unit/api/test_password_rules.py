"""What everybody would try first is refused; all else is not."""

import pytest
from darkroom_api.auth.password_rules import weakness


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaa",
        "abababababab",
        "password1234",
        "Password!2024",
        "passwordpassword",
        "123456789012",
        "ada.lovelace@example.com",
        "Ada.Lovelace1815",
    ],
)
def test_a_weak_password_is_refused(password: str) -> None:
    assert weakness(password, "ada.lovelace@example.com")


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "a long enough password", "ながいパスワードです、本当に"],
)
def test_a_long_one_is_taken(password: str) -> None:
    assert not weakness(password, "ada.lovelace@example.com")
