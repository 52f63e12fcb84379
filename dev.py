#!/usr/bin/env python3
"""Developer commands. `python3 dev.py` lists them.

Needs nothing but a Python of 3.11 or newer: it finds uv, or installs it into `.tools/` without
touching the system's Python, and uv makes `.venv/` from `uv.lock`. Root is never needed; where a
test run as root on Debian lacks a browser, a Chinese font, Java, PostgreSQL, Redis, nginx or the like, apt
installs them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE / ".tools"
CLIENT = HERE / "packages" / "stanch-client"
VENDOR = HERE / "src" / "stanch" / "console" / "page" / "vendor"
UV_WANTED = "uv>=0.13,<0.14"
UV_OLDEST = (0, 13)
#: What tests need beside Python packages: (Debian package, how to tell that it is there, for what).
SYSTEM_PACKAGES = (
    ("chromium", ["chromium", "--version"], "the report in a real browser"),
    ("fonts-noto-cjk", ["sh", "-c", "ls /usr/share/fonts/opentype/noto/*CJK*"], "Chinese in pictures"),
    ("libpangoft2-1.0-0", ["sh", "-c", "ls /usr/lib/*/libpangoft2-1.0.so.0"], "notices as PDF"),
    ("poppler-utils", ["pdftotext", "-v"], "notices as PDF"),
    ("default-jre-headless", ["java", "-version"], "the Spark engine"),
    ("postgresql", ["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"], "the service's database"),
    ("redis-server", ["redis-server", "--version"], "counters that guards share"),
    ("crowdsec-custom-bouncer", ["sh", "-c", "command -v crowdsec-custom-bouncer"], "bouncers"),
    ("crowdsec-firewall-bouncer", ["sh", "-c", "command -v crowdsec-firewall-bouncer"], "bouncers"),
    ("nftables", ["sh", "-c", "ls /usr/sbin/nft"], "block lists and the firewall's bouncer"),
    ("iproute2", ["sh", "-c", "ls /sbin/ip"], "the firewall's bouncer"),
    ("nginx", ["sh", "-c", "ls /usr/sbin/nginx"], "the guard behind nginx"),
    ("haproxy", ["sh", "-c", "ls /usr/sbin/haproxy"], "block lists in HAProxy"),
    ("caddy", ["sh", "-c", "command -v caddy"], "the guard behind Caddy"),
)


class CommandError(Exception):
    """Ends a command with one plain line."""


# --- commands ---------------------------------------------------------------------------------


def demo(args: Sequence[str]) -> None:
    """simulate the incident of the README, investigate it, and write its report"""
    uv("run", "--locked", "--no-dev", *python_choice(), "stanch", "demo", *args)


def test(args: Sequence[str]) -> None:
    """everything that must pass: format, lint, types, imports, tests, wheel"""
    ensure_system_packages()
    sync()
    report_steps(
        [
            ("format", lambda: tool("ruff", "format", "--check", ".")),
            ("lint", lambda: tool("ruff", "check", ".")),
            ("imports", lambda: tool("lint-imports")),
            ("types", lambda: tool("mypy")),
            ("tests", lambda: tool("pytest", "-n", "2", "--dist", "loadfile", "--durations", "10", *args)),
            ("wheel", check_wheel),
        ]
    )


def fix(args: Sequence[str]) -> None:
    """format the code and apply safe lint fixes"""
    sync()
    tool("ruff", "format", *(args or ["."]))
    tool("ruff", "check", "--fix", *(args or ["."]))


def lint(args: Sequence[str]) -> None:
    """format, lint and import rules, changing nothing"""
    sync()
    tool("ruff", "format", "--check", *(args or ["."]))
    tool("ruff", "check", *(args or ["."]))
    tool("lint-imports")


def types(args: Sequence[str]) -> None:
    """static types (mypy, strict)"""
    sync()
    tool("mypy", *args)


def bench(args: Sequence[str]) -> None:
    """a measurement of `bench/` by name, with its options; without a name they are listed"""
    scripts = {p.stem: p for p in sorted((HERE / "bench").glob("*.py")) if "__main__" in p.read_text()}
    if not args or args[0] not in scripts:
        print("\n".join(f"  python3 dev.py bench {name}" for name in scripts))
        return
    sync()
    tool("python", str(scripts[args[0]]), *args[1:])


def docs(args: Sequence[str]) -> None:
    """write the pages of the guide that follow from the code"""
    sync()
    tool("python", "docs/generate.py")


def report_picture(args: Sequence[str]) -> None:
    """draw docs/report.png, the picture in the README, from the demo's report"""
    ensure_system_packages()
    sync()
    tool("python", "docs/make_report_picture.py", *args)


