"""Every format against lines and rows written for it, and what is decided over whole files."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.format_reading import read_bytes
from stanch.errors import UsageError
from stanch.readers.detect import FORMATS, detect_format, format_names, list_formats, open_format
from stanch.readers.settings import ORDER_PATH, WebLogSettings
from stanch.readers.weblog import StatusMeaning

VECTORS = sorted(Path(__file__).with_name("vectors").glob("*/*.log"))
AGENT = "Mozilla/5.0 (X11; Linux x86_64)"


def web_line(second: int, status: int, target: str = "/login", method: str = "POST", **more: str) -> str:
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    peer = more.get("peer", "203.0.113.7 - -")
    extra = more.get("extra", "")
    return (
        f'{peer} [01/Mar/2024:{clock} +0000] "{method} {target} HTTP/1.1" {status} 1 "-" "{AGENT}"{extra}\n'
    )


def outcomes(text: str, **options: object) -> list[str]:
    return [row["outcome"] for row in read_bytes(text.encode(), **options).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("path", VECTORS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_vectors(path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    found = read_bytes(path.read_bytes(), expected["table"])
    assert found.format == expected["format"] == path.parent.name
    assert found.rows == expected["rows"]
    assert {str(line): reason for line, reason in found.rejects.items()} == expected["rejects"]
    assert found.n_other == expected["other"]
    assert sorted(found.notes) == expected["notes"]


def test_every_format_has_vectors_and_a_reference() -> None:
    assert {p.parent.name for p in VECTORS} == set(format_names())
    assert all(reader.reference.startswith("https://") for reader in list_formats())
    assert len(FORMATS) == len(set(format_names()))


@pytest.mark.parametrize("path", VECTORS, ids=lambda p: f"{p.parent.name}-{p.stem}")
@pytest.mark.parametrize("chunk_bytes", [100, 1000])
def test_where_chunks_end_changes_nothing(path: Path, chunk_bytes: int) -> None:
    data = path.read_bytes()
    table = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))["table"]
    whole = read_bytes(data, table)
    cut = read_bytes(data, table, chunk_bytes=chunk_bytes, n_threads=3)
    assert (cut.rows, cut.rejects, cut.n_other, cut.notes) == (
        whole.rows,
        whole.rejects,
        whole.n_other,
        whole.notes,
    )


def test_no_secret_of_a_query_is_kept() -> None:
    line = web_line(0, 200, "/login;jsessionid=S3SSION?user=a%40b.example&password=hunter2#frag")
    found = read_bytes(line.encode())
    assert found.rows[0]["account"] == "a@b.example"
    assert found.rows[0]["path"] == "/login"
    assert not any(secret in str(found.rows) for secret in ("hunter2", "S3SSION"))


# --- what 200 and 302 mean -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "meaning"),
    [
        ({200: 90, 302: 10}, {200: "failure", 302: "success"}),
        ({200: 90, 401: 10}, {200: "success", 401: "failure"}),
        ({302: 90, 401: 10}, {302: "success", 401: "failure"}),
        ({302: 90, 403: 10}, {302: "success", 403: "failure"}),
        # A firewall's 403 beside both does not make the form shown again a success.
        ({200: 80, 302: 10, 403: 10}, {200: "failure", 302: "success", 403: "failure"}),
        ({200: 100}, {200: "unknown"}),
        ({302: 100}, {302: "unknown"}),
        ({204: 50, 422: 50}, {204: "success", 422: "failure"}),
        ({429: 50, 500: 50}, {429: "denied", 500: "unknown"}),
    ],
    ids=str,
)
def test_success_is_told_from_the_mix_of_answers(statuses: dict[int, int], meaning: dict[int, str]) -> None:
    codes = [status for status, n in statuses.items() for _ in range(n)]
    found = outcomes("".join(web_line(i, status) for i, status in enumerate(codes)))
    assert found == [meaning[status] for status in codes]


def test_an_undecidable_mix_is_said_with_the_remedy() -> None:
    found = read_bytes("".join(web_line(i, 200) for i in range(30)).encode())
    assert len(found.notes) == 1
    assert "readers.web.login_success" in next(iter(found.notes))


def test_each_login_page_is_decided_on_its_own() -> None:
    form = [web_line(i, 302 if i % 10 == 0 else 200, "/account/login") for i in range(40)]
    api = [web_line(i, 200 if i % 2 else 401, "/api/sessions") for i in range(40)]
    found = read_bytes("".join(form + api).encode()).rows
    assert {r["outcome"] for r in found if r["line"] in (1, 11)} == {"success"}
    assert {r["outcome"] for r in found[1:10]} == {"failure"}
    assert [r["outcome"] for r in found[40:44]] == ["failure", "success"] * 2


def test_the_settings_overrule_the_mix() -> None:
    text = "".join(web_line(i, status) for i, status in enumerate([200, 302, 401, 418]))
    web = WebLogSettings(login_success=("200",), login_failure=("3xx", "401"))
    assert outcomes(text, web=web) == ["success", "failure", "failure", "unknown"]


def test_the_decision_rests_on_the_first_logins_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StatusMeaning, "N_FIRST", 50)
    first = [web_line(i, 302 if i % 5 == 0 else 200) for i in range(50)]
    later = [web_line(50 + i, 401) for i in range(50)] + [web_line(100, 200)]
    found = [outcomes("".join(first + later), chunk_bytes=size) for size in (500, 1 << 20)]
    assert found[0] == found[1]
    assert found[0][:2] + found[0][-1:] == ["success", "failure", "failure"]


# --- web logs: fields and rules --------------------------------------------------------------


def test_fields_behind_the_user_agent_are_named_by_the_settings() -> None:
    extra = ' 0.012 "198.51.100.1, 203.0.113.50, 10.0.0.1" "s-\\"1" 4711'
    web = WebLogSettings(
        extra_fields=("-", "forwarded", "sid", "user"),
        forwarded_key="forwarded",
        session_key="sid",
        account_key="user",
    )
    (row,) = read_bytes(web_line(0, 401, extra=extra, peer="10.0.0.1 - -").encode(), web=web).rows
    assert (row["ip"], row["session"], row["account"]) == ("203.0.113.50", 's-\\"1', "4711")
    (row,) = read_bytes(web_line(0, 401, extra=extra, peer="10.0.0.1 - -").encode()).rows
    assert row["ip"] == "10.0.0.1"


def test_orders_by_session_field_and_by_rule() -> None:
    web = WebLogSettings(
        order_path=r"^/o/(?P<order>\d+)$",
        order_fields=("name", "address"),
        extra_fields=("sid",),
        session_key="sid",
        staff_path="^/o/",
    )
    text = web_line(0, 200, "/o/12", "GET", extra=" s1") + web_line(1, 200, "/o/13", "GET", peer="::1 - bob")
    first, second = read_bytes(text.encode(), "accesses", web=web).rows
    assert (first["order"], first["session"], first["actor_kind"]) == ("12", "s1", "anonymous")
    assert first["fields"] == "name|address"
    assert (second["actor"], second["actor_kind"]) == ("bob", "staff")


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        ({"login_path": "("}, "login_path"),
        ({"order_path": "/orders/\\d+"}, "order_path"),
        ({"login_success": ("2OO",)}, "login_success"),
        ({"order_fields": ("shoe_size",)}, "order_fields"),
        ({"login_not": "(?=x)"}, "login_not"),
        ({"login_methods": ()}, "login_methods"),
    ],
)
def test_a_rule_that_cannot_be_used_names_its_key(bad: dict[str, object], key: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=key):
        msgspec.convert(bad, WebLogSettings)


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/orders/20150411001", "20150411001"),
        ("/api/v1/orders/ORD-2015-1/items", "ORD-2015-1"),
        ("/sales/order/view/order_id/55/", "55"),
        ("/checkout?step=2&order_id=77", "77"),
        ("/orders/history", None),
        ("/order/success", None),
        ("/reorder/12", None),
        ("/orders/", None),
    ],
)
def test_default_rule_for_orders(path: str, order: str | None) -> None:
    assert pl.Series([path]).str.extract_groups(ORDER_PATH).struct.field("order")[0] == order


@pytest.mark.parametrize(
    ("target", "is_login"),
    [
        *((t, True) for t in ("/login", "/users/sign_in", "/wp-login.php", "/customer/account/loginPost/")),
        *(
            (t, True)
            for t in ("/doLogin", "/session", "/api/v1/sessions", "/Account/Login", "/login/check?x=1")
        ),
        *((t, False) for t in ("/login.css", "/logout", "/blogindex", "/session/keepalive", "/cataloging")),
        *((t, False) for t in ("/wp-login.php?action=lostpassword", "/a?next=/login")),
    ],
)
def test_default_rule_for_logins(target: str, is_login: bool) -> None:
    text = web_line(0, 401, "/login") + web_line(1, 401, target)
    assert len(read_bytes(text.encode()).rows) == 1 + is_login


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["203.0.113.7 - -", "2001:db8::1 - -", "shop:443 203.0.113.7 - -", "10.1.2.3 - a b"]
            ),
            st.sampled_from(
                ["/login", "/login?user=x", "/users/sign_in", "/", "/very/long/way/to/the/login"]
            ),
            st.sampled_from([200, 302, 401, 429]),
            st.sampled_from(["", ' "x"', " 0.1"]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_arithmetic_and_expression_read_lines_alike(cells: list[tuple[str, str, int, str]]) -> None:
    """An escaped quotation mark in the referrer sends a line through the expression instead."""
    usual = [web_line(i, status, target, peer=p, extra=x) for i, (p, target, status, x) in enumerate(cells)]
    odd = [line.replace('"-"', '"\\"-"') for line in usual]
    assert read_bytes("".join(usual).encode(), log_format="combined").rows == (
        read_bytes("".join(odd).encode(), log_format="combined").rows
    )


# --- years ------------------------------------------------------------------------------------


def sshd_line(stamp: str, pid: int) -> str:
    return f"{stamp} web1 sshd[{pid}]: Failed password for root from 203.0.113.7 port 50000 ssh2\n"


def days(stamps: list[str], reference: datetime | None) -> list[str]:
    text = "".join(sshd_line(stamp, 100 + i) for i, stamp in enumerate(stamps))
    return [row["time_us"][:10] for row in read_bytes(text.encode(), reference=reference).rows]


@pytest.mark.parametrize(
    ("stamps", "reference", "expected"),
    [
        (["Dec 30 10:00:00", "Dec 31 23:59:59", "Jan  1 00:00:00"], (2024, 1, 1), ["2023", "2023", "2024"]),
        (["Dec 31 23:59:59", "Jan  1 00:00:00", "Dec 31 23:59:58"], (2024, 1, 5), ["2023", "2024", "2023"]),
        (["Nov 30 10:00:00"], (2024, 3, 1), ["2023"]),
        (["Mar  1 10:00:00"], (2024, 3, 1), ["2024"]),
        # A clock or zone may be hours ahead of the file's date, not days.
        (["Mar  2 08:00:00"], (2024, 3, 1, 20), ["2024"]),
        (["Mar  3 08:00:00"], (2024, 3, 1, 20), ["2023"]),
        # Copied long after: all lines belong together, before the copy was made.
        (["Nov 20 10:00:00", "Nov 30 10:00:00"], (2024, 11, 25), ["2023", "2023"]),
        (["Feb 28 10:00:00", "Feb 29 10:00:00", "Mar  1 10:00:00"], (2026, 6, 1), ["2024"] * 3),
        (["Jun  1 10:00:00", "Jan  1 10:00:00", "Jun  1 10:00:00", "Jan  1 10:00:00"], (2024, 2, 1),
         ["2022", "2023", "2023", "2024"]),
    ],
)  # fmt: skip
def test_years_are_told_from_the_sequence_and_the_reference(
    stamps: list[str], reference: tuple[int, ...], expected: list[str]
) -> None:
    found = days(stamps, datetime(*reference, tzinfo=UTC))  # type: ignore[misc, arg-type]
    assert [day[:4] for day in found] == expected


def test_a_time_without_any_possible_year_is_rejected() -> None:
    data = (sshd_line("Feb 29 10:00:00", 1) + sshd_line("Feb 30 10:00:00", 2)).encode()
    found = read_bytes(data, reference=None)
    assert found.rows == []
    assert set(found.rejects) == {1, 2}
    assert set(read_bytes(data).rejects) == {2}


def test_local_times_are_read_in_the_zone() -> None:
    data = sshd_line("Mar  1 08:00:00", 1).encode()
    assert read_bytes(data, zone="Asia/Shanghai").rows[0]["time_us"] == "2024-03-01T00:00:00Z"


def test_a_made_up_repetition_does_not_fill_the_memory() -> None:
    inner = "Failed password for root from 203.0.113.7 port 1 ssh2"
    data = f"Mar  1 08:00:00 web1 sshd[1]: message repeated 999999999 times: [ {inner}]\n".encode()
    assert len(read_bytes(data).rows) == 10_000


def test_process_ids_are_used_again() -> None:
    hint = "web1 sshd[7]: Invalid user admin from 203.0.113.7 port 1\n"
    data = (f"Mar  1 08:00:00 {hint}Mar  3 08:00:00 {hint}" + sshd_line("Mar  3 08:00:05", 7)).encode()
    assert [row["line"] for row in read_bytes(data).rows] == [1, 3]


# --- detection --------------------------------------------------------------------------------


def test_a_format_is_named_or_told_and_never_guessed() -> None:
    assert detect_format(["hello world", "time,ip,account"], "logins") is None
    assert detect_format([], "logins") is None
    assert detect_format(['{"a": 1}'], "logins") is None
    with pytest.raises(UsageError, match="combined"):
        open_format("nginx", "logins")
    with pytest.raises(UsageError, match="cannot fill accesses"):
        open_format("sshd", "accesses")
