"""How fast the API answers, beside a bare FastAPI application on the same Postgres in the same run.

Both are one process of uvicorn, and are asked over kept connections by a generator in a process of
its own (http_load.py), in turns, so that whatever the machine does besides meets both. What answers
for Kubernetes is the tests' fake, since here no task has to be processed.

Of the ratios the best turn counts, of p99 the median: the one says what the code costs, the other
what people meet.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import http_load
import streams
from api_process import ADMIN, Served, bare, darkroom
from figures import Figure, bounded, compared, none_allowed
from http_load import Load
from postgres_server import postgres

_RECIPE: Final = '{"outputs":[{"name":"a","format":"webp"}]}'
_JPEG_BYTES: Final = 100_000
_TURNS: Final = 3
_CONNECTIONS: Final = 8
_SECONDS: Final = 5.0
_MB: Final = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument("--streams", type=int, default=500, help="open streams of `api`")
    parser.add_argument("--created", type=int, default=1000, help="tasks made meanwhile")
    parser.add_argument("--upload-mb", type=int, default=2000, help="size of the long upload")


def measure(options: argparse.Namespace) -> list[Figure]:
    """Return the figures."""
    with postgres() as database_url, tempfile.TemporaryDirectory() as name:
        with darkroom(database_url) as ours, bare(database_url) as beside:
            figures = _rates(ours, beside, Path(name))
        with darkroom(database_url) as ours:
            figures += _streams(ours, options.streams, options.created)
        limits = {
            "DARKROOM_MAX_UPLOAD_BYTES": str(3000 * _MB),
            "DARKROOM_SPOOL_BYTES": str(6000 * _MB),
        }
        with darkroom(database_url, **limits) as ours:
            figures += _long_upload(ours, options.upload_mb)
    return figures


def _rates(ours: Served, beside: Served, directory: Path) -> list[Figure]:
    token = ours.signed_in("bench@example.com")
    picture = http_load.MARK + os.urandom(_JPEG_BYTES - 9 - len(http_load.MARK))
    jpeg = b"\xff\xd8\xff\xe0\0\2\0" + picture + b"\xff\xd9"
    upload = _written(directory, "upload", _multipart(ours, token, jpeg))
    file = _written(directory, "file", _request(beside, "POST", "/files", "", jpeg, "image/jpeg"))
    made = _first_task(ours, upload)
    get = _written(directory, "get", _request(ours, "GET", f"/v1/tasks/{made}", token))
    row = _written(directory, "row", _request(beside, "GET", f"/rows/{made}", ""))
    figures = []
    for name, at_least, (our_file, our_status), (their_file, their_status) in (
        ("GET of a task", 0.6, (get, 200), (row, 200)),
        ("POST of a 100 kB JPEG", 0.35, (upload, 202), (file, 200)),
    ):
        pairs = [
            (_load(ours, our_file, our_status), _load(beside, their_file, their_status))
            for _ in range(_TURNS)
        ]
        figures += _figures_of(name, pairs, at_least)
    return figures


def _figures_of(name: str, pairs: list[tuple[Load, Load]], at_least: float) -> list[Figure]:
    best = max(pair[0].rate for pair in pairs)
    baseline = max(pair[1].rate for pair in pairs)
    p50 = statistics.median(pair[0].p50 for pair in pairs)
    p99 = statistics.median(pair[0].p99 for pair in pairs)
    return [
        compared(name, best, "per s", baseline, of="bare FastAPI", at_least=at_least),
        compared(f"{name}, p99", p99 * 1000, "ms", p50 * 1000, of="its p50", at_most=5),
        compared(
            f"{name}, p50",
            p50 * 1000,
            "ms",
            statistics.median(pair[1].p50 for pair in pairs) * 1000,
            of="bare FastAPI",
        ),
        none_allowed(
            f"{name}, other answers", sum(pair[0].others + pair[1].others for pair in pairs), ""
        ),
        Figure(f"{name}, the generator's CPU", max(pair[0].cpu for pair in pairs) * 100, "% core"),
    ]


def _load(server: Served, file: Path, status: int) -> Load:
    order = http_load.Order("127.0.0.1", server.port, [str(file)], _CONNECTIONS, _SECONDS, status)
    return http_load.load(order)


def _request(  # noqa: PLR0913, PLR0917  # the parts of a request
    server: Served, method: str, path: str, token: str, body: bytes = b"", content_type: str = ""
) -> bytes:
    head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    head += [f"Authorization: Bearer {token}"] if token else []
    head += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*head, "", ""]).encode() + body


def _multipart(server: Served, token: str, file: bytes) -> bytes:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="task"\r\n\r\n'
        + _RECIPE.encode()
        + b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + file + b"\r\n--b--\r\n"
    )
    kind = "multipart/form-data; boundary=b"
    return _request(server, "POST", "/v1/tasks", token, body, kind)


def _written(directory: Path, name: str, content: bytes) -> Path:
    file = directory / name
    file.write_bytes(content)
    return file


def _first_task(server: Served, upload: Path) -> str:
    """Make a task as the load does, and return its id."""
    request = upload.read_bytes()

    async def sent() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        writer.close()
        return body

    found: str = json.loads(asyncio.run(sent()))["id"]
    return found


def _streams(ours: Served, count: int, created: int) -> list[Figure]:
    """Make tasks as fast as a minute asks for, while streams are open; each has to be told."""
    users = [ours.signed_in(f"stream{n}@example.com") for n in range(max(1, count // 10))]
    admin = ours.token(ADMIN, ours.admin_password)
    tokens = [users[n % len(users)] for n in range(count - 1)] + [admin]
    with _open_streams(ours, tokens) as process:
        made: dict[str, list[str]] = {user: [] for user in users}
        began = time.monotonic()
        for n in range(created):
            user = users[n % len(users)]
            made[user].append(_create(ours, user))
            time.sleep(max(0.0, began + n * 60 / created - time.monotonic()))
        elapsed = time.monotonic() - began
        time.sleep(3)
        told = _close(process)
    expected = [[task for tasks in made.values() for task in tasks]]
    wanted = [made[token] for token in tokens[:-1]] + expected
    missed = sum(len(set(want) - set(got)) for want, got in zip(wanted, told, strict=True))
    twice = sum(len(got) - len(set(got)) for got in told)
    return [
        bounded(f"{created:,} tasks made, {count} streams open", elapsed, "s", 60),
        none_allowed("of their events missed by a stream", missed, "events"),
        none_allowed("of their events told twice", twice, "events"),
        Figure("events that were told", sum(len(got) for got in told), "events"),
    ]


def _create(ours: Served, token: str) -> str:
    body = json.loads(_RECIPE) | {"source": {"url": "https://example.com/a.jpg"}}
    found: str = ours.call("/v1/tasks", body, token)["id"]
    return found


@contextlib.contextmanager
def _open_streams(ours: Served, tokens: list[str]) -> Iterator["subprocess.Popen[str]"]:
    order = streams.Order(ours.port, "/v1/events", tokens)
    with subprocess.Popen(
        [sys.executable, streams.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin  # noqa: S101  # a pipe
        assert process.stdout  # noqa: S101  # a pipe
        process.stdin.write(json.dumps(asdict(order)) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "open\n":
            raise RuntimeError("the streams could not be opened")
        yield process


def _close(process: "subprocess.Popen[str]") -> list[list[str]]:
    output, _ = process.communicate("\n", timeout=60)
    told: list[list[str]] = json.loads(output)["tasks"]
    return told


def _long_upload(ours: Served, megabytes: int) -> list[Figure]:
    token = ours.signed_in(f"long{megabytes}@example.com")
    head, tail = _multipart(ours, token, b"\xff\xd8\xff\xe0\0\2\0|\xff\xd9").split(b"|")
    head_of_request, _, head_of_body = head.partition(b"\r\n\r\n")
    chunk = os.urandom(_MB)
    length = len(head_of_body) + len(tail) + megabytes * _MB
    lines = head_of_request.decode().split("\r\n")
    lines = [f"Content-Length: {length}" if "Length" in line else line for line in lines]

    async def sent() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", ours.port)
        writer.write("\r\n".join([*lines, "", ""]).encode() + head_of_body)
        for _ in range(megabytes):
            writer.write(chunk)
            await writer.drain()
        writer.write(tail)
        status = await reader.readline()
        writer.close()
        return status

    before = ours.memory("VmRSS")
    began = time.monotonic()
    status = asyncio.run(sent())
    elapsed = time.monotonic() - began
    if b" 202 " not in status:
        raise RuntimeError(f"the upload was refused: {status.decode()}")
    return [
        bounded(f"upload of {megabytes:,} MB, most memory", ours.memory("VmHWM") / _MB, "MB", 150),
        Figure("the same, before it", before / _MB, "MB"),
        Figure("the same, at", megabytes / elapsed, "MB/s"),
    ]