def vendor(args: Sequence[str]) -> None:
    """fetch the console's scripts anew from the npm registry, as vendor.toml pins them (needs npm)"""
    import tomllib

    for package in tomllib.loads((VENDOR / "vendor.toml").read_text(encoding="utf-8"))["package"]:
        with tempfile.TemporaryDirectory(prefix="stanch-vendor-") as folder:
            named = f"{package['name']}@{package['version']}"
            execute(["npm", "pack", "--silent", named, "--pack-destination", folder])
            (packed,) = Path(folder).glob("*.tgz")
            digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
            if package["integrity"] != f"sha512-{digest}":
                raise CommandError(f"{named} is not what vendor.toml says: sha512-{digest}")
            with tarfile.open(packed) as archive:
                for name, source in package["files"].items():
                    member = archive.extractfile(f"package/{source}")
                    assert member is not None
                    (VENDOR / name).write_bytes(member.read())
        say(f"{named}: {', '.join(package['files'])}")


def wheel(args: Sequence[str]) -> None:
    """build the wheels, install each into a fresh environment and start it"""
    sync()
    check_wheel()


def run(args: Sequence[str]) -> None:
    """stanch itself with what follows: `python3 dev.py run investigate --help`"""
    uv("run", "--locked", "--no-dev", *python_choice(), "stanch", *args)


