"""What can go wrong between the product and its event log, one class per cause, in the shape of domain errors.

They are not domain errors: nothing was refused. A retryable one may be tried again with the same command id, since
an id that was carried out is answered and not carried out twice. No message or attribute holds personal data, so a
database's own words, which may quote a row, are never passed on.
"""

from __future__ import annotations

from typing import ClassVar

from domain.errors import RuleBroken


class LogError(Exception):
    """The event log cannot be used."""

    code: ClassVar[str] = "log_error"
    retryable: ClassVar[bool] = False

    def __init__(self, **data: object) -> None:
        self.data = data
        super().__init__(" ".join((self.__doc__ or self.code).split()).format(**data))


class LogUnavailable(LogError):
    """The event log's database cannot be reached, or does not answer ({cause}); try the same command again in a moment."""

    code = "log_unavailable"
    retryable = True


class LogBusy(LogError):
    """Too many commands wait to be written ({waiting}), and this one was not; try the same command again in a moment."""

    code = "log_busy"
    retryable = True


class LogNotReady(LogError):
    """This database is not set up for the product ({cause}); run the migrations, and make its login a member of ccp_app."""

    code = "log_not_ready"


class LogDefect(LogError):
    """The event log's database refused a statement ({cause}); this is a defect of the program or of its set-up."""

    code = "log_defect"


class UnknownTopic(LogError):
    """The log holds an event of topic {topic} at position {position}, which this release does not know; use a newer one."""

    code = "topic_unknown"


class NewerSchema(LogError):
    """The event {topic} at position {position} is of version {stored}, this release knows up to {known}; use a newer one."""

    code = "schema_newer"


class UnreadableEvent(LogError):
    """The event {topic} at position {position} does not fit its definition; at fault: {fields}."""

    code = "event_unreadable"


class MigrationError(LogError):
    """The database cannot be brought up to date: {cause}."""

    code = "migration_failed"


class TextHasNul(RuleBroken):
    """A text of this step holds the character NUL, which no record can keep; leave it out."""

    code = "text_has_nul"
