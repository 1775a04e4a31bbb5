"""The figures of calibration show what they are given, also where nothing was tested."""

import numpy as np
import pandas as pd
import pytest

from ecgae.report import calibration_figures
from ecgae.statistics.calibration import FREQUENCY_BINS, inflation_by_frequency, qq_quantiles
from ecgae.statistics.tally import Tally


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def drawn(figure):
    """Lays the figure out, which is where Matplotlib warns."""
    figure.canvas.draw()
    return figure.axes


def test_the_band_of_the_qq_plot_holds_the_quantiles_of_chance_alone(rng):
    tests = 5000
    expected = np.linspace(0.001, -np.log10(0.5 / tests), 100)
    uniform = np.sort(rng.uniform(size=(tests, 200)), axis=0)
    rank = np.clip(np.round(tests * 10**-expected + 0.5).astype(int), 1, tests)
    observed = -np.log10(uniform[rank - 1])
    axes = drawn(calibration_figures.qq(expected, observed, tests))[0]
    outline = axes.collections[0].get_paths()[0].vertices
    low = np.array([outline[np.isclose(outline[:, 0], place), 1].min() for place in expected])
    high = np.array([outline[np.isclose(outline[:, 0], place), 1].max() for place in expected])
    inside = (observed >= low[:, None]) & (observed <= high[:, None])
    assert inside.mean() == pytest.approx(0.95, abs=0.015)
    assert axes.get_title() == "200 phenotypes"


def test_inflation_is_drawn_by_frequency_and_phenotype(rng):
    tally = Tally.empty(tuple("abcdefgh"))
    tally.add("1", np.repeat([0.03, 0.1, 0.3], 3000), rng.standard_normal((9000, 8)) ** 2)
    values, tests = inflation_by_frequency(tally), tally.z_counts.sum(axis=2)
    axes = drawn(calibration_figures.inflation(values, tests, FREQUENCY_BINS))
    np.testing.assert_array_equal(
        np.isnan(axes[0].images[0].get_array().filled(np.nan)), np.isnan(values)
    )
    np.testing.assert_array_equal(axes[1].lines[0].get_ydata(), values.ravel())
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(FREQUENCY_BINS)


def test_nothing_tested_is_drawn_too():
    tally = Tally.empty(("a",))
    values, tests = inflation_by_frequency(tally), tally.z_counts.sum(axis=2)
    assert drawn(calibration_figures.inflation(values, tests, FREQUENCY_BINS))


def test_the_null_figure_shows_the_threshold_that_is_known(rng):
    largest = 4 + rng.exponential(0.4, (200, 3))
    axes = drawn(calibration_figures.null(largest, 1e-9, 1e-6))[0]
    assert sorted(line.get_xdata()[0] for line in axes.lines) == pytest.approx([6, 9])
    assert sum(bar.get_height() for bar in axes.patches) == 200
    assert len(drawn(calibration_figures.null(largest[:3], 1e-9, np.nan))[0].lines) == 1


def test_quantiles_of_a_tally_make_a_qq_plot(rng):
    tally = Tally.empty(("a", "b"))
    z = rng.standard_normal((2000, 2))
    tally.add("1", np.full(2000, 0.3), z**2)
    empty = pd.DataFrame({"phenotype": [], "neg_log_10_p_value": []})
    expected, observed = qq_quantiles(tally, empty, 1e-9)
    assert drawn(calibration_figures.qq(expected, observed, 2000))[0].get_title() == "2 phenotypes"