def clean(args: Sequence[str]) -> None:
    """remove caches, environments and what runs left behind"""
    for name in (".venv", ".tools", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    for name in (".import_linter_cache", "dist", "stanch-demo", "stanch-example", "out"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    for folder in [p for part in ("src", "tests", "packages") for p in HERE.glob(f"{part}/**/__pycache__")]:
        shutil.rmtree(folder, ignore_errors=True)


COMMANDS: tuple[Callable[[Sequence[str]], None], ...] = (
    demo,
    test,
    fix,
    lint,
    types,
    bench,
    docs,
    report_picture,
    vendor,
    wheel,
    run,
    clean,
)


# --- steps ------------------------------------------------------------------------------------


def report_steps(steps: Sequence[tuple[str, Callable[[], None]]]) -> None:
    """Run all steps, whatever the earlier ones said; fail at the end if any did."""
    failed = []
    for number, (name, step) in enumerate(steps, start=1):
        say(f"[{number}/{len(steps)}] {name}")
        started = time.monotonic()
        try:
            step()
        except CommandError as error:
            say(f"    {name} FAILED: {error}")
            failed.append(name)
        else:
            say(f"    {name} passed in {time.monotonic() - started:.0f} s")
    if failed:
        raise CommandError(f"failed: {', '.join(failed)}")
    say("all passed")


def check_wheel() -> None:
    """The built wheels hold every file of their packages, install, and start."""
    with tempfile.TemporaryDirectory(prefix="stanch-wheel-") as name:
        folder = Path(name)
        built = build_wheel(HERE, "stanch", folder)
        client = build_wheel(CLIENT, "stanch_client", folder)
        pins = str(folder / "pins.txt")
        uv("export", "--quiet", "--locked", "--no-dev", "--no-emit-project", "--no-hashes", "-o", pins)
        uv("venv", "--quiet", *python_choice(), f"{name}/venv")
        environment = ("--python", f"{name}/venv/bin/python")
        uv("pip", "install", "--quiet", *environment, "--constraint", pins, str(built))
        execute([f"{name}/venv/bin/stanch", "--version"], cwd=folder)
        # The client must stand alone: a shop installs it without Stanch.
        uv("venv", "--quiet", *python_choice(), f"{name}/shop")
        environment = ("--python", f"{name}/shop/bin/python")
        uv("pip", "install", "--quiet", *environment, "--constraint", pins, str(client))
        execute([f"{name}/shop/bin/python", "-c", "import stanch_client, stanch_client.asgi"], cwd=folder)


def build_wheel(project: Path, package: str, folder: Path) -> Path:
    """The wheel of one project of this repository, built into `folder`.

    Raises:
        CommandError: a file of the package is not in it.
    """
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(project), *python_choice())
    (built,) = folder.glob(f"{package}-*.whl")
    source = project / "src"
    wanted = {str(p.relative_to(source)) for p in (source / package).rglob("*") if p.is_file()}
    wanted = {p for p in wanted if "__pycache__" not in p}
    if missing := wanted - set(zipfile.ZipFile(built).namelist()):
        raise CommandError(f"not in the wheel: {', '.join(sorted(missing))}")
    return built


def ensure_system_packages() -> None:
    """Install what tests need from Debian where that is possible; else say what will be skipped."""
    missing = [entry for entry in SYSTEM_PACKAGES if not answers(entry[1])]
    if not missing:
        return
    for package, _, purpose in missing:
        say(f"not installed: {package} (needed for tests of {purpose})")
    packages = [package for package, _, _ in missing]
    if os.geteuid() == 0 and shutil.which("apt-get", path=system_path()):
        try:
            apt_install(packages)
        except CommandError:
            # Another package that is broken on this machine makes apt fail although ours are there.
            if not all(answers(check) for _, check, _ in missing):
                raise
    elif os.environ.get("CI"):
        raise CommandError(f"tests need Debian's {' '.join(packages)} (apt-get install, as root)")
    else:
        say(f"tests that need them will be skipped; as root: apt-get install {' '.join(packages)}")


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages (root only)."""
    say(f"installing {' '.join(packages)} with apt")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "PATH": system_path()}
    execute(["apt-get", "-q", "update"], env=environment)
    command = ["apt-get", "-q", "-y", "install", "--no-install-recommends", *packages]
    execute(command, env=environment)


# --- uv and the environment -------------------------------------------------------------------


def uv(*args: str) -> None:
    """Run uv in the project."""
    execute([find_uv(), *args])


def sync() -> None:
    """Make `.venv` hold exactly what `uv.lock` says, with all developers' tools."""
    uv("sync", "--locked", "--all-groups", *python_choice())


def tool(name: str, *args: str) -> None:
    """Run a tool out of `.venv`."""
    execute([str(environment_folder() / "bin" / name), *args])


def environment_folder() -> Path:
    """Where uv keeps the project's environment."""
    return HERE / (os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv")


def python_choice() -> list[str]:
    """Have uv use the Python that runs this file, unless an environment is there already."""
    if (environment_folder() / "bin" / "python").exists():
        return []
    return ["--python", getattr(sys, "_base_executable", None) or sys.executable]


def find_uv() -> str:
    """Path of a uv that is new enough, installed into `.tools/` if there is none."""
    own = [TOOLS / "uv-venv" / "bin" / "uv", TOOLS / "uv-target" / "bin" / "uv"]
    for candidate in [shutil.which("uv"), *map(str, own)]:
        if candidate and is_new_enough(candidate):
            return candidate
    say("no uv found: installing it into .tools/")
    for install in (install_uv_in_venv, install_uv_in_folder, install_uv_after_apt):
        if (path := install()) and is_new_enough(str(path)):
            return str(path)
    raise CommandError(
        "cannot install uv: this Python has neither venv nor pip."
        " Install Debian's python3-venv, or uv itself (https://docs.astral.sh/uv/), and try again"
    )


def is_new_enough(path: str) -> bool:
    """Whether the uv at `path` starts and understands the project's settings."""
    if not Path(path).exists():
        return False
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"uv (\d+)\.(\d+)", done.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= UV_OLDEST


def install_uv_in_venv() -> Path | None:
    """The usual way: a private virtual environment."""
    folder = TOOLS / "uv-venv"
    shutil.rmtree(folder, ignore_errors=True)
    TOOLS.mkdir(exist_ok=True)
    if not succeeds([sys.executable, "-m", "venv", str(folder)]):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    execute(
        [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", UV_WANTED]
    )
    return folder / "bin" / "uv"


def install_uv_in_folder() -> Path | None:
    """Without Debian's python3-venv: pip may still unpack into a folder, which touches no system."""
    folder = TOOLS / "uv-target"
    shutil.rmtree(folder, ignore_errors=True)
    if not succeeds([sys.executable, "-m", "pip", "--version"]):
        return None
    execute([sys.executable, "-m", "pip", "install", "--target", str(folder), UV_WANTED])
    return folder / "bin" / "uv"


def install_uv_after_apt() -> Path | None:
    """Neither venv nor pip, but root on Debian."""
    if os.geteuid() != 0 or not shutil.which("apt-get", path=system_path()):
        return None
    apt_install(["python3-venv"])
    return install_uv_in_venv()


# --- processes --------------------------------------------------------------------------------


def execute(command: Sequence[str], *, env: dict[str, str] | None = None, cwd: Path = HERE) -> None:
    """Run a command, its output shown as it comes.

    Raises:
        CommandError: it did not succeed.
    """
    status = subprocess.run(command, env=env, cwd=cwd, check=False).returncode
    if status:
        raise CommandError(f"{Path(command[0]).name} {' '.join(command[1:3])}: exit status {status}")


def succeeds(command: Sequence[str]) -> bool:
    """Whether a command works, silently."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def answers(command: Sequence[str]) -> bool:
    """Whether a program is there and works."""
    return shutil.which(command[0]) is not None and succeeds(command)


def system_path() -> str:
    """PATH with the administrator's folders, without which Debian's package tools stop."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])


def say(line: str) -> None:
    """Tell how far it is, at once."""
    print(line, file=sys.stderr, flush=True)


def prepare_environment() -> None:
    """Settle what would otherwise depend on who runs this: the home folder, other environments."""
    os.environ.pop("VIRTUAL_ENV", None)
    home = os.environ.get("HOME", "")
    if not home or not os.path.isdir(home) or not os.access(home, os.W_OK):
        home = str(TOOLS / "home")
        os.makedirs(home, exist_ok=True)
        os.environ["HOME"] = home


def main() -> int:
    """Run the command named on the command line, or list the commands."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is started by whatever Python is there
        say(f"Stanch needs Python 3.11 or newer; this is {sys.version.split()[0]}")
        return 2
    commands = {command.__name__.replace("_", "-"): command for command in COMMANDS}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        print("python3 dev.py COMMAND\n")
        for name, command in commands.items():
            print(f"  {name:<16}{command.__doc__}")
        return 0 if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help", "help") else 2
    prepare_environment()
    try:
        commands[sys.argv[1]](sys.argv[2:])
    except CommandError as error:
        say(f"dev.py: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
