"""A load generator that leaves the core to the server: raw HTTP/1.1 over connections that are kept.

It runs in a process of its own, sends each request's prepared bytes, and of an answer reads the
status and the length. On its own it asks about ten times as fast as the servers that are measured
answer; what it cost is part of its report.
"""

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_END: Final = b"\r\n\r\n"

MARK: Final = b"<what differs-->"
"""Is replaced by other bytes each time: whoever keeps equal files once is to keep each."""


@dataclass(frozen=True)
class Order:
    """What to send, and for how long."""

    host: str
    port: int
    requests: list[str]
    """Files with the bytes of a request each, sent in turn."""
    connections: int
    seconds: float
    status: int
    """What every answer has to be."""


@dataclass(frozen=True)
class Load:
    """What came of it."""

    rate: float
    """Answers a second."""
    p50: float
    p99: float
    """Seconds."""
    others: int
    """Answers of another status."""
    cpu: float
    """Of a core, that the generator itself took."""


class _Connection(asyncio.Protocol):
    def __init__(self, requests: list[bytes], status: int, deadline: float) -> None:
        self._requests = requests
        self._wanted = f"HTTP/1.1 {status} ".encode()
        self._deadline = deadline
        self._next = 0
        self._received = bytearray()
        self._sent_at = 0.0
        self.times: list[float] = []
        self.others = 0
        self.is_over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # TCP
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        before, mark, after = self._requests[self._next % len(self._requests)].partition(MARK)
        self._transport.writelines((before, os.urandom(len(mark)), after))
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(self._received, 0, end + 2)
        if length is None or len(self._received) < end + 4 + int(length[1]):
            return
        now = time.perf_counter()
        self.times.append(now - self._sent_at)
        self.others += not self._received.startswith(self._wanted)
        self._received.clear()
        if now > self._deadline:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        if not self.is_over.done():
            self.is_over.set_result(None)


async def _carry_out(order: Order, requests: list[bytes]) -> Load:
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    connections = [
        (
            await loop.create_connection(
                lambda n=n: _Connection(  # type: ignore[misc]  # a default binds it
                    requests[n:] + requests[:n], order.status, started + order.seconds
                ),
                order.host,
                order.port,
            )
        )[1]
        for n in range(order.connections)
    ]
    await asyncio.gather(*(connection.is_over for connection in connections))
    elapsed = time.perf_counter() - started
    times = sorted(took for connection in connections for took in connection.times)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Load(
        rate=len(times) / elapsed,
        p50=times[len(times) // 2],
        p99=times[len(times) * 99 // 100],
        others=sum(connection.others for connection in connections),
        cpu=(used.ru_utime + used.ru_stime) / elapsed,
    )


def load(order: Order) -> Load:
    """Carry the order out in another process."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(asdict(order)).encode(),
        capture_output=True,
        check=True,
    )
    return Load(**json.loads(done.stdout))


def main() -> None:
    """Carry out the order on standard input."""
    order = Order(**json.load(sys.stdin))
    requests = [Path(file).read_bytes() for file in order.requests]
    print(json.dumps(asdict(asyncio.run(_carry_out(order, requests)))))


if __name__ == "__main__":
    main()
