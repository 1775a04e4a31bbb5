"""Run directories become a table and a page; what cannot be compared is left out, counted and
named."""

import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from made_runs import (
    LOCI_EACH,
    change,
    config,
    exactly,
    found_with,
    write,
    write_run,
    write_yardstick,
)

from ecgae import comparison
from ecgae.__main__ import main
from ecgae.comparison.axes import differing, flat
from ecgae.comparison.choice_yield import choices
from ecgae.comparison.compare import compare
from ecgae.comparison.directories import read_runs
from ecgae.comparison.found_loci import found_loci, patterns
from ecgae.comparison.metrics import YIELDS
from ecgae.comparison.terminal import text
from ecgae.errors import InputError
from ecgae.report.comparison_page import write_page
from ecgae.scoring.select_by import SELECTABLE

ROOT = Path(__file__).parent.parent


# Names


def test_only_what_differs_is_a_column():
    configs = [flat(config(denoiser=denoiser, trainer__max_epochs=epochs)) for denoiser, epochs in
               (("dwt", 40), ("fft", 40), ("fft", 60))]  # fmt: skip
    assert [axis.name for axis in differing(configs)] == ["denoiser", "max_epochs"]


def test_what_the_choice_implies_is_no_column_but_the_size_of_the_latents_is():
    configs = [flat(config(architecture=name, architecture__filters=filters, architecture__latent_dim=size)) for
               name, filters, size in (("pca", [], 8), ("plain", [8, 16], 16))]  # fmt: skip
    assert [axis.name for axis in differing(configs)] == ["architecture", "latent_dim"]
    configs.append(
        flat(config(architecture="plain", architecture__filters=[4], architecture__latent_dim=16))
    )
    assert [axis.name for axis in differing(configs)] == ["architecture", "filters", "latent_dim"]


def test_equal_short_names_are_written_out():
    configs = [{"a.seed": "1", "b.seed": "1"}, {"a.seed": "2", "b.seed": "3"}]
    assert [axis.name for axis in differing(configs)] == ["a.seed", "b.seed"]


# From directories to a table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two denoisers by two normalizations, two seeds each; dwt finds more; and two yardsticks."""
    folder = tmp_path_factory.mktemp("made")
    for denoiser, normalization, seed in product(("dwt", "fft"), ("global", "robust"), (1, 2)):
        found = exactly(14 if denoiser == "dwt" else 7)
        found[0, 0] = seed == 1
        run = write_run(
            folder, found, denoiser=denoiser, normalization=normalization, trainer__seed=seed
        )
        (run / "report.html").write_text("its report")
    write_yardstick(folder, exactly(5), "intervals")
    write_yardstick(folder, exactly(16), "oracle")
    return folder


