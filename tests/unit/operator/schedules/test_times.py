from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from darkroom_operator.schedules.times import BadTimesError, Times, read_times
from hypothesis import given
from hypothesis import strategies as st


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


def following(line: str, zone: str, since: str, number: int) -> list[str]:
    """Return the times after a moment of 2026, as UTC."""
    times, found = read_times(line, zone), []
    moment: datetime | None = utc(since)
    for _ in range(number):
        assert moment
        moment = times.after(moment)
        found.append(f"{moment:%m-%dT%H:%M}" if moment else "never")
    return found


FORWARD = "03-28T12:00"  # Berlin: 02:00 becomes 03:00 at 01:00Z on the 29th
BACK = "10-24T12:00"  # Berlin: 03:00 becomes 02:00 at 01:00Z on the 25th


@pytest.mark.parametrize(
    ("line", "zone", "since", "expected"),
    [
        ("30 3 * * *", "Etc/UTC", "01-01T00:00", ["01-01T03:30", "01-02T03:30"]),
        ("30 3 * * *", "Etc/UTC", "01-01T03:30", ["01-02T03:30"]),
        ("30 3 * * *", "Europe/Berlin", "01-01T00:00", ["01-01T02:30", "01-02T02:30"]),
        ("30 3 * * *", "Europe/Berlin", "07-01T00:00", ["07-01T01:30"]),
        ("*/20 * * * *", "Asia/Kolkata", "01-01T00:00", ["01-01T00:10", "01-01T00:30"]),
        ("0 9 * * MON-FRI", "Etc/UTC", "01-02T10:00", ["01-05T09:00"]),
        ("0 0 L * *", "Etc/UTC", "02-01T00:00", ["02-28T00:00", "03-31T00:00"]),
        # What does not exist is the moment at which the clocks go forward, and only once.
        ("30 2 * * *", "Europe/Berlin", FORWARD, ["03-29T01:00", "03-30T00:30"]),
        ("0,30 2 * * *", "Europe/Berlin", FORWARD, ["03-29T01:00", "03-30T00:00"]),
        ("0 2,3 * * *", "Europe/Berlin", FORWARD, ["03-29T01:00", "03-30T00:00"]),
        # What comes twice is its first time.
        ("30 2 * * *", "Europe/Berlin", BACK, ["10-25T00:30", "10-26T01:30"]),
        ("30 2 * * *", "Europe/Berlin", "10-25T00:30", ["10-26T01:30"]),
        ("30 2 * * *", "Europe/Berlin", "10-25T01:10", ["10-26T01:30"]),
        # With a star the clocks are followed as they are.
        ("*/30 * * * *", "Europe/Berlin", "03-29T00:30", ["03-29T01:00", "03-29T01:30"]),
        ("30 * * * *", "Europe/Berlin", "10-24T23:45", ["10-25T00:30", "10-25T01:30"]),
        ("*/30 2 * * *", "Europe/Berlin", FORWARD, ["03-30T00:00"]),
    ],
)
def test_the_times_of_a_line(line: str, zone: str, since: str, expected: list[str]) -> None:
    assert following(line, zone, since, len(expected)) == expected


