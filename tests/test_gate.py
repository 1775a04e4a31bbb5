"""The gate lets a sound score through, marks an unsound one with a reason, and changes no
number."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from ecgae.errors import InputError
from ecgae.report.calibration_section import GATE
from ecgae.report.page import write_report
from ecgae.report.table import summary_table
from ecgae.scoring.gate import Gate

ROOT = Path(__file__).parent.parent

SOUND = {
    "loci": 12,
    "n_variants": 20_000,
    "genomic_inflation": 1.04,
    "ld_score_intercept": 0.98,
    "ld_score_intercept_standard_error": 0.012,
    "null_family_wise_error_95": [0.0, 0.17],
    "bypass_index": 80.0,
    "active_latents": 15,
    "latents_per_sample": 16,
    "excess_kurtosis": 0.01,
    "relatedness_between_chromosomes": 0.03,
}

UNSOUND = {
    "lowest_inflation": {"genomic_inflation": 0.85},
    "highest_inflation": {"genomic_inflation": 1.3, "ld_score_intercept": 1.2},
    "highest_null_error": {"null_family_wise_error_95": [0.19, 0.64]},
    "lowest_bypass_index": {"bypass_index": 1.02},
    "lowest_active": {"active_latents": 1},
    "highest_kurtosis": {"excess_kurtosis": 107.0},
    "highest_relatedness": {"relatedness_between_chromosomes": 0.55},
}


def test_a_sound_score_is_valid_and_every_check_was_made():
    found = Gate()(SOUND)
    assert found["valid"]
    assert found["invalid_because"] == []
    assert all(check["passed"] is True for check in found["gate"].values())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize(("check", "change"), UNSOUND.items())
def test_each_way_of_being_unsound_fails_its_own_check_with_one_sentence(check, change):
    found = Gate()(SOUND | change)
    assert not found["valid"]
    assert [name for name, one in found["gate"].items() if one["passed"] is False] == [check]
    (reason,) = found["invalid_because"]
    assert f"{found['gate'][check]['limit']:g}" in reason
    assert f"{found['gate'][check]['value']:.3g}" in reason
    assert " must be " in reason
    assert "{" not in reason


@pytest.mark.parametrize(("check", "change"), UNSOUND.items())
def test_a_limit_of_null_is_not_checked(check, change):
    found = Gate(**{check: None})(SOUND | change)
    assert found["valid"]
    assert check not in found["gate"]


def test_every_check_has_a_way_of_failing_here():
    assert (
        set(UNSOUND)
        == {field.name for field in fields(Gate)} - {"highest_intercept"}
        == set(Gate()(SOUND)["gate"])
    )


@pytest.mark.parametrize("unknown", sorted(set(SOUND) - {"loci", "n_variants"}))
def test_what_is_not_known_is_no_reason(unknown):
    for score in (
        {name: value for name, value in SOUND.items() if name != unknown},
        SOUND | {unknown: None},
    ):
        assert Gate()(score)["valid"]


def test_inflation_that_goes_with_ld_is_no_reason():
    large = SOUND | {"genomic_inflation": 1.4}
    assert Gate()(large)["valid"]
    assert not Gate(highest_intercept=None)(large)["valid"]
    assert not Gate()(large | {"ld_score_intercept": None})["valid"]
    assert not Gate()(large | {"ld_score_intercept_standard_error": None})["valid"]
    assert not Gate()(large | {"relatedness_between_chromosomes": None})["valid"]
    assert Gate()(large | {"ld_score_intercept": 1.08, "ld_score_intercept_standard_error": 0.03})[
        "valid"
    ]
    structured = (
        large | UNSOUND["highest_relatedness"]
    )  # which makes LD of its own, so that the intercept stays low
    assert {name for name, one in Gate()(structured)["gate"].items() if one["passed"] is False} == {
        "highest_inflation",
        "highest_relatedness",
    }


def test_the_inflation_of_few_variants_says_nothing():
    found = Gate()(
        SOUND | {"n_variants": 300, "genomic_inflation": 3.0, "ld_score_intercept": None}
    )
    assert found["valid"]
    assert found["gate"]["highest_inflation"] == {"value": None, "limit": 1.1, "passed": None}


def test_the_gate_adds_three_keys_and_no_count_is_touched():
    assert set(Gate()(SOUND | UNSOUND["highest_kurtosis"])) == {"valid", "invalid_because", "gate"}


@pytest.mark.parametrize("field", [field.name for field in fields(Gate)])
def test_bad_limits_fail_at_construction(field):
    with pytest.raises(InputError, match=rf"gate\.{field} must be at least 0, or null"):
        Gate(**{field: -0.1})


def test_an_empty_range_of_inflation_fails_at_construction():
    with pytest.raises(InputError, match=r"lowest_inflation must be below gate\.highest_inflation"):
        Gate(lowest_inflation=1.2)


def test_the_config_holds_the_defaults_and_the_bypass_limit_is_that_of_the_warning():
    config = yaml.safe_load((ROOT / "conf" / "scan.yaml").read_text())["gate"]
    assert config.pop("_target_") == "ecgae.scoring.gate.Gate"
    assert Gate(**config) == Gate()
    bypass = (ROOT / "ecgae" / "models" / "judging" / "bypass.py").read_text()
    said = re.search(r"^LOWEST_BYPASS_INDEX = ([\d.]+)", bypass, re.MULTILINE)
    assert Gate().lowest_bypass_index == float(said[1]), (
        "bypass itself imports torch, which takes seconds"
    )


SHOWN = {
    **{
        "hits": 3,
        "hit_variants": 3,
        "loci": 2,
        "loci_at_known": None,
        "omnibus_loci": None,
        "n_individuals": 900,
    },
    **{"n_phenotypes": 16, "threshold": 3e-9, "alpha": 5e-8, "genomic_inflation_max": 1.1},
    **{"excess_chi2": 0.635, "excess_chi2_at_known": None, "summed_heritability": 1.27},
    "genomic_inflation_by_phenotype": {"latent_01": 1.04},
    "standard_errors": {
        "loci": 1.2,
        "hits": 1.9,
        "excess_chi2": 0.123,
        "summed_heritability": None,
    },
}


def test_the_page_says_first_why_a_score_is_not_valid_and_shows_every_check(tmp_path):
    score = SOUND | SHOWN | UNSOUND["highest_kurtosis"]
    (tmp_path / "score.json").write_text(json.dumps(score | Gate()(score)))
    page = write_report(tmp_path).read_text()
    assert "<b>The score is not valid.</b>" in page
    assert page.index("The score is not valid") < page.index("independent loci")
    assert "<li>excess kurtosis of every phenotype must be at most 5; got 107." in page
    assert (
        "<td>excess kurtosis of any phenotype, at most</td><td>5</td><td>107</td><td>failed</td>"
        in page
    )
    assert page.count("<td>passed</td>") == len(UNSOUND) - 1


def test_the_page_of_a_valid_score_has_no_warning_and_shows_the_smooth_yields_with_their_errors(
    tmp_path,
):
    score = SOUND | SHOWN
    (tmp_path / "score.json").write_text(json.dumps(score | Gate()(score)))
    page = write_report(tmp_path).read_text()
    assert "not valid" not in page
    assert "mean over variants</td><td>0.635</td><td>0.12</td>" in page
    assert "summed over whitened phenotypes</td><td>1.27</td><td>\u2013</td>" in page
    assert "near known" not in page


def test_every_check_is_put_into_words():
    assert set(GATE) == set(UNSOUND)


def test_the_terminal_says_why_a_score_is_not_valid_and_shows_the_smooth_yields():
    score = SOUND | SHOWN | UNSOUND["lowest_bypass_index"]
    score = {name: value for name, value in score.items() if name != "bypass_index"} | Gate()(score)
    text = summary_table(score)
    assert text.splitlines()[-1].startswith("not valid: bypass index must be at least 2; got 1.02.")
    assert "excess chi2          0.635 (standard error 0.12)" in text
    assert "summed heritability  1.27\n" in text
