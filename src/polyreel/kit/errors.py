"""The kinds of error the core raises. No status codes here: each dialect has its own table.

AppError
├── Invalid            what was sent makes no sense; `fields` says where
├── Unauthenticated    nobody we know
├── Forbidden          known, but not allowed, and allowed to know that
├── NotFound           missing, or hidden from this person
├── Gone               was here, is no more
├── Conflict           true of the thing now, so it cannot be done
├── TooLarge           over a limit of size
│   └── QuotaExceeded  over this person's storage
├── Unsupported        well-formed, but not something we handle
├── Busy               try again after `retry_after_s`
└── Unavailable        a part we need does not answer; try again after `retry_after_s`
"""

from collections.abc import Mapping, Sequence

__all__ = [
    "AppError",
    "Busy",
    "Conflict",
    "Forbidden",
    "Gone",
    "Invalid",
    "NotFound",
    "QuotaExceeded",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
]


class AppError(Exception):
    """An error a person can act on; `message` is a sentence that may be shown to them."""

    default = "Something went wrong."

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default
        super().__init__(self.message)


class Invalid(AppError):
    """What was sent cannot be used; `fields` maps a field's name to its sentences."""

    default = "The request cannot be understood."

    def __init__(
        self, message: str | None = None, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.fields = {name: list(texts) for name, texts in (fields or {}).items()}
        first = next((texts[0] for texts in self.fields.values() if texts), None)
        super().__init__(message or first)


class Unauthenticated(AppError):
    """The caller did not say who they are, or it was not true."""

    default = "Please sign in."


class Forbidden(AppError):
    """The caller may know of this, but not do it."""

    default = "You are not allowed to do that."


class NotFound(AppError):
    """There is no such thing, or it is not for this caller's eyes."""

    default = "Not found."


class Gone(AppError):
    """It existed and has ended for good."""

    default = "This is gone."


class Conflict(AppError):
    """The state of the thing does not allow it."""

    default = "That is not possible in the present state."


class TooLarge(AppError):
    """Over a limit; `limit_bytes` is the limit where one is known."""

    default = "That is too large."

    def __init__(self, message: str | None = None, limit_bytes: int | None = None) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(message)


class QuotaExceeded(TooLarge):
    """Over a person's storage: `used_bytes` and `limit_bytes` say how far."""

    def __init__(self, used_bytes: int, limit_bytes: int) -> None:
        self.used_bytes = used_bytes
        super().__init__(
            f"storage quota exceeded: {used_bytes}/{limit_bytes} bytes used", limit_bytes
        )


class Unsupported(AppError):
    """Understood, but not something this server handles."""

    default = "This is not supported."


class Busy(AppError):
    """Not now; the caller may come back after `retry_after_s` seconds."""

    default = "Too many requests; please try again shortly."

    def __init__(self, message: str | None = None, retry_after_s: int = 1) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class Unavailable(AppError):
    """Something this needs does not work at the moment; `what` names it.

    The caller may come back after `retry_after_s` seconds.
    """

    def __init__(self, what: str, retry_after_s: int = 5) -> None:
        self.what = what
        self.retry_after_s = retry_after_s
        super().__init__(f"{what} is not available at the moment.")
