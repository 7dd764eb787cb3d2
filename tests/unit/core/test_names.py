"""Names are valid in Kubernetes whatever a user called the task."""

import re

from darkroom_core import names
from hypothesis import given
from hypothesis import strategies as st

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
TASK_NAMES = st.from_regex(
    r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?){0,8}", fullmatch=True
)


@given(TASK_NAMES, st.uuids().map(str))
def test_a_job_name_is_a_dns_label_of_at_most_63_characters(name: str, uid: str) -> None:
    assert DNS_LABEL.fullmatch(names.job_name(name, uid))
    assert DNS_LABEL.fullmatch(names.task_label(name))


def test_the_same_task_always_has_the_same_job() -> None:
    assert names.job_name("a", "u") == names.job_name("a", "u")


def test_a_task_made_again_under_its_name_has_another_job() -> None:
    assert names.job_name("a", "u1") != names.job_name("a", "u2")


def test_names_that_differ_beyond_what_is_kept_have_different_jobs() -> None:
    long = "x" * 100
    assert names.job_name(long + "a", "u1") != names.job_name(long + "b", "u2")
