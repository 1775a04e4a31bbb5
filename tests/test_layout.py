"""The house rules that a machine can check."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
AXES = ("cohort", "baseline", "denoiser", "normalization", "architecture", "objective", "engine", "split")
ENTRY = ("train", "encode", "gwas")

STATISTICS = {
    *("association", "calls", "screening", "omnibus", "tally", "combination", "permutation"),
    *("jackknife", "replication"),
    *(
        "loci",
        "calibration",
        "heritability",
        "ld_scores",
        "multiplicity",
        "hardy_weinberg",
        "variant_counts",
        "collinearity",
    ),
}
"""Kernels of the association scan, which build on one another."""

KERNELS = {
    *("baseline", "denoiser", "normalization", "architecture", "objective"),
    *STATISTICS,
    *("schedule", "split"),
    *("beats", "intervals", "quality", "resampling"),
    *("views", "features", "reconstruction", "latent_health"),
}
INPUT_OUTPUT = {
    *("cohort", "store", "runs", "latents", "genotypes", "covariates", "people", "sumstats", "tables"),
    *("cardiosoft", "simulate", "store_writer", "muse", "waveforms", "wfdb_records", "processes"),
    *("families", "memory", "slurm", "individuals", "ids", "conditions", "ukb_covariates", "ukb_fields"),
    *("known_loci", "adjustment", "collinearity", "kept", "ledger", "locus_file"),
}


def sources() -> list[Path]:
    return sorted((ROOT / "ecgae").rglob("*.py"))


def imports(file: Path) -> set[str]:
    """Every module that a file imports anywhere, with its full dotted name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part(file: Path) -> str:
    """The first name below `ecgae`: the module or the axis that a file belongs to."""
    return file.relative_to(ROOT / "ecgae").with_suffix("").parts[0]


def packages(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def own(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("ecgae.")}


@pytest.mark.parametrize("axis", AXES)
def test_every_choice_has_one_file_and_one_yaml(axis):
    files = {file.stem for file in (ROOT / "ecgae" / axis).glob("*.py") if not file.stem.startswith("_")}
    assert files == {file.stem for file in (ROOT / "conf" / axis).glob("*.yaml")}
    assert files


@pytest.mark.parametrize("file", [file for file in sources() if part(file) in KERNELS], ids=lambda file: file.stem)
def test_kernels_know_no_files_no_config_and_no_other_axis(file):
    assert not packages(imports(file)) & {
        "hydra",
        "omegaconf",
        "pytorch_lightning",
        "wandb",
        "logging",
        "h5py",
        "pathlib",
    }
    allowed = {"ecg", "errors", "arrays", "beats", part(file)}
    allowed |= STATISTICS if part(file) in STATISTICS else set()
    allowed |= {"objective": {"architecture"}, "schedule": {"split"}}.get(part(file), set())
    assert own(imports(file)) <= allowed


@pytest.mark.parametrize("file", [file for file in sources() if part(file) in INPUT_OUTPUT], ids=lambda file: file.stem)
def test_readers_and_writers_know_no_kernel_and_no_config(file):
    assert not packages(imports(file)) & {"hydra", "omegaconf", "pytorch_lightning", "wandb", "torch"}
    assert own(imports(file)) <= INPUT_OUTPUT | {"ecg", "errors"}


def test_only_the_entry_module_and_the_sweeps_know_hydra():
    users = {part(file) for file in sources() if packages(imports(file)) & {"hydra", "omegaconf"}}
    assert users == {"entry", "sweeping"}


def test_lightning_has_one_name_and_one_home():
    assert not [file for file in sources() if "lightning" in packages(imports(file))]
    users = {part(file) for file in sources() if "pytorch_lightning" in packages(imports(file))}
    assert users == {"training", "tracking"}


def test_what_talks_to_wandb_is_in_two_places():
    users = {part(file) for file in sources() if packages(imports(file)) & {"wandb", "wandb_workspaces"}}
    assert users == {"tracking", "dashboard"}


def test_the_coalescent_library_is_imported_in_one_place():
    users = [file for file in sources() if "msprime" in packages(imports(file))]
    assert len(users) == 1


def test_entry_points_do_not_import_each_other():
    for name in ENTRY:
        assert not packages(imports(ROOT / f"{name}.py")) & (set(ENTRY) - {name})


@pytest.mark.parametrize("file", sources(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(file):
    assert ast.get_docstring(ast.parse(file.read_text()))


@pytest.mark.parametrize("axis", AXES)
def test_every_yaml_names_a_target_that_exists(axis):
    yaml = pytest.importorskip("yaml")
    for file in (ROOT / "conf" / axis).glob("*.yaml"):
        target = yaml.safe_load(file.read_text())["_target_"]
        module, name = target.rsplit(".", 1)
        assert module == f"ecgae.{axis}.{file.stem}"
        assert hasattr(importlib.import_module(module), name)
