"""Asks a Stanch guard about logins. Nothing here raises into a login, or holds it up for over 50 ms.

    from stanch_client import Client

    guard = Client("http://127.0.0.1:8080", key="…", on_unavailable="allow")
    verdict = guard.assess(ip="203.0.113.7", account="ann", device=cookie)
    if verdict.action == "allow":
        is_good = check_password(…)
        verdict = guard.report(verdict, "success" if is_good else "failure")
    # verdict.action is what to do: allow, challenge, deny, or after a success reset.

Passwords have no way in: no function takes one, and a leaked credential is asked for by a keyed hash.
"""

from stanch_client.client import AsyncClient, Client
from stanch_client.leaked import LeakedKey
from stanch_client.verdict import Action, Outcome, Reason, Verdict

__all__ = ["Action", "AsyncClient", "Client", "LeakedKey", "Outcome", "Reason", "Verdict"]