@pytest.fixture
def sweep(made, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(made, tmp_path / "runs")


def runs_of(folder):
    return sorted(one for one in folder.iterdir() if (one / "score.json").is_file())


def test_seeds_are_one_configuration_with_their_mean_and_error(sweep):
    found = compare(sweep)
    assert len(found.models) == 4
    measured = found.models[0].measured("loci")
    assert measured.value == 14 * LOCI_EACH - 0.5
    assert measured.seed_error == pytest.approx(0.5)
    assert measured.genome_error > 0


def test_the_table_is_sorted_by_yield_with_yardsticks_marked_in_it(sweep):
    lines = comparison.terminal_table(sweep).splitlines()
    assert lines[0].startswith("4 configurations of 8 runs, 2 yardsticks; cohort simulated/")
    first = [line.split()[0] for line in lines[3:9]]
    assert first == ["[oracle]", "dwt", "dwt", "fft", "fft", "[intervals]"]
    assert lines[2].split()[:4] == ["denoiser", "normalization", "loci", "SE"]


def test_a_real_difference_is_called_real_and_none_is_made_of_equal_runs(sweep):
    said = comparison.terminal_table(sweep)
    assert re.search(
        r"dwt / global finds 21\.0 ± \d+\.\d more loci than fft / \w+: real \(p = 0\.0", said
    )
    assert "dwt / global and dwt / robust have the same loci: not told apart (p = 1)." in said
    assert "more loci than the yardstick intervals: real" in said
    assert (
        "the best of 4 valid models is one of these 2: dwt / global, dwt / robust; the others are ruled out"
        in said
    )


def test_other_people_or_variants_are_said_and_not_tested(sweep):
    for run in runs_of(sweep):
        if "-robust-" in run.name:
            change(run, people_fingerprint="f" * 12, n_individuals=1500)
    told = {verdict.other: verdict for verdict in compare(sweep).judgement.verdicts}
    best = compare(sweep).judgement.verdicts[0].best
    other = "dwt / robust" if best == "dwt / global" else "dwt / global"
    assert "not tested, they were scored on other people" in told[other].sentence
    assert np.isnan(told[other].p)
    assert not told[other].real


def test_the_few_people_that_the_qc_of_latents_leaves_out_do_not_unpair_runs(sweep):
    first = runs_of(sweep)[0]
    change(first, people_fingerprint="f" * 12, n_individuals=1995, latent_qc_dropped=5)
    assert not any(
        verdict.reason
        for verdict in compare(sweep).judgement.verdicts
        if not verdict.other_is_yardstick
    )
    change(first, n_individuals=1900, latent_qc_dropped=100)
    assert any(verdict.reason for verdict in compare(sweep).judgement.verdicts)


def test_a_yield_that_is_not_kept_by_chromosome_has_no_p(sweep):
    found = compare(sweep, by="summed_heritability")
    assert all("not kept by chromosome" in verdict.reason for verdict in found.judgement.verdicts)


def test_runs_can_be_ranked_by_whatever_they_can_be_selected_by():
    assert {*YIELDS} == {*SELECTABLE}


@pytest.mark.parametrize("metric", YIELDS)
def test_every_yield_can_be_ranked_by(sweep, metric):
    assert f"sorted by {YIELDS[metric].title}" in text(compare(sweep, by=metric))


def test_the_yield_that_runs_were_selected_by_is_the_default(sweep):
    for run in runs_of(sweep):
        change(run, select_by=["excess_chi2", "r2_recorded"])
    assert compare(sweep).by == "excess_chi2"
    assert compare(sweep, by="hits").by == "hits"


def test_what_did_not_pass_the_gate_comes_last_with_its_reason_and_is_never_the_best(sweep):
    for run in runs_of(sweep):
        if "-dwt-global-" in run.name:
            change(
                run,
                valid=False,
                invalid_because=["genomic_inflation must be at most 1.1; got 1.3."],
            )
    found = compare(sweep)
    assert found.rows[-1].name == "dwt / global"
    assert {verdict.best for verdict in found.judgement.verdicts} == {"dwt / robust"}
    assert "not valid: dwt / global: genomic_inflation must be at most 1.1; got 1.3." in text(found)


def test_a_configuration_is_judged_by_its_seeds_that_passed_the_gate(sweep):
    run = next(run for run in runs_of(sweep) if "-dwt-global-" in run.name)
    change(run, valid=False, invalid_because=["it is not."], loci=999)
    row = next(row for row in compare(sweep).rows if row.name == "dwt / global")
    assert row.measured("loci").value < 100
    assert "1 of 2" in text(compare(sweep))


def test_the_confirmation_stands_beside_the_optimistic_number(sweep):
    assert "python -m ecgae confirm" in text(compare(sweep))
    summary = '{"loci": 12, "replicated": 9, "omnibus_loci": 5, "omnibus_replicated": 4}'
    (runs_of(sweep)[0] / "confirmation.json").write_text(summary)
    assert "9 of 12" in text(compare(sweep))
    assert "4 of 5" in text(compare(sweep, by="omnibus_loci"))
    assert "python -m ecgae confirm" not in text(compare(sweep))


def test_a_choice_by_everybody_is_called_circular(sweep):
    assert "circular" not in text(compare(sweep))
    for run in runs_of(sweep):
        change(run, scored_people="all")
    assert "is circular" in text(compare(sweep))


def test_the_effect_of_a_choice_is_found_from_directories(sweep):
    found = compare(sweep)
    effects = {(one.axis.name, one.value): one for one in choices(found.rows, found.axes, "loci")}
    assert effects["denoiser", "dwt"].effect == pytest.approx(7 * LOCI_EACH / 2)
    assert effects["normalization", "global"].effect == pytest.approx(0)
    assert effects["denoiser", "dwt"].paired


# Loci shared and unique


def test_shared_and_unique_loci_are_counted_as_planted(tmp_path):
    one, two = exactly(10), exactly(12)
    two[0] = False
    write_run(tmp_path, one, denoiser="dwt")
    write_run(tmp_path, two, denoiser="fft")
    shared = found_loci(compare(tmp_path).rows, "loci")
    names = [row.name for row in shared.rows]
    found = {
        tuple(names[place] for place in one.members): len(one.loci)
        for one in patterns(shared.found)
    }
    assert found == {("fft", "dwt"): 27, ("fft",): 6, ("dwt",): 3}
    assert (shared.loci["planted"] != "").all()


def test_a_locus_of_fewer_than_most_seeds_is_not_counted_as_found(tmp_path):
    for seed, chromosomes in ((1, 3), (2, 3), (3, 5)):
        write_run(tmp_path, exactly(chromosomes), trainer__seed=seed)
    assert found_loci(compare(tmp_path).rows, "loci").found.sum() == 3 * LOCI_EACH


# What cannot be compared


def test_what_is_left_out_is_counted_with_its_reason(sweep):
    first = runs_of(sweep)[0]
    (sweep / "new.partial").mkdir()
    for name in ("old", "broken", "unscanned", "copy", "list"):
        shutil.copytree(first, sweep / name)
    (sweep / "old" / "score.json").write_text('{"loci": 3}')
    (sweep / "broken" / "score.json").write_text('{"loci": ')
    (sweep / "list" / "config.yaml").write_text("- 1")
    (sweep / "unscanned" / "score.json").unlink()
    (sweep / "notes").mkdir()
    (sweep / "wandb").mkdir()
    (sweep / ".locks").mkdir()
    left_out = {
        reason.split(":")[0]: sorted(names) for reason, names in compare(sweep).left_out.items()
    }
    assert left_out == {
        "unfinished": ["new.partial"],
        "of another version of ecgae (python gwas.py run=... scans it again)": ["old"],
        "with a file that cannot be read": ["broken", "list"],
        "not scanned": ["unscanned"],
        "the same configuration and seed as another one": [
            "copy" if first.name < "copy" else first.name
        ],
        "not made by train.py": ["notes"],
    }
    assert "left out: 1 unfinished" in text(compare(sweep))


def test_a_folder_without_runs_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="which does not exist"):
        read_runs(tmp_path / "none")
    with pytest.raises(
        InputError, match=r"runs must hold a finished, scanned run; got .* with no run directory"
    ):
        read_runs(tmp_path)
    (tmp_path / "a.partial").mkdir()
    with pytest.raises(InputError, match="with 1 unfinished"):
        read_runs(tmp_path)
    with pytest.raises(InputError, match="which is one run: name its parent"):
        read_runs(write_run(tmp_path, exactly(1)))


