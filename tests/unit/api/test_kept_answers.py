"""Answers are told again only of the very version, at the very address, that they are of."""

from darkroom_api.tasks.kept_answers import Kept, KeptAnswers, Place

HERE = Place("task-1", "https", "here")


def kept(version: int, length: int = 10) -> Kept:
    return Kept(version, bytes(length), {"ETag": f'"{version}"'})


def test_an_answer_is_told_again_while_the_version_is_the_same() -> None:
    answers = KeptAnswers()
    answers.keep(HERE, kept(1))
    assert answers.get(HERE, 1) == kept(1)
    assert answers.get(HERE, 2) is None
    answers.keep(HERE, kept(2))
    assert answers.get(HERE, 2) == kept(2)
    assert answers.get(HERE, 1) is None


def test_another_address_has_other_urls() -> None:
    answers = KeptAnswers()
    answers.keep(HERE, kept(1))
    assert answers.get(HERE._replace(host="there"), 1) is None
    assert answers.get(HERE._replace(scheme="http"), 1) is None


def test_what_nobody_asks_for_makes_room_and_nothing_long_is_kept() -> None:
    answers = KeptAnswers()
    answers.keep(HERE, kept(1))
    others = [HERE._replace(host=f"host-{number}") for number in range(1024)]
    for other in others[:-1]:
        answers.keep(other, kept(1))
    assert answers.get(HERE, 1)
    answers.keep(others[-1], kept(1))
    assert answers.get(HERE, 1)
    assert answers.get(others[0], 1) is None
    answers.keep(HERE, kept(2, length=20_000))
    assert answers.get(HERE, 2) is None
