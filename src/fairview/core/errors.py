"""One error tree, sorted by what the caller must do. The table fixes each outcome once."""

from __future__ import annotations

from dataclasses import dataclass


class FairviewError(Exception):
    """Anything we raise on purpose. The message says what happened, to what, and what to do."""


class BadInput(FairviewError):
    """Fix the request."""


class NotAllowed(FairviewError):
    """Ask someone who may."""


class NotFound(FairviewError):
    """Look elsewhere. Also what a stranger hears about things that are not theirs."""


class Conflict(FairviewError):
    """Read again, then try again."""


class Overloaded(FairviewError):
    """Slow down and come back."""


class Unavailable(FairviewError):
    """Wait, then retry with growing waits."""


class Corrupt(FairviewError):
    """Stop, keep the bytes, call a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one kind of error shows at each edge."""

    name: str
    http_status: int
    exit_code: int
    log_level: str


OUTCOMES: dict[type[FairviewError], Outcome] = {
    BadInput: Outcome(name="bad_input", http_status=400, exit_code=2, log_level="debug"),
    NotAllowed: Outcome(name="not_allowed", http_status=403, exit_code=3, log_level="info"),
    NotFound: Outcome(name="not_found", http_status=404, exit_code=4, log_level="debug"),
    Conflict: Outcome(name="conflict", http_status=409, exit_code=5, log_level="info"),
    Overloaded: Outcome(name="overloaded", http_status=503, exit_code=6, log_level="warning"),
    Unavailable: Outcome(name="unavailable", http_status=503, exit_code=7, log_level="warning"),
    Corrupt: Outcome(name="corrupt", http_status=500, exit_code=8, log_level="error"),
}


def outcome_of(error: FairviewError) -> Outcome:
    """The table's row for an error, by its nearest listed class.

    Errors:  AssertionError for a class outside the tree, which is our own mistake.
    """
    for kind in type(error).__mro__:
        if kind in OUTCOMES:
            return OUTCOMES[kind]
    raise AssertionError(f"{type(error).__name__} is not in the error table")


def error_named(name: str, message: str) -> FairviewError:
    """The error a process on the other side of a local socket raised, rebuilt by its name."""
    for kind, outcome in OUTCOMES.items():
        if outcome.name == name:
            return kind(message)
    raise AssertionError(f"no error is called {name}")
