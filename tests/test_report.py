"""The report shows the model's numbers and figures, and nobody's trace where none may be seen."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import composed, heartbeats
from toy_model import toy

from ecgae.models.encoding import encode
from ecgae.models.judging.judge import judge
from ecgae.models.judging.latent_qc import LatentQC
from ecgae.report import figures, model_figures, run_figures
from ecgae.report.html import CAPTIONS
from ecgae.report.page import write_report
from ecgae.report.run_figures import chosen
from ecgae.report.table import summary_table
from ecgae.runs.run_directory import MODEL, write_json

HISTORY = [
    {
        "epoch": epoch,
        "learning_rate": 1e-3,
        "training/loss": 1 / epoch,
        "validation/loss": 1.2 / epoch,
    }
    for epoch in (1, 2, 3)
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, run(folder)[0]


def copied(finished, tmp_path):
    """A run directory to change."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(folder, kind="median_beat", lead_mode="joint", public=True, people=60, qc=None):
    beat = np.sin(np.linspace(0, 6, 100, dtype=np.float32))
    amounts = np.random.default_rng(1).normal(1, 0.3, (people, 12, 1)).astype(np.float32)
    ecg = amounts * beat + heartbeats(people, 100, seed=4) / 20
    measurements = {"qt_interval": np.random.default_rng(0).normal(400, 20, people)}
    fitted, dataset = toy(
        composed, ecg, 2, lead_mode, kind=kind, tables={"measurements": measurements}
    )
    fitted = fitted._replace(history=HISTORY)
    split = np.where(np.arange(people) % 3 == 0, "validation", "training")
    latents = encode(fitted, dataset)._replace(split=split)
    found = judge(
        fitted,
        dataset,
        latents,
        qc or LatentQC(),
        costs={"n_parameters": 1234, "training_seconds": 61.0},
    )
    write_json(folder / MODEL, found.summary)
    run_figures.draw(folder / "figures", fitted, dataset, latents, found, public)
    return found, latents


def test_the_page_holds_the_models_numbers_and_every_figure(finished, tmp_path):
    folder, found = copied(finished, tmp_path), finished[1]
    page = write_report(folder).read_text()
    drawn = {file.stem for file in (folder / "figures").iterdir()}
    assert drawn == {"quality", "errors", "latents", "training", "probes", "traversals", "overlays"}
    assert page.count("data:image/png;base64,") == len(drawn)
    assert f"<b>{found.summary['r2_recorded']:.3f}</b>" in page
    assert f"<b>{found.summary['bypass_index']:,.0f}</b>" in page
    assert "By lead: median (quartiles)" in page
    assert "1,234" in page
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]*", "", page)


def test_figures_are_drawn_for_single_leads_and_for_leads_that_fail(tmp_path):
    found, _ = run(tmp_path, lead_mode="single", qc=LatentQC("mse", 1e-6))
    assert found.summary["latent_qc_dropped"] > 0
    page = write_report(tmp_path).read_text()
    assert (
        f"{found.summary['latent_qc_dropped']:,} of 720 signals have no latents: mse above 1e-06"
        in page
    )


def test_nobody_can_be_seen_where_the_cohort_is_not_public(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda figure, file: drawn.append(file.stem)
    )
    run(tmp_path, kind="strip", public=False)
    run(tmp_path, public=False, people=19)
    assert drawn.count("quality") == 2
    assert not {"overlays", "traversals"} & {*drawn}
    run(tmp_path, public=False, people=20)
    assert "traversals" in drawn  # the mean of 20 people
    assert "overlays" not in drawn


@pytest.mark.parametrize(("people", "shown"), [(90, 0), (189, 0), (200, 3), (3000, 3)])
def test_overlays_of_a_closed_cohort_are_means_over_at_least_twenty(people, shown):
    _, latents = chosen_latents(people)
    groups = chosen(latents, "median_beat", public=False)
    assert len(groups) == shown
    assert all(len(rows) >= 20 for rows in groups.values())
    assert chosen(latents, "strip", public=False) == {}
    assert all(len(rows) == 1 for rows in chosen(latents, "strip", public=True).values())


