"""The house rules that a linter cannot hold, and pages that must not drift from the code."""

import ast
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2]
MODULES = sorted(
    [
        *(p for part in ("src", "bench", "packages", "examples") for p in (HERE / part).rglob("*.py")),
        *HERE.glob("docs/*.py"),
        HERE / "dev.py",
    ]
)
PAGES = sorted(
    [
        *HERE.glob("*.md"),
        *(p for part in ("docs", "packages", "examples") for p in (HERE / part).rglob("*.md")),
    ]
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(HERE))


def text_files() -> list[Path]:
    folders = ("src", "tests", "docs", "bench", "packages", "examples", ".ci")
    files = [p for folder in folders for p in (HERE / folder).rglob("*") if p.is_file()]
    files += [p for p in HERE.iterdir() if p.is_file() and p.name not in ("uv.lock", ".git")]
    return [p for p in files if p.suffix not in (".png", ".pyc", ".gz", ".zst", ".xlsx", ".parquet")]


def function_sizes(module: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each body, its docstring left out."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            size = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            yield f"{name_of(module)}:{node.lineno} {node.name}", size


def test_no_module_is_over_500_lines() -> None:
    sizes = {name_of(m): len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES}
    assert {name: size for name, size in sizes.items() if size > 500} == {}


def test_no_function_is_over_60_lines_and_nine_in_ten_are_under_30() -> None:
    sizes = dict(size for module in MODULES for size in function_sizes(module))
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert sum(size < 30 for size in sizes.values()) / len(sizes) > 0.9


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = re.compile(r"^(utils?|helpers?|misc|common|tools)$")
    parts = {name_of(m): [*m.relative_to(HERE).parts[:-1], m.stem] for m in MODULES}
    assert [name for name, words in parts.items() if any(map(drawers.match, words))] == []


def test_nothing_speaks_of_one_machine() -> None:
    # Put together here, so that this file does not find itself.
    private = re.compile("|".join(["/" + "work/", "/" + "root/", r"/home/(?!runner)\w+/", "/tmp/" + "brief"]))
    found = [
        name_of(p) for p in text_files() if private.search(p.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_sql_steps_take_values_as_parameters_only() -> None:
    for step in (HERE / "src").rglob("*.sql"):
        assert re.search(r"\{\w+\}|%s|\{\{", step.read_text(encoding="utf-8")) is None, name_of(step)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{name_of(page)} links to {target}"


def test_every_page_can_be_found_from_the_index() -> None:
    found, ahead = set(), [HERE / "docs" / "index.md"]
    while ahead:
        page = ahead.pop()
        found.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
        ahead += [p for link in links if (p := (page.parent / link).resolve()) not in found and p.exists()]
    assert [name_of(page) for page in PAGES if (HERE / "docs") in page.parents and page not in found] == []


def test_readme_has_its_two_commands_on_a_line_each() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    for heading, verb in (("Run it", "demo"), ("Test it", "test")):
        section = readme.split(f"## {heading}\n")[1].split("\n## ")[0]
        assert BLOCK.findall(section)[0] == ("sh", f"python3 dev.py {verb}\n")
    assert "python3 dev.py test\n" in (HERE / ".ci" / "run").read_text(encoding="utf-8")


def commands() -> list[tuple[str, str]]:
    """Each command line in a `sh` block of any page, with the page it stands on."""
    return [
        (name_of(page), line)
        for page in PAGES
        for language, block in BLOCK.findall(page.read_text(encoding="utf-8"))
        if language == "sh"
        for line in block.splitlines()
        if line.strip() and not line.startswith("#")
    ]


@pytest.mark.parametrize(("page", "line"), commands())
def test_shown_commands_are_understood(page: Path, line: str) -> None:
    from stanch.cli.app import app

    words = shlex.split(line, comments=True)
    if words[:2] == ["python3", "dev.py"]:
        listed = re.search(
            r"^COMMANDS.*?= \((.*?)\)$", (HERE / "dev.py").read_text(), re.MULTILINE | re.DOTALL
        )
        assert listed is not None
        assert words[2].replace("-", "_") in re.findall(r"\w+", listed[1])
    else:
        assert words[0] == "stanch", "other commands go into a block without a language"
        app.parse_args(words[1:])


def test_pages_made_from_the_code_are_current() -> None:
    pages = runpy.run_path(str(HERE / "docs" / "generate.py"))["PAGES"]
    for name, render in pages.items():
        page = (HERE / "docs" / "guide" / name).read_text(encoding="utf-8")
        assert page == render(), f"{name} is out of date: python3 dev.py docs"


def test_pages_have_no_other_code_that_nobody_runs() -> None:
    languages = {
        language for page in PAGES for language, _ in BLOCK.findall(page.read_text(encoding="utf-8"))
    }
    assert languages <= {"", "sh", "json", "toml"}
