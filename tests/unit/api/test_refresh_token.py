"""Refresh tokens: written, read, and not to be made by anybody else."""

import uuid

import pytest
from darkroom_api.auth.refresh_token import RefreshToken, read, written
from hypothesis import given
from hypothesis import strategies as st

KEY = b"k" * 32
TOKEN = RefreshToken(uuid.UUID(int=7), 3)


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(session_id: uuid.UUID, generation: int) -> None:
    token = RefreshToken(session_id, generation)
    assert read(written(token, KEY), KEY) == token


@given(st.text(max_size=120))
def test_nothing_else_is_one(text: str) -> None:
    assert read(text, KEY) is None
    assert read(f"dr_{text}", KEY) is None


@pytest.mark.parametrize("at", range(3, 20))
def test_a_change_anywhere_spoils_it(at: int) -> None:
    text = written(TOKEN, KEY)
    other = "A" if text[at] != "A" else "B"
    assert read(text[:at] + other + text[at + 1 :], KEY) is None


def test_another_key_opens_nothing() -> None:
    assert read(written(TOKEN, KEY), b"x" * 32) is None
