"""Bodies that are taken in side by side share the room there is."""

from contextlib import ExitStack

import pytest
from darkroom_api.errors import UnavailableError
from darkroom_api.spool import SpoolRoom


def test_who_finds_no_room_is_told_to_come_back() -> None:
    room = SpoolRoom(100)
    with ExitStack() as stack:
        stack.enter_context(room.taken(60))
        stack.enter_context(room.taken(40))
        with pytest.raises(UnavailableError) as refusal, room.taken(1):
            pytest.fail("there was no room")
    assert refusal.value.headers == {"Retry-After": "2"}


def test_room_is_free_again_however_the_request_ended() -> None:
    room = SpoolRoom(100)
    with pytest.raises(ZeroDivisionError), room.taken(100):
        raise ZeroDivisionError
    with room.taken(100):
        pass


def test_a_body_that_is_alone_gets_in_whatever_its_length() -> None:
    room = SpoolRoom(100)
    with room.taken(101), pytest.raises(UnavailableError), room.taken(1):
        pytest.fail("there was no room")
