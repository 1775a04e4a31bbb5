"""What `make` installs is pinned, all of it, for every Python that the package supports."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.11", "3.12", "3.13")
LOCKS = {
    "requirements.lock": sorted(PROJECT["optional-dependencies"].keys() - {"ray"}),
    "requirements-ray.lock": [
        "ray"
    ],  # its plugin wants old versions, so it has an environment of its own
}


def pinned(lock: str, python: str) -> dict[str, str]:
    """What the lock says of each package on Linux with this Python: its specifier."""
    lines = [
        line
        for line in (ROOT / lock).read_text().splitlines()
        if line and not line.lstrip().startswith("#")
    ]
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
    }
    wanted = [Requirement(line) for line in lines]
    held = [each for each in wanted if each.marker is None or each.marker.evaluate(environment)]
    assert len({canonicalize_name(each.name) for each in held}) == len(held)  # one version of each
    return {canonicalize_name(each.name): str(each.specifier) for each in held}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned_within_its_range(lock, python):
    held = pinned(lock, python)
    assert all(re.fullmatch(r"==[^*,]+", specifier) for specifier in held.values())
    direct = PROJECT["dependencies"] + [
        each for extra in LOCKS[lock] for each in PROJECT["optional-dependencies"][extra]
    ]
    for each in map(Requirement, direct):
        assert each.specifier.contains(
            held[canonicalize_name(each.name)].removeprefix("=="), prereleases=True
        )


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_versions_alone(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?:|file:|--hash|--index|--find-links| @ ", text)


def test_major_versions_that_may_break_are_excluded():
    free = [
        each for each in map(Requirement, PROJECT["dependencies"]) if "<" not in str(each.specifier)
    ]
    assert [each.name for each in free] == ["pyarrow"]