def test_two_cohorts_are_not_mixed_and_the_message_lists_them(sweep):
    write_run(sweep, exactly(2), cohort__seed=7)
    with pytest.raises(
        InputError, match=r"runs must be of one cohort; got 2 in .*8 runs, seed 1.*1 run, seed 7"
    ) as said:
        compare(sweep)
    name = re.findall(r"simulated/\w+", str(said.value))[0]
    found = compare(sweep, cohort=name)
    assert len(found.models) == 4
    assert [
        len(names) for reason, names in found.left_out.items() if "another cohort" in reason
    ] == [1]
    with pytest.raises(InputError, match="--cohort must be one of those"):
        compare(sweep, cohort="ptbxl")


def test_where_files_lie_does_not_make_another_cohort(sweep):
    write_run(sweep, exactly(2), denoiser="none", cohort__directory="elsewhere")
    assert len(compare(sweep).models) == 5


def test_yardsticks_of_another_split_are_left_out_where_there_are_fitting_ones(sweep):
    old = write(sweep / "yardsticks" / "oracle-old", config() | {"yardstick": "oracle"}, exactly(3))
    change(old, people_fingerprint="e" * 12)
    found = compare(sweep)
    assert [row.name for row in found.rows if row.yardstick] == ["oracle", "intervals"]
    assert ["oracle-old"] in found.left_out.values()


