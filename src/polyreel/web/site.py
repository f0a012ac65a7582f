"""What the pages of one process share."""

from collections.abc import Sequence

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from polyreel.core.delivery import Tickets
from polyreel.core.ingest import UploadLimits
from polyreel.core.options import Options, OptionsCache
from polyreel.core.users import PASSWORDS, Actor, Passwords
from polyreel.http.auth import actor_by_cookie
from polyreel.http.middleware import Scope
from polyreel.http.operations import Api
from polyreel.http.options import public_urls
from polyreel.http.player import must_solve_captcha, player_cookies
from polyreel.http.throttle import LoginThrottle, Throttle
from polyreel.infra.tools import Tools
from polyreel.web.api_document import ApiDocument
from polyreel.web.asking import client_of

__all__ = ["OurSite", "Site"]


class Site:
    """Tools, and what is made once from them. Handlers ask for it by the name `site`."""

    def __init__(
        self,
        tools: Tools,
        *,
        options: OptionsCache | None = None,
        logins: LoginThrottle | None = None,
        passwords: Passwords = PASSWORDS,
        apis: Sequence[Api] = (),
    ) -> None:
        self.tools = tools
        self.settings = tools.settings
        self.db = tools.db
        self.api_document = ApiDocument(apis)
        self.logins = logins or LoginThrottle()
        self.passwords = passwords
        self.uploads = Throttle(burst=120, every_s=1)
        # Each try asks another server.
        self.captchas = Throttle(burst=20, every_s=3)
        self._owns_options = options is None
        self._options = options or OptionsCache(tools.db)
        # As last read: pages of errors are made in the event loop, which does not wait for a database.
        self.app_name = Options().app_name
        self._tickets = Tickets(tools.secrets.key("media tickets"))

    @property
    def options(self) -> Options:
        """The options of this moment."""
        return self._options.current()

    @property
    def public_urls(self) -> list[str]:
        """The addresses of this server as last read, the best first; it may know none."""
        return public_urls(self._options, self.settings)

    @property
    def upload_limits(self) -> UploadLimits:
        """How large an upload may be."""
        return UploadLimits(
            max_bytes=self.settings.upload_max_bytes, min_free_bytes=self.settings.min_free_bytes
        )

    def must_solve_captcha(self, scope: Scope, actor: Actor | None, owner_id: int) -> bool:
        """Whether this viewer has to, before they get the player of that person's video."""
        return must_solve_captcha(self.options, self.tools.secrets, scope, actor, owner_id)

    def ticket_headers(self, scope: Scope, uuid: str, policy_version: int) -> list[tuple[str, str]]:
        """The headers that let the browser fetch a video's media for some hours."""
        ticket = self._tickets.issue(uuid, policy_version)
        is_https = client_of(scope).scheme == "https"
        return [("set-cookie", text) for text in player_cookies(ticket, uuid, is_https=is_https)]

    def authenticate(self, tools: Tools, scope: Scope) -> Actor | None:
        """The person of the session cookie. Raises Forbidden for what another site's page sent."""
        self.app_name = self.options.app_name
        with tools.db.read() as tx:
            return actor_by_cookie(
                tx,
                scope["headers"],
                client_of(scope),
                scope["method"],
                base_urls=self.public_urls,
            )

    def close(self) -> None:
        """Stop listening for changed options."""
        if self._owns_options:
            self._options.close()


OurSite = SkipValidation[NamedDependency[Site]]
"""How a handler asks for `site`."""