@pytest.mark.parametrize(
    ("line", "zone", "sentence"),
    [
        ("30 3 * *", "Etc/UTC", "spec.schedule has 4 fields, and a cron line has five: "),
        ("0 30 3 * * *", "Etc/UTC", "spec.schedule has 6 fields, "),
        ("@hourly", "Etc/UTC", "spec.schedule has 1 fields, "),
        ("61 3 * * *", "Etc/UTC", 'spec.schedule "61 3 * * *" is no cron line: Bad minute.'),
        ("0 3 * * NOO", "Etc/UTC", 'spec.schedule "0 3 * * NOO" is no cron line: Bad day-of-week.'),
        ("0 3 31 2 *", "Etc/UTC", 'spec.schedule "0 3 31 2 *" is no cron line: Bad day-of-month.'),
        ("0 3 * * *", "Berlin", 'spec.timeZone "Berlin" is not known; write the IANA name'),
        ("0 3 * * *", "Europe", 'spec.timeZone "Europe" is not known; '),
        ("0 3 * * *", "../../etc/passwd", 'spec.timeZone "../../etc/passwd" is not known; '),
        ("0 3 * * *", "", 'spec.timeZone "" is not known; '),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(line: str, zone: str, sentence: str) -> None:
    with pytest.raises(BadTimesError) as raised:
        read_times(line, zone)
    assert str(raised.value).startswith(sentence)


@given(line=st.text(max_size=40) | st.from_regex(r"([0-9*,/#L-]{1,6} ){4}[0-9A-Z*,/#L-]{1,6}"))
def test_any_line_gives_times_or_a_sentence(line: str) -> None:
    with suppress(BadTimesError):
        assert read_times(line, "Europe/Berlin").after(utc("01-01T00:00"))


@given(zone=st.text(max_size=20))
def test_any_zone_gives_times_or_a_sentence(zone: str) -> None:
    with suppress(BadTimesError):
        assert read_times("0 3 * * *", zone)


def test_the_last_of_many_is_found_at_once() -> None:
    times = read_times("* * * * *", "Europe/Berlin")
    since = datetime(1990, 1, 1, tzinfo=UTC)
    assert times.last(since, utc("06-01T10:10:30")) == utc("06-01T10:10")


def test_the_last_is_neither_the_beginning_nor_later_than_the_end() -> None:
    times = read_times("0 3 * * *", "Etc/UTC")
    assert times.last(utc("01-01T03:00"), utc("01-02T02:59:59")) is None
    assert times.last(utc("01-01T03:00"), utc("01-02T03:00")) == utc("01-02T03:00")


def test_counting_ends_at_the_most() -> None:
    times = read_times("* * * * *", "Etc/UTC")
    assert times.count(utc("01-01T00:00"), utc("01-01T00:07:30"), most=101) == 7
    assert times.count(utc("01-01T00:00"), utc("12-01T00:00"), most=101) == 101


MINUTES = ("0", "30", "*/15", "17,45", "*")
HOURS = ("0", "2", "3", "*", "*/2", "1-3")
DAYS = ("*", "1", "29", "L", "*/2")
WEEKDAYS = ("*", "SUN", "1-5", "SUN#1", "7L")
ZONES = (
    "Etc/UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # by half an hour
    "America/Santiago",  # at midnight
    "Asia/Kathmandu",
    "Africa/Casablanca",
)

lines = st.builds(
    "{} {} {} * {}".format,
    *(st.sampled_from(field) for field in (MINUTES, HOURS, DAYS, WEEKDAYS)),
)
moments = st.integers(1_735_689_600, 1_830_297_600).map(  # 2025 to 2027
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@given(line=lines, zone=st.sampled_from(ZONES), moment=moments, share=st.floats(0, 0.999))
def test_it_does_not_matter_from_where_one_looks(
    line: str, zone: str, moment: datetime, share: float
) -> None:
    times = Times(line, ZoneInfo(zone))
    time = times.after(moment)
    assert time
    assert time > moment
    between = moment + (time - moment) * share
    assert times.after(between) == time
    assert times.last(moment, time) == time
    assert times.last(moment, time - timedelta(seconds=1)) is None


@given(line=lines, zone=st.sampled_from(ZONES), moment=moments, hours=st.integers(1, 60))
def test_the_last_is_the_last_of_all(line: str, zone: str, moment: datetime, hours: int) -> None:
    times, until = Times(line, ZoneInfo(zone)), moment + timedelta(hours=hours)
    last, time = None, times.after(moment)
    while time and time <= until:
        last, time = time, times.after(time)
    assert times.last(moment, until) == last
