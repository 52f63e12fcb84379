"""The OpenAPI document: complete, and true of what the service answers to anything at all."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.serving import Served, serving
from stanch.console import make_operations
from stanch.evidence.tables import TABLES
from stanch.service.app import OPERATIONS
from stanch.service.openapi import describe_service
from stanch.service.operations import Operation

#: Requests of each kind to each route; `python3 dev.py bench random_requests` sends a thousand.
EXAMPLES = int(os.environ.get("STANCH_EXAMPLES", "8"))
load_all_checks()
DOCUMENT = json.loads(json.dumps(describe_service((*OPERATIONS, *make_operations()))))
API = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("openapi")) as running:
        yield running


@pytest.fixture(scope="module")
def headers(served: Served) -> dict[str, str]:
    return {"X-Api-Key": served.add_key("anything", "admin")}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_sent_the_answer_is_one_of_those_described(
    served: Served, headers: dict[str, str], operation: Operation, mode: GenerationMode
) -> None:
    described = API[operation.path][operation.method]
    bound = [parameter for parameter in operation.parameters if dict(parameter.schema) != {"type": "string"}]
    if mode is GenerationMode.NEGATIVE and not (operation.body or bound):
        return  # nothing can be wrong with a request that says nothing, or any text

    @given(case=described.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def send(case: Any) -> None:
        case.call_and_validate(
            base_url=served.url, headers=headers, checks=CHECKS, allow_redirects=False, session=session
        )

    with requests.Session() as session:
        session.trust_env = False
        send()


def test_the_document_is_served(served: Served) -> None:
    with served.client() as client:
        assert client.get("/openapi.json").json() == DOCUMENT


def test_every_table_of_the_evidence_is_described_column_by_column() -> None:
    for table in TABLES.values():
        operation = DOCUMENT["paths"][f"/v1/events/{table.name}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        row = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert set(row["properties"]) == set(table.column_names)
        assert set(row["required"]) == set(table.required_names) - {"account", "actor"}
        assert operation["security"]


def test_what_needs_no_key_is_written_down_here_so_that_nothing_slips_in() -> None:
    open_paths = {(o.method, o.path) for o in OPERATIONS if o.scope is None}
    assert open_paths == {
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/v1/auth-request"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/challenge"),
        ("POST", "/challenge"),
        ("GET", "/challenge/challenge.js"),
        ("GET", "/challenge/challenge-worker.js"),
        ("GET", "/challenge/forms.css"),
        ("GET", "/challenge/mark.svg"),
        ("GET", "/assets/forms.css"),
        ("GET", "/assets/mark.svg"),
        ("GET", "/complaints/new"),
        ("POST", "/complaints/new"),
        ("GET", "/complaints/received"),
        ("GET", "/hotline"),
        ("POST", "/hotline"),
        ("GET", "/hotline/sign-in"),
        ("POST", "/hotline/sign-in"),
        ("POST", "/hotline/sign-out"),
    }
