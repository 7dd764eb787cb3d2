import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
from darkroom_core.log_line import without_secrets
from darkroom_core.logs import Formatter, LogSettings, about, log_as

SIGNATURE = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    for name in ("kopf", "kopf.objects", "psycopg.pool", "other"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_logger_writes_lines_of_one_shape_that_say_what_they_are_about() -> None:
    stream = io.StringIO()
    log_as(LogSettings(), stream)
    with about(request="r-1", trace="t-1"), about(task="task-1"):
        logging.getLogger("uvicorn.error").warning("%s of %d", "one", 2)
    logging.getLogger("other").info("nothing", extra={"ms": 1.5})
    first, second = lines(stream)
    assert list(first) == ["time", "level", "logger", "message", "request", "task", "trace"]
    assert list(first.values())[1:] == [
        *("warning", "uvicorn.error", "one of 2"),
        *("r-1", "task-1", "t-1"),
    ]
    assert set(second) == {"time", "level", "logger", "message", "ms"}


def test_levels_are_set_for_all_and_for_single_loggers() -> None:
    stream = io.StringIO()
    log_as(LogSettings(level="WARNING", levels={"other": "DEBUG"}), stream)
    logging.getLogger("third").info("no")
    logging.getLogger("other").debug("yes")
    logging.getLogger("kopf.objects").info("no: kopf tells too much")
    assert [line["message"] for line in lines(stream)] == ["yes"]


def test_a_terminal_gets_text_and_everything_else_json() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        log_as(LogSettings(), stream)
        with about(task="task-1"):
            logging.getLogger("other").error("broken")
    assert terminal.getvalue().endswith("ERROR   other: broken  task=task-1\n")
    assert lines(pipe)[0]["message"] == "broken"
    log_as(LogSettings(format="json"), terminal)


@pytest.mark.parametrize(
    ("text", "secret", "kept"),
    [
        (f"GET https://s3/b/k?X-Amz-Signature={SIGNATURE}", SIGNATURE, "https://s3/b/k?"),
        (f"PUT /v1/objects/k?expires=9&signature={SIGNATURE}", SIGNATURE, "/v1/objects/k?expires"),
        ("postgresql://darkroom:hunter2@db/darkroom", "hunter2", "postgresql://"),
        ("Authorization: Bearer abc.def.ghi", "abc.def.ghi", "Authorization: Bearer "),
        ("{'Cookie': 'lang=en; session=abcdef'}", "abcdef", "Cookie"),
        (f"a bearer {SIGNATURE}", SIGNATURE, "a bearer "),
        (f"whsec_{SIGNATURE}", SIGNATURE, "whsec_"),
        (f"the key dk_{SIGNATURE[:32]}_abc", SIGNATURE[:32], "the key dk_"),
    ],
)
def test_what_would_let_a_reader_in_is_left_out(text: str, secret: str, kept: str) -> None:
    hidden = without_secrets(text)
    assert secret not in hidden
    assert kept in hidden


def test_what_is_no_secret_stays() -> None:
    for text in (
        "GET /v1/tasks?limit=3 200",
        "a task with basic settings; the bearer of news",
        "https://example.com/a.jpg: not found",
    ):
        assert without_secrets(text) == text


def test_an_exceptions_text_is_cleared_too() -> None:
    try:
        raise OSError(f"https://s3/b/k?sig={SIGNATURE}")  # noqa: TRY301  # as a library would
    except OSError:
        record = logging.LogRecord("a", logging.ERROR, "f", 1, "m", (), sys.exc_info())
    line = Formatter(is_json=True).format(record)
    assert SIGNATURE not in line
    assert "OSError: https://s3/b/k?" in line
