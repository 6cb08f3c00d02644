"""What is installed, and what a container is built from: all that the app needs, from one place."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from explainers import __version__
from explainers.command_line import COMMANDS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]


def test_the_app_and_all_beside_it_travel_in_the_wheel() -> None:
    carried = {Path(there) for there in WHEEL["force-include"].values()}
    home = Path("triptych")
    assert carried == {home / "app.py", home / "pages", home / ".streamlit" / "config.toml"}
    assert all((ROOT / here).exists() for here in WHEEL["force-include"])


def test_a_container_is_built_from_what_the_wheel_is_built_from() -> None:
    needed = {*WHEEL["packages"], *WHEEL["force-include"], "pyproject.toml", "README.md", "LICENSE"}
    needed |= set(PROJECT["tool"]["hatch"]["metadata"]["hooks"]["requirements_txt"]["files"])
    first, *lines = (ROOT / ".dockerignore").read_text().splitlines()[1:]
    assert first == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == needed


def test_images_run_a_python_that_there_are_wheels_for() -> None:
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    images = re.findall(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.M)
    assert images
    assert all(version in allowed for version in images)
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    (tested,) = re.findall(r"image: python:([\d.]+)", workflow)
    assert tested in allowed


def test_a_container_is_not_root_and_tells_whether_it_is_well() -> None:
    last = DOCKERFILE.split("FROM ")[-1]
    (user,) = re.findall(r"^USER (\d+)", last, re.M)
    assert int(user) > 0
    assert "http://localhost:8501/_stcore/health" in last
    assert last.rstrip().endswith('CMD ["triptych"]')


def test_every_requirement_is_pinned() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    for requirement in (Requirement(line) for line in lines if line and line[0] != "#"):
        assert [each.operator for each in requirement.specifier] == ["=="], requirement


def test_the_version_is_told_in_one_place() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    path = PROJECT["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{__version__}"' in (ROOT / path).read_text()


def test_the_readme_and_the_changelog_name_every_command() -> None:
    readme, changelog = ((ROOT / name).read_text() for name in ("README.md", "CHANGELOG.md"))
    for name in COMMANDS.keys() - {"app"}:
        assert f"triptych {name} " in readme, name
        assert f"`{name}`" in changelog, name