def chosen_latents(people):
    fitted, dataset = toy(composed, heartbeats(30, 40), 1)
    latents = encode(fitted, dataset)
    r2 = np.random.default_rng(0).uniform(size=(people, 12))
    return dataset, latents._replace(split=np.full(people, "none"), quality={"r2": r2})


def test_the_best_are_better_than_the_worst():
    _, latents = chosen_latents(1000)
    best, middle, worst = (
        latents.quality["r2"][rows].mean()
        for rows in chosen(latents, "median_beat", False).values()
    )
    assert best > middle > worst


def test_the_table_for_the_terminal_shows_the_headline_and_the_warnings(finished):
    found = finished[1]
    text = summary_table(found.headline | {"model_warnings": ["The latents are hardly used."]})
    for line in (
        "R2  ",
        "PRD (%)  ",
        "r  ",
        "bypass index  ",
        "active latents  2 of 2",
        "0 individuals dropped",
    ):
        assert " ".join(line.split()) in " ".join(text.split())
    assert text.endswith("warning: The latents are hardly used.")
    scanned = json.loads(json.dumps(found.headline)) | {
        "n_individuals": 60, "n_variants": 5, "n_phenotypes": 2, "threshold": 5e-8, "hits": 1, "hit_variants": 1,
        "loci": 1, "genomic_inflation": None,
    }  # fmt: skip
    assert "independent loci" in summary_table(scanned)
    assert "bypass index" in summary_table(scanned)
    assert "bypass index" not in summary_table(
        {name: scanned[name] for name in scanned if name not in found.headline}
    )


def test_a_page_without_a_model_or_with_unknown_numbers_is_written_too(finished, tmp_path):
    assert "The model" not in write_report(tmp_path).read_text()
    copied(finished, tmp_path)
    summary = json.loads((tmp_path / MODEL).read_text())
    for name in ("r2_recorded", "prd_recorded", "r_recorded", "bypass_index"):
        summary[name] = None
    write_json(tmp_path / MODEL, summary)
    assert "<b>\u2013</b>" in write_report(tmp_path).read_text()


def test_every_figure_has_a_caption(finished):
    assert {file.stem for file in (finished[0] / "figures").iterdir()} <= CAPTIONS.keys()


def test_small_changes_are_magnified_and_say_so():
    time = np.linspace(0, 1, 50)
    mean = np.exp(-(((time - 0.5) / 0.05) ** 2))
    steps = (-2.0, -1.0, 0.0, 1.0, 2.0)
    sizes = np.array([0.2, 0.004, 0.0])
    change = np.array(steps)[:, None] * np.exp(-(((time - 0.7) / 0.05) ** 2)) / 2
    ecg = (mean + sizes[:, None, None] * change)[:, :, None].repeat(12, axis=2)
    figure = model_figures.traversals(
        ecg, sizes, steps, [f"lead {place}" for place in range(12)], 500.0
    )
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said[0] == "01: 200.0 uV\nchange x 2"
    assert said[1] == "02: 4.0 uV\nchange x 100"
    assert said[2].startswith("03: 0.0 uV")


def test_errors_of_a_model_worse_than_the_mean_are_drawn_against_that_line():
    r2 = np.array([[0.9, -3.0, np.nan]])
    curve = model_figures.errors(r2).axes[0]
    assert [text.get_text() for text in curve.texts] == ["as bad as the mean"]
    assert np.allclose(np.sort(curve.lines[0].get_ydata()), [0.1, 4.0])
    assert not model_figures.errors(np.array([[0.9, 0.8]])).axes[0].texts


def test_a_probe_below_chance_stays_within_its_figure():
    axes = model_figures.probes({"age": ("R2", -7.0, 40), "sex": ("AUC", 0.7, 40)}).axes[0]
    assert all(bar.get_width() >= model_figures.LOWEST_PROBE for bar in axes.patches)
    assert axes.texts[0].get_text() == "R2 -7.00, n = 40"


