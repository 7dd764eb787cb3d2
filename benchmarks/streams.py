"""Many streams of events, held open in a process of its own, and what each of them was told.

A stream is one connection that reads `GET /v1/events`. The process says `open` when all are, and at
the end of its input how many tasks each stream was told to have been created.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Final

_CREATED: Final = "task.created"


@dataclass(frozen=True)
class Order:
    """Which streams to open."""

    port: int
    path: str
    tokens: list[str]
    """One for each stream."""


@dataclass(frozen=True)
class Told:
    """What the streams were told."""

    tasks: list[list[str]]
    """Of each stream, the ids of the tasks that were created, in the order in which they came."""


async def _read(reader: asyncio.StreamReader, tasks: list[str]) -> None:
    event = ""
    while line := await reader.readline():
        name, _, value = line.decode().strip().partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == _CREATED:
            tasks.append(_task_of(json.loads(value)))


def _task_of(data: dict[str, object]) -> str:
    """Return the task's id, wherever the event has it."""
    inner = data.get("data")
    for place in (data, inner if isinstance(inner, dict) else {}):
        for name in ("task_id", "id", "task"):
            if isinstance(found := place.get(name), str) and found.startswith("task"):
                return found
    return ""


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _opened(order: Order, token: str) -> _Connection:
    reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
    head = [
        f"GET {order.path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Accept: text/event-stream",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode())
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"a stream was refused: {status.decode()}")
    while (await reader.readline()).strip():
        pass
    return reader, writer


async def _hold(order: Order) -> Told:
    told: list[list[str]] = [[] for _ in order.tokens]
    # One after the other: a crowd at the door is not what is measured.
    # A writer that nobody holds closes its connection.
    connections = [await _opened(order, token) for token in order.tokens]
    running = [
        asyncio.create_task(_read(reader, tasks))
        for (reader, _), tasks in zip(connections, told, strict=True)
    ]
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in running:
        task.cancel()
    return Told(told)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_hold(Order(**json.loads(sys.stdin.readline())))))))
