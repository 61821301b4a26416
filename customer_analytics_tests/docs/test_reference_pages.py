"""The documentation matches the code."""

import re
import tomllib
from pathlib import Path

import pytest
from click import Context

from customer_analytics.cli import main
from docs.scripts.reference import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PATHS = re.compile(
    r"(?<!new file )`((?:customer_analytics(?:_tests)?|benchmarks)/[\w./-]*|[\w/]+/\w+\.(?:py|txt))`"
)
MODULES = re.compile(
    r"\b(?!benchmarks\.md|customer_analytics\.p8)((?:customer_analytics(?:_tests)?|benchmarks)\.[a-z_.]*[a-z_])"
)


@pytest.mark.parametrize("page", pages())
def test_a_generated_page_is_up_to_date(page: str) -> None:
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == pages()[page], "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_to_a_file_resolves(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in main.list_commands(Context(main)) if f"customer-analytics {name}" not in readme] == []


def test_every_make_target_in_the_documentation_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {
        target for page in PAGES for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }
    assert {target for target in named if f"\n{target}:" not in makefile} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_source_file_in_the_documentation_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    folders = [ROOT, ROOT / "customer_analytics", ROOT / "customer_analytics_tests"]
    missing = {path for path in PATHS.findall(text) if not any((folder / path).exists() for folder in folders)}
    created = {path.removesuffix(".py").replace("/", ".") for path in re.findall(r"new file `([^`]+)`", text)}
    assert missing | {name for name in {*MODULES.findall(text)} - created if not _exists(name)} == set()


def _exists(name: str) -> bool:
    """Whether a dotted name is a module, or a name that its module contains."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module = path.parent / "__init__.py" if path.parent.is_dir() else path.parent.with_suffix(".py")
    return module.is_file() and bool(re.search(rf"(?m)^(?:def |class )?{path.name}\b", module.read_text("utf-8")))


def test_the_walks_of_the_architecture_page_never_go_up_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["id"] == "layers"]
    level = {name: depth for depth, layer in enumerate(layers) for name in re.split(r" [|:] ", layer)}
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    walks = [re.findall(r"\]\(../customer_analytics/(\w+)", line) for line in page.splitlines() if "→" in line]
    assert len(walks) > 10
    assert [walk for walk in walks if walk != sorted(walk, key=lambda name: level[name])] == []
