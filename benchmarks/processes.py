"""A worker process: started, asked within a time and a memory limit, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.machine import resident_bytes

__all__ = ["Worker", "WorkerLost"]

LOOK_SECONDS = 0.25  # between two looks at how much memory a worker holds
QUIT_SECONDS = 3.0


class WorkerLost(Exception):
    """A worker crashed, took too long or too much memory, and is ended; `status` says which."""

    def __init__(self, status: str, note: str) -> None:
        super().__init__(note)
        self.status = status


class Worker:
    """One process that answers requests, one line of JSON each.

    It has a session of its own, so Ctrl-C reaches the harness alone, which then ends it. Standard
    error is kept in a file for the note of a crash.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], most_bytes: int
    ) -> None:
        self._most_bytes = most_bytes
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **environment},
            start_new_session=True,
        )

    def ask(self, request: Mapping[str, Any], limit: float) -> dict[str, Any]:
        """The answer to a request.

        Raises WorkerLost if the worker ends instead, or has not answered after `limit` seconds, or
        holds more memory than it may; it is ended then.
        """
        line = json.dumps({**request, "limit": limit}) + "\n"
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(line.encode())
            stdin.flush()
        except BrokenPipeError:
            raise self._lost("crashed", "it ended before it was asked") from None
        answer: dict[str, Any] = json.loads(self._read_line(limit))
        return answer

    def close(self) -> None:
        """End the process, kindly first."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended with a request unread
                process.stdin.close()
        try:
            process.wait(QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._errors.close()

    def _read_line(self, limit: float) -> bytes:
        assert self._process.stdout is not None
        source = self._process.stdout.fileno()
        received = b""
        deadline = time.monotonic() + limit
        while not received.endswith(b"\n"):
            if select.select([source], [], [], LOOK_SECONDS)[0]:
                piece = os.read(source, 65536)
                if not piece:
                    raise self._lost("crashed", self._last_words())
                received += piece
            elif time.monotonic() > deadline:
                raise self._lost("timeout", f"no answer within {limit:.0f} s")
            elif (resident_bytes(self._process.pid) or 0) > self._most_bytes:
                raise self._lost("memory", f"more than {self._most_bytes / 2**30:.1f} GiB held")
        return received

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        ended = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{ended}: {lines[-1][:300]}" if lines else ended

    def _lost(self, status: str, note: str) -> WorkerLost:
        self._process.kill()
        self.close()
        return WorkerLost(status, note)
