"""The console answers as its OpenAPI document says, whatever it is sent."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from service.serving import Served
from service.test_openapi import CHECKS, EXAMPLES
from stanch.cases.database import open_database
from stanch.cases.people import find_named, open_session
from stanch.console import make_operations
from stanch.service.openapi import describe_service
from stanch.service.operations import Operation

OPERATIONS = [o for o in make_operations() if "/assets/" not in o.path and not o.path.endswith("/sign-out")]
API = schemathesis.openapi.from_dict(json.loads(json.dumps(describe_service(OPERATIONS))))


@pytest.fixture(scope="module")
def session(served: Served) -> Iterator[str]:
    """An administrator's."""
    database = open_database(f"sqlite:///{served.folder / 'data' / 'stanch.sqlite'}")
    with database.read() as connection:
        person = find_named(connection, "the-administrator")
    assert person is not None
    yield database.write(lambda c: open_session(c, person.id, time.time_ns() // 1_000))
    database.close()


@pytest.fixture(scope="module")
def headers(served: Served, session: str) -> dict[str, str]:
    with requests.Session() as asking:
        asking.trust_env = False
        page = asking.get(f"{served.url}/console/account", cookies={"stanch-console": session}).text
    token = page.partition('name="token" value="')[2].partition('"')[0]
    return {"Cookie": f"stanch-console={session}", "X-Console-Token": token}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_sent_the_answer_is_one_of_those_described(
    served: Served, headers: dict[str, str], operation: Operation, mode: GenerationMode
) -> None:
    described = API[operation.path][operation.method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.parameters):
        return  # nothing can be wrong with a request that says nothing

    @given(case=described.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES // 4, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def send(case: Any) -> None:
        case.call_and_validate(
            base_url=served.url, headers=headers, checks=CHECKS, allow_redirects=False, session=asking
        )

    with requests.Session() as asking:
        asking.trust_env = False
        send()
