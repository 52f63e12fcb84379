"""Settings of the readers: what is a login, and what is a look at an order, in a web server's log."""

from __future__ import annotations

import re
from typing import Annotated, Final

import polars as pl
from msgspec import Meta, Struct, field

from stanch.evidence.tables import FIELDS

#: A word for logging in, as a path segment or a part of one: `/login`, `/users/sign_in`,
#: `/wp-login.php`, `/customer/account/loginPost/`, `/doLogin`; `/session(s)` as the last segment.
#: Not `/login.css`, `/logout`, `/blogindex`.
LOGIN_PATH: Final = (
    r"(?:(?:^|[/._-])(?i:log[-_]?[io]n|sign[-_]?[io]n)|[a-z0-9](?:Log[IiOo]n|Sign[IiOo]n))"
    r"(?:[A-Z/_-][A-Za-z0-9/_-]*)?(?i:\.(?:php|aspx?|jspx?|do|action|cgi|html?|json))?/?$"
    r"|/(?i:sessions?)(?:\.json)?/?$"
)

#: POST to a login page for something else: WordPress resets passwords and registers there.
LOGIN_NOT: Final = r"[?&]action=(?i:lostpassword|retrievepassword|resetpass|rp|register|logout|postpass)"

#: An order number holds a digit. It stands behind `/orders/`, `/view-order/`, `/order/view/id/` and
#: the like, or in a parameter such as `order_id`.
ORDER_PATH: Final = (
    r"(?:/(?i:[a-z]+[-_])?(?i:orders?)(?i:/(?:view|details?|show|print|invoice))?(?i:/(?:order_?)?id)?/"
    r"|[?&](?i:order(?:[-_]?(?:id|no|sn|number))?)=)"
    r"(?P<order>[A-Za-z0-9_-]{0,60}[0-9][A-Za-z0-9_-]{0,60})(?:[/?&#.;]|$)"
)

STAFF_PATH: Final = (
    r"^/(?i:admin|backend|backoffice|back-office|manage|manager|staff|crm|erp|internal)(?:[/_-]|$)"
)

_STATUS = re.compile(r"[1-5](?:\d\d|xx)")


class WebLogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Rules that find logins and looks at orders among the requests of a web server's log.

    Regular expressions are those of Rust's regex crate (https://docs.rs/regex), which reads any
    input in linear time. Paths are matched without the query, `order_path` and `login_not` with it.
    """

    login_methods: Annotated[tuple[str, ...], Meta(description="HTTP methods of a login.", min_length=1)] = (
        "POST",
    )
    login_path: Annotated[str, Meta(description="Regular expression of the path of a login.")] = LOGIN_PATH
    login_not: Annotated[
        str,
        Meta(description="Regular expression of requests to such a path that are no login; empty: none."),
    ] = LOGIN_NOT
    login_success: Annotated[
        tuple[str, ...],
        Meta(
            description="Status codes (302) or classes (2xx) of a login that succeeded; empty: told from"
            " the codes that the log holds, where they tell. If given, 200, 302 and 303 fail unless listed."
        ),
    ] = ()
    login_failure: Annotated[
        tuple[str, ...], Meta(description="Status codes or classes of a login that failed.")
    ] = ("400", "401", "403", "422")
    login_denied: Annotated[
        tuple[str, ...], Meta(description="Status codes or classes of a login that was refused unseen.")
    ] = ("423", "429")
    login_absent: Annotated[
        tuple[str, ...],
        Meta(description="Status codes or classes that mean that there is no such login; not counted."),
    ] = ("404", "405", "410")
    account_parameters: Annotated[
        tuple[str, ...], Meta(description="Query parameters that may hold the account, in order of trust.")
    ] = ("username", "user", "login", "email", "account")
    account_key: Annotated[
        str, Meta(description="JSON key or extra field that holds the account; empty: none.")
    ] = ""
    order_methods: Annotated[
        tuple[str, ...], Meta(description="HTTP methods of a look at an order.", min_length=1)
    ] = ("GET",)
    order_path: Annotated[
        str,
        Meta(description="Regular expression of a look at an order, its number in the group `order`."),
    ] = ORDER_PATH
    order_status: Annotated[
        tuple[str, ...], Meta(description="Status codes or classes with which an order was shown.")
    ] = ("2xx",)
    order_fields: Annotated[
        tuple[str, ...], Meta(description="What an order page shows (words of `fields`); empty: unknown.")
    ] = ()
    staff_path: Annotated[
        str, Meta(description="Regular expression of paths whose signed-in users are staff; empty: none.")
    ] = STAFF_PATH
    actor_key: Annotated[
        str, Meta(description="JSON key or extra field that holds who saw an order; empty: none.")
    ] = ""
    session_key: Annotated[
        str, Meta(description="JSON key or extra field that holds the session; empty: none.")
    ] = ""
    forwarded_key: Annotated[
        str,
        Meta(
            description="JSON key or extra field with X-Forwarded-For, whose last address is the client;"
            " empty: the address that connected. Set it only if a proxy of your own writes that header."
        ),
    ] = ""
    extra_fields: Annotated[
        tuple[str, ...],
        Meta(
            description="Names of the fields behind the user agent in a combined log, in order; - skips one."
        ),
    ] = ()

    def __post_init__(self) -> None:
        """Check what types cannot say.

        Raises:
            ValueError: a regular expression, status, word or group that cannot be used; names the key.
        """
        for key in ("login_path", "login_not", "order_path", "staff_path"):
            _check_pattern(key, getattr(self, key))
        if "(?P<order>" not in self.order_path and "(?<order>" not in self.order_path:
            raise ValueError("order_path: there is no group (?P<order>…) for the order number")
        for key in ("login_success", "login_failure", "login_denied", "login_absent", "order_status"):
            for status in getattr(self, key):
                if not _STATUS.fullmatch(status):
                    raise ValueError(f"{key}: {status!r} is neither a status code (302) nor a class (2xx)")
        for word in self.order_fields:
            if word not in FIELDS:
                raise ValueError(f"order_fields: {word!r} is none of {' '.join(FIELDS)}")


class ReaderSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How files are read."""

    web: WebLogSettings = field(default_factory=WebLogSettings)


def _check_pattern(key: str, pattern: str) -> None:
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        found = re.search(r"error: (.+)", str(error))
        reason = found[1] if found else "it does not compile"
        raise ValueError(f"{key}: not a regular expression: {reason}") from error
