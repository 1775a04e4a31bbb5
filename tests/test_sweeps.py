"""The sweep files: each composes on its own, and names axes, choices and numbers that exist."""

import functools
from pathlib import Path
from typing import NamedTuple

import conftest
import pytest
import yaml
from conftest import ROOT
from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from ecgae import sweeping
from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.sweeping.known_axes import overrides_of, require_known_axes
from ecgae.sweeping.space import space_of

FILES = sorted((ROOT / "sweeps").glob("*.yaml"))
NAMES = {"report_table1", "report_table2", "design_grid", "latent_size", "seeds", "yield_search"}


class Sweep(NamedTuple):
    """What the driver of a sweep is given."""

    cfg: DictConfig
    loader: ConfigLoader


def sweep(name: str, *overrides: str, hydra: bool = True, folder: Path = ROOT / "sweeps") -> Sweep:
    """What `-cd sweeps -cn <name>` composes; the folder of configs is the second on the search
    path."""
    sweeping.register()
    GlobalHydra.instance().clear()
    path = f"hydra.searchpath=[file://{ROOT / 'conf'}]"
    with initialize_config_dir(str(folder), version_base="1.3"):
        cfg = compose(name, overrides=[path, *overrides], return_hydra_config=hydra)
        return Sweep(cfg, GlobalHydra.instance().config_loader())


def composed(name: str, *overrides: str) -> DictConfig:
    """The config of one job of a sweep."""
    return sweep(name, *overrides, hydra=False).cfg


def params(file: Path) -> dict[str, str]:
    return yaml.safe_load(file.read_text())["hydra"]["sweeper"]["params"]


def first_and_last(file: Path) -> list[list[str]]:
    """Two jobs of a sweep that between them meet both ends of every axis; of intervals, their
    ends."""
    parser, ends = OverridesParser.create(), []
    for key, value in params(file).items():
        sweep = parser.parse_override(f"{key}={value}")
        if sweep.is_discrete_sweep():
            values = list(sweep.sweep_string_iterator())
        else:
            values = [str(sweep.value().start), str(sweep.value().end)]
        ends.append([f"{key}={values[0]}", f"{key}={values[-1]}"])
    return [list(job) for job in zip(*ends, strict=True)]


def test_there_is_one_file_for_each_question():
    assert {file.stem for file in FILES} == NAMES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sweep_says_its_question_and_its_command(file):
    first, question = file.read_text().splitlines()[:2]
    assert first == "# @package _global_"
    assert "?" in question
    assert question.endswith(f"python train.py -m -cd sweeps -cn {file.stem}")


@functools.cache
def train() -> DictConfig:
    return conftest.composed()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_jobs_of_a_sweep_compose_and_have_no_keys_but_those_of_train(file):
    for overrides in first_and_last(file):
        cfg = composed(file.stem, *overrides)
        assert cfg.sweep == file.stem
        assert set(cfg) - {"sweep"} <= set(train())
        for axis in ("denoiser", "baseline", "normalization", "input", "trainer"):
            build(cfg[axis])
        build(cfg.architecture, leads=12, samples=600, conditions=0)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_axes_of_a_sweep_exist_and_its_logs_have_a_folder_of_their_own(file):
    cfg, loader = sweep(file.stem)
    require_known_axes(cfg, loader)
    assert cfg.hydra.sweep.dir.endswith(f".sweeps/{file.stem}")


def table(name: str) -> list[str]:
    return params(ROOT / "sweeps" / f"{name}.yaml")["experiment"].split(",")


def test_the_two_tables_are_the_ten_published_rows():
    rows = sorted(file.stem for file in (ROOT / "conf" / "experiment").glob("report_table*.yaml"))
    assert table("report_table1") + table("report_table2") == rows
    assert len(rows) == 10


@pytest.mark.parametrize("row", [*table("report_table1"), *table("report_table2")])
def test_a_row_of_a_table_is_small_by_default(row):
    small = composed(row.rpartition("_")[0], f"experiment={row}")
    full = OmegaConf.merge(small.architecture, {"width": 1.0})
    models = [build(cfg, leads=1, samples=1000, conditions=0) for cfg in (small.architecture, full)]
    weights = [sum(weight.numel() for weight in model.encoder.parameters()) for model in models]
    assert weights[0] < weights[1] / 4
    assert small.trainer.max_epochs < 10


def test_full_scale_is_what_the_experiment_says():
    row = "experiment=report_table2_row4"
    full, published = composed("report_table2", row, "scale=full"), conftest.composed(row)
    published.sweep = full.sweep
    assert full == published


def test_a_network_of_another_width_has_its_filters_multiplied():
    narrow = conftest.composed("architecture.width=0.25").architecture  # of 8, 16, 32
    assert [
        block.main[0].conv.out_channels for block in build(narrow, leads=12, samples=600).encoder
    ] == [2, 4, 8]
    with pytest.raises(InputError, match=r"architecture.width must be positive; got 0\."):
        build(OmegaConf.merge(narrow, {"width": 0.0}), leads=12, samples=600)


def test_the_search_has_a_direction_for_each_number_and_axes_that_optuna_knows():
    pytest.importorskip("optuna")
    cfg, loader = sweep("yield_search")
    assert len(cfg.hydra.sweeper.directions) == len(cfg.score.select_by)
    found = space_of(overrides_of(cfg, loader, []))
    assert set(found.axes) == set(params(ROOT / "sweeps" / "yield_search.yaml"))
    assert found.fixed == ()


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        (
            {"denoizer": "none,fft"},
            r"^denoizer must be a key or a group of the config; it is neither. Did you mean den",
        ),
        (
            {"denoiser": "none,ftt"},
            rf"^denoiser must be one of {', '.join(conftest.choices('denoiser'))}; got ftt\.$",
        ),
        (
            {"architecture.latent_dims": "4,8"},
            r"^architecture.latent_dims must be .* architecture.latent_dim",
        ),
        (
            {"architecture": "plain,residual", "architectur.latent_dim": "4"},
            r"^architectur.latent_dim must be a key",
        ),
    ],
)
def test_a_sweep_with_an_unknown_axis_is_refused_with_one_sentence(tmp_path, axes, sentence):
    content = {"defaults": ["train", "_self_"], "hydra": {"sweeper": {"params": axes}}}
    (tmp_path / "mine.yaml").write_text("# @package _global_\n" + yaml.safe_dump(content))
    cfg, loader = sweep("mine", folder=tmp_path)
    with pytest.raises(InputError, match=sentence):
        require_known_axes(cfg, loader)


def test_both_plugins_are_there_without_an_installed_package():
    sweeping.register()
    sweeping.register()  # twice does no harm
    names = {plugin.__name__ for plugin in Plugins.instance().discover()}
    assert {"Procs", "StudySweeper"} <= names
