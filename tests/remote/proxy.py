"""A proxy between the program and a server, which breaks what passes through it by a seeded schedule.

It speaks enough of HTTP/1.1 for object stores: requests without bodies, responses with a length or in chunks. What it
does to a request depends on the seed, the request's path and how often that path was asked for, not on time: a test
that fails fails again.
"""

import asyncio
import hashlib
import threading
from dataclasses import dataclass, field


@dataclass
class Faults:
    """The shares of requests, in 0..1, that meet each fault, and the paths that are lost for good."""

    seed: int = 0
    drop: float = 0.0
    """The connection is closed without an answer."""
    throttle: float = 0.0
    """503 with `Retry-After`."""
    truncate: float = 0.0
    """The connection is closed within the body."""
    cut: float = 0.0
    """The body is cut, and its length is told as if it were whole."""
    lost: frozenset[str] = frozenset()
    """Ends of paths that are listed, and answered with 404."""
    broken: frozenset[str] = frozenset()
    """Ends of paths that are answered with 503 for ever."""
    delay: float = 0.0
    """Seconds before each answer."""
    most: int = 3
    """The number of faults that one path meets, so that every path succeeds in the end."""


@dataclass
class Proxy:
    """Listens on loopback until it is closed; `counts` says how often each fault was met."""

    upstream: int
    faults: Faults = field(default_factory=Faults)
    counts: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader, writer):
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader, writer):
        """Answers one request; returns whether the connection stays open."""
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode()
        self.paths.append(path)
        await asyncio.sleep(self.faults.delay)
        fault = self._fault(path)
        self.counts[fault] = self.counts.get(fault, 0) + 1
        if fault == "drop":
            return False
        if fault in ("throttle", "broken"):
            return await _send(writer, b"503 Slow Down", b"<Error><Code>SlowDown</Code></Error>", b"Retry-After: 0\r\n")
        if fault == "lost":
            return await _send(writer, b"404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>")
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            up_writer.write(_closing(head))
            await up_writer.drain()
            answer = await up_reader.readuntil(b"\r\n\r\n")
            body = await up_reader.read()
        finally:
            up_writer.close()
        return await _forward(writer, answer, body, fault)

    def _fault(self, path):
        plain = path.split("?")[0]
        for ends, name in ((self.faults.lost, "lost"), (self.faults.broken, "broken")):
            if any(plain.endswith(end) for end in ends):
                return name
        count = self.asked[path] = self.asked.get(path, 0) + 1
        if count > self.faults.most:
            return "none"
        digest = hashlib.sha256(f"{self.faults.seed} {count} {path}".encode()).digest()
        number = int.from_bytes(digest[:8], "big") / 2**64
        for name in ("drop", "throttle", "truncate", "cut"):
            share = getattr(self.faults, name)
            if number < share:
                return name
            number -= share
        return "none"


def _closing(head):
    """The request with `Connection: close`, so that the end of its answer is the end of the connection."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith((b"connection:", b"keep-alive:"))]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


async def _send(writer, status, body, headers=b""):
    writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), headers, body))
    await writer.drain()
    return True


async def _forward(writer, answer, body, fault):
    """Passes an answer on, or a part of it."""
    lines = answer.removesuffix(b"\r\n\r\n").split(b"\r\n")
    dropped = (b"connection:", b"keep-alive:")
    lines = [line for line in lines if not line.lower().startswith(dropped)]
    half = body[: len(body) // 2]
    if fault == "cut":
        lines = [line for line in lines if not line.lower().startswith((b"content-length:", b"transfer-encoding:"))]
        lines.append(b"Content-Length: %d" % len(half))
        body = half
    writer.write(b"\r\n".join([*lines, b"", b""]) + (half if fault == "truncate" else body))
    await writer.drain()
    return fault != "truncate"