def test_a_yardstick_that_was_scored_again_with_other_settings_of_the_gate_is_shown_once(sweep):
    first = next((sweep / "yardsticks").glob("oracle-*"))
    again = shutil.copytree(first, sweep / "yardsticks" / "oracle-00000000")
    settings = (again / "config.yaml").read_text()
    (again / "config.yaml").write_text(settings.replace("people: all", "people: genotyped"))
    found = compare(sweep)
    assert [row.name for row in found.rows if row.yardstick] == ["oracle", "intervals"]
    assert ["oracle-00000000"] in found.left_out.values()  # the models' people are `all`


def test_an_unknown_yield_is_one_sentence_that_lists_the_known(sweep):
    with pytest.raises(InputError, match=r"--by must be one of loci, omnibus_loci.*; got 'p'"):
        compare(sweep, by="p")


# The page


class Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.links, self.pictures, self.rows, self.open = [], 0, 0, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.links += [attributes["href"]] if tag == "a" else []
        self.pictures += tag == "img"
        self.rows += tag == "tr"


def test_the_command_prints_the_table_and_its_page_holds_figures_and_links_to_every_report(
    sweep, capsys
):
    main(["compare", str(sweep)])
    assert "[oracle]" in capsys.readouterr().out
    file = sweep / "comparison.html"
    page = Page(file.read_text())
    assert page.pictures == 5
    assert len(page.links) == 8
    assert all((file.parent / link).is_file() for link in page.links)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]*", "", file.read_text())
    assert str(sweep) not in file.read_text()


@pytest.mark.parametrize("case", ["one run alone", "nothing found", "invalid, by an unknown yield"])
def test_the_page_of_an_unusual_folder_is_written(tmp_path, case):
    for seed in (1,) if case == "one run alone" else (1, 2, 3):
        run = write_run(
            tmp_path,
            exactly(0 if case == "nothing found" else seed),
            architecture__latent_dim=4 * seed,
        )
        if "invalid" in case:
            change(run, valid=False, invalid_because=["<b>bad</b>"], loci_at_known=None)
    if case != "one run alone":
        write_yardstick(tmp_path, exactly(4), "pca")
    write_page(
        compare(tmp_path, by="loci_at_known" if "unknown" in case else None), tmp_path / "page.html"
    )
    page = (tmp_path / "page.html").read_text()
    assert "<b>bad</b>" not in page
    assert page.endswith("</html>\n")


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path):
    write_run(tmp_path, exactly(1))
    with pytest.raises(InputError, match="--out must be a file that can be written"):
        write_page(compare(tmp_path), tmp_path / "none" / "page.html")


def test_the_command_ends_with_one_sentence_and_exit_code_1(sweep, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(sweep), "--by", "p"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: --by must be")


def test_two_hundred_runs_take_seconds(tmp_path):
    first = write_run(tmp_path / "made", found_with(np.random.default_rng(0), 0.5))
    settings = (first / "config.yaml").read_text()
    assert "latent_dim: 16" in settings
    for size, seed in product(range(1, 41), range(1, 6)):
        run = shutil.copytree(first, tmp_path / "runs" / f"{size}-{seed}")
        other = settings.replace("latent_dim: 16", f"latent_dim: {size}")
        (run / "config.yaml").write_text(
            re.sub(r"(trainer:.*?seed:) 1\n", rf"\1 {seed}\n", other, flags=re.S)
        )
        change(run, excess_chi2=size / 100)
    start = time.process_time()
    found = compare(tmp_path / "runs", by="excess_chi2")
    assert text(found).startswith("40 configurations of 200 runs")
    assert found.rows[0].values["architecture.latent_dim"] == "40"
    assert found.judgement.comparisons == 40 * 39 / 2
    assert time.process_time() - start < 60


def test_the_sweep_driver_prints_a_table_without_loading_figures_or_networks():
    code = "import sys, ecgae.comparison.terminal; print(*{'torch', 'matplotlib', 'hydra', 'wandb'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
