"""Logins to be looked at again: kept, looked at once, each reset given once; one guard at a time does it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest

from stanch.cases.database import Database, open_database
from stanch.cases.erase import erase_rows
from stanch.cases.late_looks import add_looks, finish_looks, list_due, trim_looks
from stanch.cases.leases import drop_lease, take_lease
from stanch.cases.resets import KeptReset, list_resets
from stanch.evidence.erasing import Erasing
from stanch.guard.guard import Context
from stanch.guard.keys import Keys
from stanch.guard.late import LOOKS_S, Look, plan_look

NOW_S = 1_790_000_000
S = 1_000_000


def make_look(account: str, login_s: int = NOW_S, stage: int = 0) -> Look:
    keys = Keys(1, 2, 3, 4, 5, 6, 2**64 - 1)
    levels = (0, 1, 2, 3, 4, 5, 6, 7)
    context = Context(
        login_s, "203.0.113.9", account, keys, levels, -1.5, "allow", 1, 0, False, 3, 2, 0, False, False
    )
    return plan_look(context, stage)


def make_reset(look: Look) -> KeptReset:
    return KeptReset(look.context.account, look.context.time_s * S, NOW_S * S, 0.9, "why", simulated=True)


def list_accounts(database: Database) -> list[str]:
    with database.read() as connection:
        return [reset.account for _, reset in list_resets(connection, 0, 1_000)]


def list_waiting(database: Database, now_s: int, most: int = 1_000) -> dict[int, Look]:
    with database.read() as connection:
        return list_due(connection, now_s, most)


def test_what_waits_is_there_as_it_was_when_it_is_due(database: Database) -> None:
    looks = [make_look("ann", NOW_S - 100), make_look("bob", NOW_S), make_look("eve", NOW_S + 1)]
    database.write(lambda c: add_looks(c, looks))
    assert list(list_waiting(database, NOW_S + LOOKS_S[0]).values()) == looks[:2]
    assert list(list_waiting(database, NOW_S + LOOKS_S[0], most=1).values()) == looks[:1]
    assert list_waiting(database, NOW_S) == {}


def test_a_look_put_off_by_a_clock_that_was_ahead_is_done(database: Database) -> None:
    database.write(lambda c: add_looks(c, [make_look("ann", NOW_S + 400 * 86_400)]))
    assert len(list_waiting(database, NOW_S)) == 1


@pytest.fixture
def pair(database: Database, url: str) -> Iterator[tuple[Database, Database]]:
    """The database as two guards have it open."""
    with closing(open_database(url)) as other:
        yield database, other


def test_two_guards_that_look_at_the_same_logins_give_each_reset_once(
    pair: tuple[Database, Database],
) -> None:
    database = pair[0]
    looks = [make_look(f"customer{n}", NOW_S - n) for n in range(60)]
    database.write(lambda c: add_looks(c, looks))
    due = list_waiting(database, NOW_S + LOOKS_S[0])
    found = {number: make_reset(look) for number, look in due.items()}

    def finish(guard: Database) -> set[int]:
        return guard.write(lambda c: finish_looks(c, found))

    with ThreadPoolExecutor(2) as pool:
        mine = list(pool.map(finish, pair))
    assert mine[0] | mine[1] == set(due)
    assert not mine[0] & mine[1]
    assert sorted(list_accounts(database)) == sorted(look.context.account for look in looks)
    assert list_waiting(database, NOW_S + 10 * 86_400) == {}


def test_what_is_not_reset_waits_for_its_next_look_or_goes(database: Database) -> None:
    database.write(lambda c: add_looks(c, [make_look("ann"), make_look("bob")]))
    due = list_waiting(database, NOW_S + LOOKS_S[0])
    further = make_look("ann", stage=1)
    database.write(lambda c: finish_looks(c, dict(zip(due, (further, None), strict=True))))
    assert list(list_waiting(database, NOW_S + LOOKS_S[1]).values()) == [further]
    assert list_accounts(database) == []


def test_of_too_many_those_that_came_first_go(database: Database) -> None:
    database.write(lambda c: add_looks(c, [make_look(f"customer{n}") for n in range(30)]))
    assert database.write(lambda c: trim_looks(c, 20)) == 10
    assert database.write(lambda c: trim_looks(c, 20)) == 0
    left = [look.context.account for look in list_waiting(database, NOW_S + LOOKS_S[0]).values()]
    assert left == [f"customer{n}" for n in range(10, 30)]


def test_a_person_s_and_old_ones_are_erased(database: Database) -> None:
    database.write(
        lambda c: add_looks(c, [make_look("ann"), make_look("bob"), make_look("eve", NOW_S - 86_400)])
    )

    def erase(erasing: Erasing) -> int:
        return database.write(lambda c: erase_rows(c, erasing, write=True))["late_looks"]

    assert erase(Erasing(subject="ann")) == 1
    assert erase(Erasing(before=datetime.fromtimestamp(NOW_S, UTC))) == 1
    left = [look.context.account for look in list_waiting(database, NOW_S + LOOKS_S[0]).values()]
    assert left == ["bob"]


@pytest.fixture
def take(database: Database) -> Callable[[str, int], bool]:
    return lambda holder, now_us: database.write(lambda c: take_lease(c, "duty", holder, now_us, 10 * S))


def test_one_holds_the_lease_until_it_says_no_more(take: Callable[[str, int], bool]) -> None:
    assert take("one", 0)
    assert not take("other", 9 * S)
    assert take("one", 9 * S), "renewed"
    assert not take("other", 18 * S)
    assert take("other", 19 * S), "the holder is gone"
    assert not take("one", 20 * S)


def test_a_lease_that_is_left_or_was_dated_wrongly_is_free(
    database: Database, take: Callable[[str, int], bool]
) -> None:
    assert take("one", 0)
    database.write(lambda c: drop_lease(c, "duty", "other"))
    assert not take("other", 0), "only the holder leaves it"
    database.write(lambda c: drop_lease(c, "duty", "one"))
    assert take("other", 400 * 86_400 * S)
    assert take("one", 0), "the clock was ahead"


def test_of_two_who_want_it_at_once_one_gets_it(pair: tuple[Database, Database]) -> None:
    for n in range(10):
        name = f"duty{n}"

        def take(guard: Database, name: str = name) -> bool:
            return guard.write(lambda c: take_lease(c, name, str(id(guard)), 0, S))

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(take, pair)) == 1
