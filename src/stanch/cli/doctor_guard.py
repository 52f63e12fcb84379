"""What the doctor finds about the guard: what it enforces, whether it can count, whom it lets alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, get_args

from stanch.cli.doctor_service import Check
from stanch.errors import StanchError
from stanch.guard.settings import GuardSettings, Rule
from stanch.service.settings import ServiceSettings, find_data_dir
from stanch.settings import Settings

#: A table of customers that is fuller will soon forget some of them.
_FULL: Final = 0.8


def check_guard(settings: Settings) -> Iterator[Check]:
    """What keeps the guard from its work, and what it lacks; each with what to do about it."""
    guard, service = settings.guard, settings.service
    yield from _check_rules(guard)
    yield from _check_key(service)
    yield from _check_counting(guard, service)
    yield from _check_lists(service)
    if not service.trusted_proxies and not service.is_https:
        finding = "empty: where a proxy asks or passes pages on, all visitors are it; name it"
        yield Check("note", "service.trusted_proxies", finding)
    if service.notify.webhook and not os.environ.get("STANCH_WEBHOOK_SECRET"):
        yield Check("note", "service.notify", "webhooks are not signed: set STANCH_WEBHOOK_SECRET")


def _check_rules(guard: GuardSettings) -> Iterator[Check]:
    simulated = [rule for rule in get_args(Rule) if rule not in guard.enforce]
    if not simulated:
        yield Check("ok", "guard.enforce", "all rules are enforced")
    else:
        enforced, rest = ", ".join(guard.enforce) or "nothing", ", ".join(simulated)
        finding = f"{enforced} enforced; only simulated: {rest} (next: guard.enforce, if replay looks right)"
        yield Check("note", "guard.enforce", finding)
    choice = guard.on_unavailable
    if choice != "allow" and choice not in guard.enforce:
        finding = f"{choice} is only simulated while the guard cannot judge: add it to guard.enforce"
        yield Check("note", "guard.on_unavailable", finding)
    if "challenge" in guard.enforce and not guard.budget:
        yield Check("note", "guard.budget", "0: nobody is ever challenged; 0.005 is one login in 200")


def _check_key(service: ServiceSettings) -> Iterator[Check]:
    """The key that device cookies and ids of attempts are made with."""
    from stanch.service.secrets import FILE_NAME, load_secrets

    path = find_data_dir(service) / FILE_NAME
    if path.exists():
        try:
            load_secrets(path.parent)
        except StanchError as error:
            yield Check("bad", "service.key", str(error))
        else:
            yield Check("ok", "service.key", str(path))
    elif _is_shared() or path.parent.exists():
        finding = (
            f"{path} is missing: device cookies and ids that are out will not be understood, nor what other"
            " guards counted; put back the one in use, or copy that of the first guard"
        )
        yield Check("bad", "service.key", finding)


def _is_shared() -> bool:
    return any(os.environ.get(name) for name in ("STANCH_COUNTERS_URL", "STANCH_DATABASE_URL"))


def _check_counting(guard: GuardSettings, service: ServiceSettings) -> Iterator[Check]:
    from stanch.guard.counters import Counters
    from stanch.guard.drift import read_drift
    from stanch.guard.memory import StoredCounters
    from stanch.guard.reasons import tell_misfit
    from stanch.guard.scorecard import load_scorecard
    from stanch.guard.shared import SharedCounters
    from stanch.service.opening import COUNTERS_FILE
    from stanch.service.secrets import FILE_NAME, load_secrets

    scorecard = None
    try:
        scorecard = load_scorecard(Path(guard.scorecard).expanduser() if guard.scorecard else None)
    except StanchError as error:
        yield Check("bad", "guard.scorecard", f"{error}; the one built in serves where it is left empty")
    data_dir, url = find_data_dir(service), os.environ.get("STANCH_COUNTERS_URL")
    path, sizes = data_dir / COUNTERS_FILE, {"customers": guard.customers, "recent": guard.recent}
    yield from _check_pair(url)
    counters: Counters
    try:
        if url and (data_dir / FILE_NAME).exists():
            secret = load_secrets(data_dir).derive("guard")
            counters = SharedCounters(url, timeout_s=2.0, secret=secret, **sizes)
        elif url or not path.exists():
            yield from () if url else _check_room(guard, path)
            return
        else:
            counters = StoredCounters(path, **sizes)
    except StanchError as error:
        remedy = (
            "" if url else "; guard.customers or guard.recent was changed: the next start forgets all habits"
        )
        yield Check("bad", "guard counters", f"{error}{remedy}")
        return
    with closing(counters):
        yield _tell_fill(guard, "the server of STANCH_COUNTERS_URL" if url else str(path), counters.fill())
        if scorecard is not None:
            misfit = tell_misfit(*read_drift(counters, scorecard), "en")
            yield Check("note" if misfit else "ok", "guard.scorecard", misfit or f"made by {scorecard.made}")


def _check_pair(counters_url: str | None) -> Iterator[Check]:
    """Several guards need both servers."""
    if bool(counters_url) != bool(os.environ.get("STANCH_DATABASE_URL")):
        missing = "STANCH_DATABASE_URL" if counters_url else "STANCH_COUNTERS_URL"
        yield Check(
            "note", "guard stores", f"one guard alone is fine; where there are several, set {missing} too"
        )


def _check_room(guard: GuardSettings, path: Path) -> Iterator[Check]:
    """Counters that the first start will make."""
    from stanch.guard.memory import measure_bytes

    wanted = measure_bytes(guard.customers, guard.recent) / 2**30
    folder = next(parent for parent in path.parents if parent.exists())
    free = shutil.disk_usage(folder).free / 2**30
    finding = (
        f"{path} will be made: {wanted:,.1f} GiB for {guard.customers:,} customers, {free:,.0f} GiB are free"
    )
    remedy = "" if wanted < free else "; make room, or lower guard.customers and guard.recent"
    yield Check("bad" if remedy else "ok", "guard counters", finding + remedy)


def _tell_fill(guard: GuardSettings, where: str, fill: dict[str, float]) -> Check:
    used = fill.get("habits", 0.0)
    finding = f"{where}: {used:.0%} of the room for {guard.customers:,} customers used"
    if used > _FULL:
        return Check(
            "note", "guard counters", f"{finding}; raise guard.customers (habits are learnt anew then)"
        )
    return Check("ok", "guard counters", finding)


def _check_lists(service: ServiceSettings) -> Iterator[Check]:
    from stanch.guard.allow_list import AllowList
    from stanch.service.opening import find_allow_list, open_leaked

    try:
        leaked = open_leaked(service)
    except StanchError as error:
        yield Check("bad", "service.leaked", str(error))
    else:
        if leaked is None:
            yield Check("note", "service.leaked", "no list of leaked credentials: stanch leaked build")
        else:
            yield Check("ok", "service.leaked", f"{leaked.n_keys:,} credentials")
            leaked.close()
    allow_list = AllowList(find_allow_list(service))
    if not service.allow_list:
        yield Check("note", "service.allow_list", "none: name your own offices and monitors, one a line")
    elif allow_list.may_ban:
        yield Check("ok", "service.allow_list", service.allow_list)
    else:
        yield Check(
            "bad", "service.allow_list", f"nobody is banned until it is in order: {allow_list.problem}"
        )
