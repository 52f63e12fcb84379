"""One attempt, judged: the guard's answer, and what people and standing decisions say about the address."""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import structs

from stanch.cases.decisions import KeptDecision
from stanch.guard.attempts import Action, Answer, Attempt, Reason
from stanch.guard.device_cookie import is_token
from stanch.guard.guard import Context
from stanch.guard.leaked import parse_hash
from stanch.guard.reasons import load_texts
from stanch.service.state import Service

_ACTIONS: Final[dict[str, Action]] = {"ban": "deny", "captcha": "challenge"}


async def judge(service: Service, attempt: Attempt, source: str, passed: str = "") -> tuple[Answer, Context]:
    """The answer, and what `Guard.settle` needs afterwards; `passed` is what a passed challenge earned."""
    assessment = await service.guard.assess_soon(attempt)
    answer, context = assessment.answer, assessment.context
    if not context.levels:
        service.metrics.guard.unavailable.inc()
    standing = service.decisions.find(attempt.ip)
    if is_allowed(service, attempt.ip, attempt.account):
        answer = Answer("allow", answer.score, (explain(service, "allow_list"),), simulated=False)
    elif standing is not None:
        answer = _combine(answer, standing)
    is_challenge = answer.action == "challenge" and not answer.simulated
    # Only a challenge is lifted by a pass.
    if passed and is_challenge and await service.passes.take(passed, attempt.ip, service.now_us()):
        answer = Answer(
            "allow", answer.score, (explain(service, "challenge_passed"), *answer.reasons), simulated=False
        )
        context = structs.replace(context, passed=True)
    if answer.action == "allow" or answer.simulated:
        service.ends.note_passed()
    service.metrics.guard.count(source, answer)
    service.pulse.note(service.now_us(), answer)
    return answer, context


def explain(service: Service, code: str) -> Reason:
    """A reason in the words of the guard's language."""
    return Reason(code, load_texts(service.guard.settings.lang)[code])


def is_leaked(service: Service, credential_hash: str) -> bool | None:
    """Whether the operator's list holds a credential; None if there is no list."""
    return None if service.leaked is None else service.leaked.holds([parse_hash(credential_hash)])


def is_allowed(service: Service, ip: str, account: str = "") -> bool:
    """Whether somebody put the address or account out of reach of the guard."""
    return service.decisions.allows(ip) or service.allow_list.allows(ip, account)


def judge_address(service: Service, ip: str) -> Answer:
    """What holds for an address without an attempt."""
    standing = service.decisions.find(ip)
    if standing is None or is_allowed(service, ip):
        return Answer("allow", 0.0, (), simulated=False)
    return _combine(Answer("allow", 0.0, (), simulated=False), standing)


def _combine(answer: Answer, standing: KeptDecision) -> Answer:
    """A decision in force goes before the guard's answer, unless it would weaken or only simulate it."""
    action = _ACTIONS[standing.kind]
    is_enforced = answer.action != "allow" and not answer.simulated
    if is_enforced and (standing.simulated or answer.action == "deny"):
        return answer
    reason = Reason("decision", standing.why or standing.scenario)
    return Answer(action, answer.score, (reason, *answer.reasons), standing.simulated)


def recognise(service: Service, attempt: Attempt) -> Attempt:
    """`attempt` with the device that its token stands for; a token of another account is none."""
    text = attempt.device
    if text is None or not is_token(text):
        return attempt
    now_us = service.now_us()
    found = (
        service.cookies.recognise(text, hash_account(key, attempt.account), now_us)
        for key in service.account_keys
    )
    device = next((device for device in found if device is not None), None)
    return structs.replace(attempt, device=device, device_known=device is not None)


def hash_account(key: bytes, account: str) -> int:
    """What stands for an account in the device's token."""
    digest = hashlib.blake2b(account.casefold().encode("utf-8", "replace"), key=key, digest_size=8)
    return int.from_bytes(digest.digest())