SCORE = {
    "n_individuals": 9, "n_variants": 1, "n_phenotypes": 1, "threshold": 1e-8, "loci": 1, "hits": 1, "hit_variants": 1,
    "genomic_inflation": 1.0, "genomic_inflation_max": 1.1, "genomic_inflation_by_phenotype": {"<y>": 1.0},
}  # fmt: skip
"""What score.json of the first version holds."""

FULL = SCORE | {
    "alpha": 5e-8, "correction": "phenotypes", "loci_at_known": 7, "omnibus_loci": 23, "acat_loci": 19,
    "threshold_by_correction": {"none": 5e-8, "phenotypes": 1e-8, "li_ji": 2e-8, "galwey": None},
    "hits_by_correction": {"none": 31, "phenotypes": 1, "li_ji": 17, "galwey": None},
    "loci_by_correction": {"none": 13, "phenotypes": 1, "li_ji": 11, "galwey": None},
    "hits_by_phenotype": {"<y>": 1}, "excluded_variants": {"no call": 1200, "call rate below 0.95": 34, "<none>": 0},
}  # fmt: skip

LOCUS = {
    "chromosome": 1, "start": 5, "end": 4505, "base_pair_location": 5, "rsid": "<b>", "index_variant": "v",
    "effect_allele": "A", "other_allele": "G", "effect_allele_frequency": 0.1, "neg_log_10_p_value": 9.0,
    "phenotype": "<y>", "phenotypes": "<y>",
}  # fmt: skip


def test_the_loci_table_escapes_what_files_say(tmp_path):
    write_json(tmp_path / "score.json", FULL | {"excluded_variants": {"<y>": 3}})
    pd.DataFrame([LOCUS | {"known": "<y>"}]).to_csv(tmp_path / "loci.tsv", sep="\t", index=False)
    page = write_report(tmp_path).read_text()
    assert "&lt;b&gt;" in page
    assert "<y>" not in page


def test_the_page_shows_the_yield_at_every_threshold_known_loci_and_those_of_the_omnibus_test(
    tmp_path,
):
    write_json(tmp_path / "score.json", FULL)
    pd.DataFrame([LOCUS | {"known": "PR interval (SCN5A)"}, LOCUS | {"known": ""}]).to_csv(
        tmp_path / "loci.tsv", sep="\t", index=False
    )
    omnibus = LOCUS | {"phenotype": "omnibus", "phenotypes": "omnibus", "rsid": "rs77", "known": ""}
    pd.DataFrame([omnibus]).to_csv(tmp_path / "omnibus_loci.tsv", sep="\t", index=False)
    page = write_report(tmp_path).read_text()
    for cells in (
        ["none: one scan", "5e-08", "13", "31"],
        ["phenotypes (chosen)", "1e-08", "1", "1"],
        ["effective phenotypes, Li and Ji", "2e-08", "11", "17"],
        ["none: their p combined, ACAT", "5e-08", "19", "\u2013"],
    ):
        assert "".join(f"<td>{cell}</td>" for cell in cells) in page
    assert "Galwey" not in page
    assert page.count("<td>PR interval (SCN5A)</td>") == 1
    assert "<td>rs77</td>" in page
    assert "1,234 variants were not tested: 1,200 no call; 34 call rate below 0.95." in page
    assert "<b>7</b><span>of them at known ECG loci</span>" in page
    assert "<b>23</b><span>loci of all phenotypes at once</span>" in page


def test_the_page_of_a_model_of_single_leads_shows_the_yield_of_each(tmp_path):
    by_lead = {"loci_by_lead": {"I": 3, "V1": 1200}, "omnibus_loci_by_lead": {"V1": 8}}
    write_json(tmp_path / "score.json", FULL | by_lead)
    page = write_report(tmp_path).read_text()
    assert "<td>V1</td><td>1,200</td><td>8</td>" in page
    assert "<td>I</td><td>3</td><td>\u2013</td>" in page


