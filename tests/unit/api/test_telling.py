"""What is told, when, and how it is signed: the pure parts of webhooks and mail."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from darkroom_api.deliveries.events import Endpoint, Reader, TaskEvent, TaskUrl
from darkroom_api.deliveries.plan import Audience, deliveries_of, lane_of
from darkroom_api.deliveries.schedule import hold_seconds, retry_after, retry_seconds
from darkroom_api.mail.outbox import Template
from darkroom_api.mail.preferences import next_digest
from darkroom_api.mail.rendering import render
from darkroom_api.mail.samples import sample_of
from darkroom_api.mail.unsubscribing import Links
from darkroom_api.webhooks.events import is_wanted
from darkroom_api.webhooks.payload import LONGEST, body_of
from darkroom_api.webhooks.sealing import BrokenSealError, Seal
from darkroom_api.webhooks.signature import as_shown, headers_of, new_secret
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from standardwebhooks import Webhook

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADA, BOB = UUID(int=1), UUID(int=2)


class TestSchedule:
    def test_attempts_are_those_of_the_specification(self) -> None:
        waits = [retry_seconds(number, asked=None, chance=0) for number in range(1, 11)]
        hours = [2, 5, 10, 14, 20, 24]
        assert waits == [5, 300, 1800, *(hour * 3600 for hour in hours), None]

    @given(st.integers(1, 9), st.floats(0, 1), st.none() | st.floats(0, 86_400))
    def test_nobody_is_asked_sooner_than_planned_or_wished(
        self, attempts: int, chance: float, asked: float | None
    ) -> None:
        planned = retry_seconds(attempts, asked=None, chance=0)
        wait = retry_seconds(attempts, asked=asked, chance=chance)
        assert planned
        assert wait
        assert max(planned, asked or 0) <= wait <= max(planned * 1.2, asked or 0)

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("120", 120),
            (" 5 ", 5),
            ("Mon, 23 Nov 2026 12:10:00 GMT", 600),
            ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
            ("9" * 400, 86_400),
            ("-5", None),
            ("soon", None),
            ("²", None),
            ("", None),
            (None, None),
        ],
    )
    def test_retry_after_is_seconds_or_a_date_and_never_more_than_a_day(
        self, value: str | None, seconds: float | None
    ) -> None:
        assert retry_after(value, NOW) == seconds

    @given(st.text())
    def test_whatever_a_receiver_wishes_for_is_read_or_ignored(self, value: str) -> None:
        seconds = retry_after(value, NOW)
        assert seconds is None or 0 <= seconds <= 86_400

    def test_a_full_receiver_is_left_alone_longer_each_time_up_to_ten_minutes(self) -> None:
        assert [hold_seconds(holds, asked=None) for holds in (0, 1, 2, 50)] == [15, 30, 60, 600]
        assert hold_seconds(0, asked=3000) == 3000


class TestSignature:
    @given(st.binary(max_size=50), st.text(max_size=50))
    def test_an_independent_library_verifies_both_secrets(self, old: bytes, text: str) -> None:
        secret = new_secret()
        body = json.dumps({"text": text}).encode()
        timestamp = int(datetime.now(UTC).timestamp())
        headers = headers_of("msg-1", timestamp, body, [secret, old])
        for key in (secret, old):
            if key:
                assert Webhook(as_shown(key)).verify(body, headers) == {"text": text}

    def test_the_specifications_own_example_is_signed_alike(self) -> None:
        library = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        body = '{"test": 2432232314}'
        moment = datetime.fromtimestamp(1614265330, UTC)
        ours = headers_of(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            body.encode(),
            [library._whsecret],  # noqa: SLF001
        )
        assert ours["webhook-signature"] == library.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body
        )

    @given(st.binary(max_size=200))
    def test_the_how_tos_function_tells_what_is_genuine(self, body: bytes) -> None:
        page = (Path(__file__).parents[3] / "docs/howto/receive-webhooks.md").read_text()
        names: dict[str, Any] = {}
        exec(page.split("```python\n")[1].split("```")[0], names)  # noqa: S102  # our own page
        is_genuine = names["is_genuine"]
        old, new = new_secret(), new_secret()
        now = int(datetime.now(UTC).timestamp())
        headers = headers_of("msg-1", now, body, [new, old])
        assert is_genuine(as_shown(new), headers, body)
        assert is_genuine(as_shown(old), headers, body)
        assert not is_genuine(as_shown(new_secret()), headers, body)
        assert not is_genuine(as_shown(new), headers, body + b" ")
        assert not is_genuine(as_shown(new), headers_of("msg-1", now - 400, body, [new]), body)
        assert not is_genuine(as_shown(new), headers | {"webhook-signature": "v1,ä"}, body)


class TestSealing:
    def test_a_secret_is_read_by_the_same_key_and_owner_only(self) -> None:
        seal = Seal("k" * 32)
        sealed = seal.seal(b"secret", owner="we-1")
        assert b"secret" not in sealed
        assert seal.open(sealed, owner="we-1") == b"secret"
        assert sealed != seal.seal(b"secret", owner="we-1")
        for other, owner in ((seal, "we-2"), (Seal("j" * 32), "we-1")):
            with pytest.raises(BrokenSealError):
                other.open(sealed, owner=owner)

    @given(st.binary(max_size=60))
    def test_what_is_no_seal_is_refused(self, sealed: bytes) -> None:
        with pytest.raises(BrokenSealError):
            Seal("k" * 32).open(sealed, owner="we-1")


class TestPayload:
    def test_it_is_type_timestamp_and_data(self) -> None:
        body = body_of("task.succeeded", NOW, {"id": "task-1", "message": "größer"})
        assert body == (
            '{"type":"task.succeeded","timestamp":"2026-11-23T12:00:00Z",'
            '"data":{"id":"task-1","message":"größer"}}'
        )

    @given(st.integers(0, 300), st.integers(0, 60), st.integers(0, 30_000), st.integers(0, 30_000))
    def test_it_is_always_under_20_kilobytes_and_says_what_is_left_out(
        self, outputs: int, tries: int, operations: int, message: int
    ) -> None:
        data: dict[str, Any] = {
            "id": "task-1",
            "status": "failed",
            "message": "ä" * message,
            "outputs": [
                {"name": f"o{n}", "operations": ["x" * operations], "url": "u" * 80}
                for n in range(outputs)
            ],
            "tries": [{"pod": "p" * 60}] * tries,
        }
        body = body_of("task.failed", NOW, data)
        assert len(body.encode()) < LONGEST
        told = json.loads(body)["data"]
        assert (told["id"], told["status"]) == ("task-1", "failed")
        assert (told == data) == ("omitted" not in told)


class TestPlan:
    def event(self, number: int, type_: str, owner: UUID | None = ADA, task: str = "task-1") -> Any:
        return TaskEvent("7", number, task, owner, type_, NOW)

    def plan(self, events: list[TaskEvent], **audience: Any) -> list[tuple[str, str, str]]:
        whom = Audience(
            audience.get("endpoints", ()), audience.get("urls", ()), audience.get("readers", ())
        )
        views = {task: {"id": task} for task in ("task-1", "task-2")}
        found = deliveries_of(events, whom, views, lambda kind: f"{kind}-{uuid4().hex}")
        return [
            (made.kind, made.type, made.endpoint or made.url or made.recipient or "")
            for made in found
        ]

    def test_everybody_is_told_what_they_asked_for(self) -> None:
        events = [
            self.event(1, "task.started"),
            self.event(2, "task.failed"),
            self.event(3, "task.failed", BOB, "task-2"),
            self.event(4, "task.failed", None, "task-3"),
        ]
        assert self.plan(
            events,
            endpoints=[Endpoint("we-1", ADA, ["*"]), Endpoint("we-2", BOB, ["task.succeeded"])],
            urls=[TaskUrl("task-2", BOB, "https://example.com/x", ["task.failed"])],
            readers=[Reader(ADA, "ada@example.com", on_success=False, on_failure=True)],
        ) == [
            ("webhook", "task.started", "we-1"),
            ("webhook", "task.failed", "we-1"),
            ("mail", "task_finished", "ada@example.com"),
            ("webhook", "task.failed", "https://example.com/x"),
        ]

    def test_of_progress_only_the_newest_of_each_task_is_told(self) -> None:
        events = [self.event(number, "task.progress") for number in range(5)]
        events.append(self.event(9, "task.progress", ADA, "task-2"))
        assert len(self.plan(events, endpoints=[Endpoint("we-1", ADA, ["task.*"])])) == 2

    def test_lanes_are_apart_by_server_and_by_owner(self) -> None:
        a, b = "https://a.example:8443/x?y", "https://b.example/x"
        assert lane_of(ADA, a) == lane_of(ADA, "https://a.example:8443/z")
        assert len({lane_of(ADA, a), lane_of(ADA, b), lane_of(BOB, a)}) == 3

    @pytest.mark.parametrize(
        ("pattern", "wanted"),
        [("*", True), ("task.*", True), ("task.failed", True), ("task.succeeded", False)],
    )
    def test_patterns_choose_types(self, pattern: str, *, wanted: bool) -> None:
        assert is_wanted("task.failed", [pattern]) is wanted


class TestMail:
    @given(st.datetimes(timezones=st.just(UTC), max_value=datetime(2200, 1, 1)), st.integers(0, 23))  # noqa: DTZ001
    def test_the_next_digest_is_within_a_day_or_so_at_its_hour(
        self, now: datetime, hour: int
    ) -> None:
        zone = ZoneInfo("Europe/Berlin")
        due = next_digest(now, hour=hour, timezone="Europe/Berlin")
        assert timedelta(0) < due - now <= timedelta(hours=26)
        assert due.astimezone(zone).hour in {hour, (hour + 1) % 24}, "an hour that is left out"

    @pytest.mark.parametrize("template", Template)
    def test_every_template_has_a_subject_a_text_and_a_page(self, template: Template) -> None:
        rendered = render(template, sample_of(template))
        assert rendered.subject
        assert "Subject:" not in rendered.text
        assert "{{" not in rendered.text + rendered.html
        assert "<style" not in rendered.html

    def test_a_value_cannot_add_a_header_or_an_element(self) -> None:
        task = sample_of(Template.TASK_FINISHED)["task"]
        task = task | {"source": {"filename": "a\r\nBcc: all@example.com <script>"}}
        values = {"task": task, "unsubscribe_url": None}
        rendered = render(Template.TASK_FINISHED, values)
        assert rendered.subject == "Done: a Bcc: all@example.com <script>"
        assert "<script" not in rendered.html

    def test_a_value_that_is_not_there_is_an_error(self) -> None:
        with pytest.raises(UndefinedError):
            render(Template.RESET_PASSWORD, {"unsubscribe_url": None})

    @given(st.uuids(), st.binary(max_size=40))
    def test_links_to_unsubscribe_name_one_user_and_cannot_be_made_up(
        self, owner: UUID, noise: bytes
    ) -> None:
        links = Links("k" * 32, "https://darkroom.example.com/")
        token = links.url_of(owner).removeprefix("https://darkroom.example.com/v1/unsubscribe/")
        assert links.owner_of(token) == owner
        assert Links("j" * 32, "https://darkroom.example.com").owner_of(token) is None
        assert links.owner_of(noise.hex()) is None
