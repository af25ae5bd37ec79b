"""uvicorn's HTTP protocol with the limits that it lacks: slow requests, long headers, slow readers."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 << 10
LEAST_BODY_BYTES = 64 << 10
"""What a body must bring in every period, or it is a client that holds the connection and nothing else."""


def http_protocol(seconds: float) -> type[HttpToolsProtocol]:
    """A protocol class for uvicorn.

    Args:
      seconds: The period in which headers must be complete, a body go on, and an answer be taken.
    """

    class LimitedProtocol(HttpToolsProtocol):
        """One connection."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._reading: asyncio.TimerHandle | None = None
            self._writing: asyncio.TimerHandle | None = None
            self._in_message = self._in_headers = False
            self._bytes = 0  # since the message or the period began
            self._unsent = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._reading = self.loop.call_later(seconds, self._reading_time_over)

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._reading, self._writing):
                if timer is not None:
                    timer.cancel()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            self._bytes += len(data)
            super().data_received(data)
            if not self._in_message:
                if self._reading is not None:
                    self._reading.cancel()
                    self._reading = None
            elif self._in_headers and self._bytes > MAX_HEADER_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")
            elif self._reading is None:
                self._reading = self.loop.call_later(seconds, self._reading_time_over)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_message = self._in_headers = True
            self._bytes = 0

        def on_headers_complete(self) -> None:
            self._in_headers = False
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._in_message = False
            super().on_message_complete()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._unsent = self.transport.get_write_buffer_size()
            self._writing = self.loop.call_later(seconds, self._writing_time_over)

        def resume_writing(self) -> None:
            if self._writing is not None:
                self._writing.cancel()
                self._writing = None
            super().resume_writing()

        def _reading_time_over(self) -> None:
            self._reading = None
            if not self._in_message:
                self.transport.close()  # connected and said nothing
            elif self._in_headers or self._bytes < LEAST_BODY_BYTES:
                self._refuse(b"408 Request Timeout")
            else:
                self._bytes = 0
                self._reading = self.loop.call_later(seconds, self._reading_time_over)

        def _writing_time_over(self) -> None:
            unsent = self.transport.get_write_buffer_size()
            if unsent >= self._unsent:
                self.transport.abort()  # the client takes nothing of its answer
            else:
                self._unsent = unsent
                self._writing = self.loop.call_later(seconds, self._writing_time_over)

        def _refuse(self, status: bytes) -> None:
            if not self.transport.is_closing():
                self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                self.transport.close()

    return LimitedProtocol
