"""The sample incident: there with one click, gone with one click."""

from __future__ import annotations

import shutil
from typing import Final

from stanch.cases.erase_work import drop_incidents
from stanch.cases.incidents import find_incident, open_incident, set_owner
from stanch.cases.investigations import find_latest, list_samples
from stanch.console.evidence import find_folder
from stanch.console.incidents import INCIDENTS
from stanch.console.investigating import INVESTIGATION, NumberForm, begin_run
from stanch.console.pages import INVESTIGATORS, Action, Done, MissingError, MistakeError, Nothing, Visit

_TITLES: Final = {"en": "Sample: fake customer service", "zh": "示例：冒充客服"}


def load_sample(visit: Visit, _form: Nothing) -> Done:
    """Open an incident with evidence from the simulator, and investigate it."""
    number = open_incident(visit.connection, _TITLES[visit.lang], "high", visit.actor)
    incident = find_incident(visit.connection, number)
    assert incident is not None
    set_owner(visit.connection, incident, visit.person.id, visit.actor)
    begin_run(visit, number, "sample")
    return Done(f"/console/incidents/{number}/investigation", f"incident:{number}")


def remove_sample(visit: Visit, form: NumberForm) -> Done:
    """Take it away, with all that people added to it."""
    if form.number not in list_samples(visit.connection):
        raise MissingError
    run = find_latest(visit.connection, form.number)
    if run is not None and visit.service.jobs.running == run.id:
        raise MistakeError("", "running")
    drop_incidents(visit.connection, [form.number])
    shutil.rmtree(find_folder(visit.service, form.number), ignore_errors=True)
    return Done("/console/incidents", f"incident:{form.number}")


ACTIONS: Final = (
    Action("/sample", "load_sample", INVESTIGATORS, Nothing, load_sample, INCIDENTS),
    Action(
        "/incidents/{number}/sample/remove", "remove_sample", INVESTIGATORS, NumberForm, remove_sample,
        INVESTIGATION,
    ),
)  # fmt: skip
