"""The house rules that a machine can check: who may import whom, and where a choice stands."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ecgae import ROOMS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ecgae"
ENTRY = ("train", "encode", "gwas")
AXES = {
    folder.name: folder
    for folder in sorted(PACKAGE.rglob("*"))
    if folder.is_dir() and (ROOT / "conf" / folder.name).is_dir() and folder.parent != PACKAGE
}
"""Every folder of choices, by the name that it has in conf/ too."""

MEETS = {"objective": {"architecture"}}
"""An axis whose choices work on those of another; all others know nothing of each other."""

KERNELS = ("statistics", "signals", "models.architecture", "models.objective", "people.split")
"""Rooms of pure numbers: arrays in, arrays out."""

NOT_IN_KERNELS = {
    "hydra",
    "omegaconf",
    "pytorch_lightning",
    "wandb",
    "logging",
    "h5py",
    "pathlib",
    "os",
}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module(file: Path) -> str:
    """The dotted name below `ecgae`."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(file: Path) -> set[str]:
    """Every module that a file imports anywhere, with its full dotted name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def room_of(name: str) -> str:
    """The most specific room that a module below `ecgae` stands in; an unlisted one is no room."""
    rooms = [room for room in ROOMS if name == room or name.startswith(f"{room}.")]
    assert rooms, f"ecgae.{name} stands in no room: list its folder in ecgae.ROOMS, at its floor"
    return max(rooms, key=len)


def own_rooms(file: Path) -> set[str]:
    """The rooms that a file imports from; `from ecgae import ...` of the package itself is the
    public face."""
    return {
        room_of(name.removeprefix("ecgae.")) for name in imports(file) if name.startswith("ecgae.")
    }


def in_room(*rooms: str) -> list[Path]:
    return [
        file
        for file in sources()
        if any(module(file) == room or module(file).startswith(f"{room}.") for room in rooms)
    ]


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


FACE = ("__init__", "__main__", "", "library")
"""Modules above all rooms: what `import ecgae` and the command `ecgae` show."""


@pytest.mark.parametrize(
    "file", [file for file in sources() if module(file) not in FACE], ids=named
)
def test_a_room_imports_only_from_the_floors_below(file):
    own = room_of(module(file))
    above = {room for room in own_rooms(file) if ROOMS.index(room) > ROOMS.index(own)}
    assert not above, (
        f"ecgae.{module(file)} (room {own}) imports from above: {', '.join(sorted(above))}"
    )


def test_every_listed_room_exists_and_says_what_belongs_there():
    for room in ROOMS:
        place = PACKAGE.joinpath(*room.split("."))
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        assert ast.get_docstring(ast.parse(file.read_text())), room


def test_the_map_of_rooms_is_the_one_that_is_checked():
    shown = re.findall(
        r"^\| `([a-z_./]+?)/?(?:\.py)?` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    assert [room.replace("/", ".") for room in shown] == list(ROOMS)


@pytest.mark.parametrize("axis", AXES)
def test_every_choice_has_one_file_and_one_yaml(axis):
    files = {file.stem for file in AXES[axis].glob("*.py") if not file.stem.startswith("_")}
    assert files == {file.stem for file in (ROOT / "conf" / axis).glob("*.yaml")}
    assert files


@pytest.mark.parametrize("axis", AXES)
def test_every_yaml_names_a_target_that_exists(axis):
    for file in (ROOT / "conf" / axis).glob("*.yaml"):
        target = yaml.safe_load(file.read_text())["_target_"]
        holder, name = target.rsplit(".", 1)
        assert holder == ".".join((*AXES[axis].relative_to(ROOT).parts, file.stem))
        assert hasattr(importlib.import_module(holder), name)


@pytest.mark.parametrize("axis", AXES)
def test_the_choices_of_an_axis_know_no_other_axis(axis):
    others = {other: module(folder) for other, folder in AXES.items() if other != axis}
    for file in AXES[axis].glob("*.py"):
        known = {other for other, room in others.items() if room in own_rooms(file)}
        assert known <= MEETS.get(axis, set()), named(file)


@pytest.mark.parametrize("file", in_room(*KERNELS), ids=named)
def test_kernels_know_no_files_and_no_config(file):
    assert not packages(imports(file)) & NOT_IN_KERNELS


@pytest.mark.parametrize("file", in_room("statistics", "signals"), ids=named)
def test_numbers_and_waveforms_know_no_networks_and_no_tables(file):
    assert not [name for name in imports(file) if name.startswith("torch.nn")]
    assert "pandas" not in packages(imports(file))


@pytest.mark.parametrize("file", in_room("people", "genetics", "recordings", "runs"), ids=named)
def test_readers_and_writers_know_no_config(file):
    assert not packages(imports(file)) & {"hydra", "omegaconf"}


def test_only_the_entry_and_the_sweeps_know_hydra():
    users = {
        module(file).split(".")[0]
        for file in sources()
        if packages(imports(file)) & {"hydra", "omegaconf"}
    }
    assert users == {"entry", "sweeping"}


def test_lightning_has_one_name_and_one_home():
    assert not [file for file in sources() if "lightning" in packages(imports(file))]
    users = {module(file) for file in sources() if "pytorch_lightning" in packages(imports(file))}
    homes = {".".join(user.split(".")[:2]) for user in users}
    assert homes == {"models.training", "runs.tracking"}


def test_what_talks_to_wandb_is_in_two_places():
    users = {
        module(file)
        for file in sources()
        if packages(imports(file)) & {"wandb", "wandb_workspaces"}
    }
    assert users == {"runs.tracking", "runs.dashboard"}


def test_the_coalescent_library_is_imported_in_one_place():
    users = [
        file for file in sources() if re.search(r"\bimport msprime|\"msprime\"", file.read_text())
    ]
    assert len(users) == 1


def test_nobody_imports_what_another_package_room_keeps_to_itself():
    """A module or name with a leading underscore belongs to its own folder."""
    for file in sources():
        for name in imports(file):
            parts = name.split(".")
            private = [
                place
                for place, part in enumerate(parts)
                if part.startswith("_") and not part.startswith("__")
            ]
            if parts[0] == "ecgae" and private:
                home = ".".join(parts[1 : private[0]])
                assert module(file).startswith(home), f"{named(file)} imports {name}"


def test_entry_points_do_not_import_each_other():
    for name in ENTRY:
        assert not packages(imports(ROOT / f"{name}.py")) & (set(ENTRY) - {name})


@pytest.mark.parametrize("file", sources(), ids=named)
def test_every_module_says_what_it_is_for(file):
    assert ast.get_docstring(ast.parse(file.read_text()))


def test_every_name_is_defined():
    """What ruff's F821 and mypy would say, were axis names in annotations not undefined for them."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "F821", "--ignore", "F722"]
    command += ["--config", "lint.ignore=[]", "--output-format", "json", "."]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout)
    undefined = []
    for each in found:
        line = Path(each["filename"]).read_text().splitlines()[each["location"]["row"] - 1]
        inside_text = line[: each["location"]["column"] - 1].count('"') % 2
        if each["code"] == "F821" and not inside_text:
            undefined.append(f"{each['filename']}: {each['message']}")
    assert not undefined
