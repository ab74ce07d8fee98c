"""What it means that something could not be observed.

A client that gets no usable answer raises `CouldNotObserve`; whoever asked turns that into INCONCLUSIVE (or,
where the promise is that an answer comes at all, into FAIL). It is never swallowed and never shown as a
trace.
"""

from __future__ import annotations

from enum import StrEnum


class Trouble(StrEnum):
    """Why nothing could be observed; the values stand in reports and do not change."""

    REFUSED = "refused"
    """Nothing listens at that address and port."""
    UNREACHABLE = "unreachable"
    """The network does not lead there (no route, network down, not permitted)."""
    NAME_NOT_FOUND = "name_not_found"
    """The host name does not resolve."""
    TLS = "tls"
    """No TLS, or a certificate that does not verify."""
    TIMED_OUT = "timed_out"
    """The exchange as a whole took longer than it may."""
    TOO_LARGE = "too_large"
    """The body, or what it unpacks to, is larger than it may be."""
    REDIRECT_LOOP = "redirect_loop"
    """More redirects than are followed, or back to a place already visited."""
    FOREIGN_REDIRECT = "foreign_redirect"
    """A redirect to another scheme, host or port; it is not followed."""
    NOT_HTTP = "not_http"
    """Something answers that does not speak HTTP, or speaks it wrongly."""
    BROKEN_OFF = "broken_off"
    """The connection ended before the answer was complete."""
    BAD_ENCODING = "bad_encoding"
    """The body is compressed in a way that was not asked for or does not unpack."""
    CREDENTIAL = "credential"
    """The request takes a credential that the platform has refused already; it was not sent."""
    BUDGET = "budget"
    """The run has sent as many requests to the platform as the contract allows."""
    DEADLINE = "deadline"
    """The time for the whole run was over."""
    BAD_URL = "bad_url"
    """The URL cannot be asked at all."""
    NOT_JSON = "not_json"
    """The answer is not the JSON that was promised."""
    NOT_TEXT = "not_text"
    """The answer is not text in the character set it claims."""
    ERROR_ANSWER = "error_answer"
    """The service answered in its own form that it cannot do what was asked."""
    NO_SUCH_ROUTE = "no_such_route"
    """The service does not know the path; the contract may name another."""
    UNEXPECTED_ANSWER = "unexpected_answer"
    """A well-formed answer without the fields it should have: most likely another service."""


class RefusedError(Exception):
    """The run is not done (exit code 11); the text says why not, and what would have to change."""


class CouldNotObserve(Exception):  # noqa: N818 - the project's word for it, in verdicts and reports
    """Nothing could be observed, and why.

    `asked` is what was asked of whom ("GET http://host:1/health"), `came_back` what happened instead of an
    answer, `hint` what to do about it; `sentence`, which is also the text of the exception, has all three. `blocked_by`
    is the promise that has reported the cause already.
    The texts hold no secrets: clients mask them before they raise.
    """

    def __init__(self, trouble: Trouble, *, asked: str, came_back: str, hint: str, blocked_by: str = "") -> None:
        super().__init__(trouble, asked, came_back, hint, blocked_by)
        self.trouble = trouble
        self.asked = asked
        self.came_back = came_back
        self.hint = hint
        self.blocked_by = blocked_by

    @property
    def sentence(self) -> str:
        """What was asked, of whom, what came back, and what to do."""
        return f"{self.asked}: {self.came_back.rstrip('.')}. {self.hint.rstrip('.')}."

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling, although the constructor takes keywords."""
        return _rebuild, (self.trouble, self.asked, self.came_back, self.hint, self.blocked_by)


def _rebuild(trouble: Trouble, asked: str, came_back: str, hint: str, blocked_by: str) -> CouldNotObserve:
    return CouldNotObserve(trouble, asked=asked, came_back=came_back, hint=hint, blocked_by=blocked_by)
