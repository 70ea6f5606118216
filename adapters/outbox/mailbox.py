"""The local mailbox: one readable file per notification in a folder, for as long as nothing carries them further.

A file appears whole or not at all, under the notification's own name, so that delivering it twice leaves one. Must not
hold anything but what the notification holds, and the plain words of its event.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from domain.london import LONDON
from domain.messages import EVENTS
from domain.ports import Notification

_ARRIVED, _BEING_WRITTEN = "new", "tmp"
_PRIVATE: Final = 0o700


class LocalMailbox:
    """A folder in the manner of a Maildir. It is made when the first notification is delivered."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory
        self._durable = durable

    async def deliver(self, notification: Notification) -> None:
        """Write the file, unless it is there. Raises: OSError."""
        await asyncio.to_thread(self._write, notification)

    async def read(self, *, to: str | None = None, case_id: UUID | None = None) -> list[Notification]:
        """What has arrived, in the order of time; all of it, or only to a role, an agency or a key worker's id."""
        found = await asyncio.to_thread(lambda: list(self._all()))
        return [
            one
            for one in found
            if (to is None or to in (one.to, one.agency, str(one.worker_id)))
            and (case_id is None or one.case_id == case_id)
        ]

    def _write(self, notification: Notification) -> None:
        arrived = self.directory / _ARRIVED / _name(notification)
        if arrived.exists():
            return
        for folder in (_BEING_WRITTEN, _ARRIVED):
            (self.directory / folder).mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        written = self.directory / _BEING_WRITTEN / f"{_name(notification)}.{uuid4().hex}"
        with written.open("w", encoding="utf-8") as file:
            file.write(_letter(notification))
            if self._durable:
                file.flush()
                os.fsync(file.fileno())
        written.replace(arrived)

    def _all(self) -> Iterator[Notification]:
        with contextlib.suppress(FileNotFoundError):
            for file in sorted((self.directory / _ARRIVED).iterdir()):
                yield _read(file.read_text(encoding="utf-8"))


class MemoryMailbox:
    """A mailbox that leaves nothing behind, for stories that are played and gone."""

    def __init__(self) -> None:
        self._arrived: dict[UUID, Notification] = {}

    async def deliver(self, notification: Notification) -> None:
        """Keep it, once."""
        self._arrived.setdefault(notification.message_id, notification)


def _name(notification: Notification) -> str:
    return f"{notification.at:%Y%m%dT%H%M%S}-{notification.message_id}"


def _letter(notification: Notification) -> str:
    about = EVENTS.get(notification.about)
    words = " ".join((about.__doc__ or "").split()) if about else notification.about
    headers = {
        "Message": notification.message_id,
        "To": notification.to,
        "Agency": notification.agency,
        "Worker": notification.worker_id,
        "Date": notification.at.astimezone(LONDON).isoformat(),
        "About": notification.about,
        "Case": notification.case_id,
        "Meeting": notification.meeting_id,
        "Correlation": notification.correlation_id,
    }
    # A value stays on its line, whatever somebody called their agency.
    lines = [
        f"{name}: {' '.join(str(value).split())}" for name, value in headers.items() if value is not None
    ]
    return "\n".join([*lines, "", words, ""])


def _read(letter: str) -> Notification:
    head = letter.partition("\n\n")[0]
    said = dict(line.split(": ", 1) for line in head.splitlines())
    return Notification(
        message_id=UUID(said["Message"]),
        to=said["To"],
        about=said["About"],
        agency=said.get("Agency"),
        worker_id=_uuid(said.get("Worker")),
        case_id=_uuid(said.get("Case")),
        meeting_id=_uuid(said.get("Meeting")),
        at=datetime.fromisoformat(said["Date"]),
        correlation_id=UUID(said["Correlation"]),
    )


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
