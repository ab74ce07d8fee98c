"""Who may do what: API keys and the administrators' token."""

import hmac

from starlette.requests import Request

from lab.reference.compare import tenant_of
from lab.reference.errors import ApiError, Code
from lab.reference.settings import Settings

ANONYMOUS = "anonymous"


class Access:
    """Looks at the credentials of requests."""

    def __init__(self, settings: Settings) -> None:
        """Know what the settings name."""
        self._settings = settings

    def tenant(self, request: Request) -> str:
        """Give the tenant that a request's key belongs to; raises ApiError 401 for a key that nobody has."""
        key = request.headers.get("X-API-Key")
        if key is None:
            return ANONYMOUS
        # All keys are compared, and each in constant time: the time taken tells nothing about them.
        matches = [known for known in self._settings.api_keys if self.same(known, key)]
        if not matches:
            raise ApiError(401, Code.AUTH_FAILED, "the API key is not known", stage="authenticate")
        return tenant_of(matches[0])

    def check_key(self, request: Request) -> None:
        """Let a request with a known API key pass; raises ApiError 401 for any other."""
        if self.tenant(request) == ANONYMOUS:
            raise ApiError(401, Code.AUTH_FAILED, "X-API-Key is missing", stage="authenticate")

    def check_admin(self, request: Request) -> None:
        """Let a request with the administrators' token pass; raises ApiError 401 without one, 403 for a wrong one."""
        token = request.headers.get("X-Admin-Token")
        if token is None:
            raise ApiError(401, Code.AUTH_FAILED, "X-Admin-Token is missing", stage="authenticate")
        known = self._settings.admin_token
        if known is None or not self.same(known, token):
            raise ApiError(403, Code.AUTH_FAILED, "the admin token is wrong", stage="authenticate")

    def same(self, known: str, given: str) -> bool:
        """Tell whether two credentials are the same, as a whole."""
        return hmac.compare_digest(known.encode("utf-8"), given.encode("utf-8", errors="surrogatepass"))
