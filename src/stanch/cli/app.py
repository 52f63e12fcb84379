"""The `stanch` command: dispatch, and errors as one plain line."""

from __future__ import annotations

import os
import sys
from typing import Final

from cyclopts import App, CycloptsError, MissingArgumentError

from stanch import __version__
from stanch.cli.messages import say
from stanch.errors import StanchError

HELP: Final = """Finds where an online shop's order data leaks, and explains it with evidence.

Start with `stanch demo`: it makes an incident, investigates it and shows the report.
Then try it on a log of your own: `stanch investigate --logins access.log --out findings`.
"""

EPILOGUE: Final = (
    "Exit status: 0 done; 1 verify found something altered; 2 cannot be used as given; 3 every row of a table"
    " was rejected."
)

app = App(
    name="stanch",
    help=HELP,
    help_epilogue=EPILOGUE,
    version=__version__,
    print_error=False,
    exit_on_error=False,
    result_action="return_value",
)
app.command("stanch.cli.investigate:run_investigate", name="investigate")
app.command("stanch.cli.verify:run_verify", name="verify")
app.command("stanch.cli.explain:run_explain", name="explain")
app.command("stanch.cli.demo:run_demo", name="demo")
app.command("stanch.cli.simulate:run_simulate", name="simulate")
app.command("stanch.cli.notices:run_notices", name="notices")
app.command("stanch.cli.warn:run_warn", name="warn")
app.command("stanch.cli.serve:run_serve", name="serve")
app.command("stanch.cli.guard:run_replay", name="replay")
app.command("stanch.cli.guard:run_train", name="train")
app.command("stanch.cli.keys:app", name="keys")
app.command("stanch.cli.decisions:app", name="decisions")
app.command("stanch.cli.audit:app", name="audit")
app.command("stanch.cli.tail:run_tail", name="tail")
app.command("stanch.cli.export:run_export", name="export")
app.command("stanch.cli.purge:run_purge", name="purge")
app.command("stanch.cli.complaints:app", name="complaints")
app.command("stanch.cli.lures:lures_app", name="lures")
app.command("stanch.cli.leaked:app", name="leaked")
app.command("stanch.cli.doctor:run_doctor", name="doctor")
app.register_install_completion_command(name="install-completion")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        result = app(["/dev/stdin" if word == "-" else word for word in given])
        sys.stdout.flush()
    except StanchError as error:
        return _fail(str(error), error.exit_status)
    except CycloptsError as error:
        return _fail(f"{_explain(error)} (stanch --help shows how)", 2)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except OSError as error:
        return _fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)
    return result if isinstance(result, int) else 0


def _fail(message: str, status: int) -> int:
    say(f"stanch: {message}")
    return status


def _explain(error: CycloptsError) -> str:
    if isinstance(error, MissingArgumentError) and error.argument and error.keyword is None:
        return f"{error.argument.name} is missing"
    return str(error)