def test_a_score_of_an_older_version_is_shown_with_what_it_has(tmp_path):
    write_json(tmp_path / "score.json", SCORE)
    older = {name: value for name, value in LOCUS.items() if name not in ("start", "end")}
    pd.DataFrame([older]).to_csv(tmp_path / "loci.tsv", sep="\t", index=False)
    page = write_report(tmp_path).read_text()
    assert "independent loci" in page
    assert "Yield by threshold" not in page
    assert "independent loci" in summary_table(SCORE)
    write_json(
        tmp_path / "score.json",
        FULL | {"omnibus_loci": None, "acat_loci": None, "loci_at_known": None},
    )
    page = write_report(tmp_path).read_text()
    assert "all phenotypes at once" not in page
    assert "known ECG loci" not in page


def test_the_terminal_shows_other_thresholds_omnibus_loci_and_what_was_left_out():
    lines = [" ".join(line.split()) for line in summary_table(FULL).splitlines()]
    assert "variants left out 1,234 (1,200 no call; 34 call rate below 0.95)" in lines
    assert "at other thresholds none 13 (31 hits); li_ji 11 (17 hits)" in lines
    assert "omnibus loci 23 (all phenotypes at once, p < 5e-08)" in lines
    assert "at a known ECG locus 7" in lines
    assert not {"omnibus loci", "left out"} & {
        line[:12] for line in summary_table(SCORE).splitlines()
    }


def genome(variants, seed=0):
    rng = np.random.default_rng(seed)
    chromosome = np.sort(rng.integers(1, 23, variants))
    place = np.sort(rng.integers(1, 10**8, variants))
    return pd.DataFrame({"chromosome": chromosome.astype(str), "base_pair_location": place,
                         "neg_log_10_p_value": rng.exponential(0.6, variants)})  # fmt: skip


def drawn_points(figure):
    return np.concatenate(
        [np.asarray(points.get_offsets()) for points in figure.axes[0].collections[:2]]
    )


def test_of_points_below_the_threshold_that_lie_on_one_another_the_highest_is_drawn():
    variants = genome(300_000)
    variants.loc[::10_000, "neg_log_10_p_value"] = 20.0
    place = drawn_points(figures.manhattan(variants, variants.iloc[:0], 5e-8, None))
    assert len(place) < 120_000
    assert (place[:, 1] == 20).sum() == 30
    below = variants["neg_log_10_p_value"][variants["neg_log_10_p_value"] < -np.log10(5e-8)]
    assert below.max() in place[:, 1]
    across = np.histogram2d(*place.T, bins=(300, 40))[0] > 0
    x = figures.manhattan(variants.iloc[:100], variants.iloc[:0], 5e-8, None)
    assert len(drawn_points(x)) == 100
    assert across[:, :3].all()  # nothing is missing where points are dense


def test_the_page_says_whether_the_scan_may_be_trusted(tmp_path):
    null = {
        "null_repetitions": 200, "null_family_wise_error": 0.045, "null_family_wise_error_95": [0.02, 0.08],
        "null_threshold": None, "null_threshold_95": [1e-9, 3e-9],
    }  # fmt: skip
    heritability = {
        "heritability_by_phenotype": {"<y>": None},
        "mean_chi2_by_phenotype": {"<y>": 1.23456},
    }
    write_json(tmp_path / "score.json", FULL | null | heritability)
    page = write_report(tmp_path).read_text()
    assert "<td>shuffled scans with a hit</td><td>0.045</td><td>0.02 to 0.08</td>" in page
    assert "family-wise error (p)</td><td>\u2013</td><td>1e-09 to 3e-09</td>" in page
    assert "<td>&lt;y&gt;</td><td>1</td><td>1</td><td>1.235</td><td>\u2013</td>" in page
    write_json(tmp_path / "score.json", SCORE)
    page = write_report(tmp_path).read_text()
    assert "shuffled" not in page
    assert "<td>&lt;y&gt;</td><td>1</td></tr>" in page
