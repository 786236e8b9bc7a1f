"""Connections that are kept waiting are ended, so that nobody who sends half a request keeps others out."""

import asyncio
import time
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 15.0  # seconds for a whole request, headers and body
MOST = 64  # connections; a page has up to six, and a process often 256 handles


class Connection(H11Protocol):
    """One connection of uvicorn; of too many, the one that has waited longest for its request is ended."""

    patience = PATIENCE
    most = MOST

    _since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()
        ours = [other for other in self.connections if isinstance(other, Connection)]
        if len(ours) > self.most:
            min((other for other in ours if other._waits), key=lambda other: other._since)._end()

    def data_received(self, data: bytes) -> None:
        """Wait no longer once the request is whole."""
        super().data_received(data)
        if self._waits:
            self._wait()
        else:
            self._since = time.monotonic()
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _waits(self) -> bool:
        """Whether no whole request is here: the first, or the next one of a page that was answered."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def _wait(self) -> None:
        if self._timer is None:
            self._since = time.monotonic()
            self._timer = self.loop.call_later(self.patience, self._end)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._stop_waiting()
        self.transport.abort()
