"""The objective: what a reader sees of larger-is-better frames is in the objective's own values."""

import pytest
from matplotlib.figure import Figure

from hyperstudy.reports.page.objective import objective_axis
from hyperstudy.study.outputs.objective import ACCURACY, Objective

RMSE = Objective("rmse", maximize=False)
REWARD = Objective("reward", maximize=True, unit="points")


def test_a_loss_is_its_negative_in_frames_and_itself_to_a_reader():
    assert RMSE.own(3.2) == -3.2
    assert RMSE.own(RMSE.own(3.2)) == 3.2
    assert RMSE.value(-3.2) == "3.2"
    assert RMSE.difference(0.1) == "-0.1", "larger in a frame is a lower loss"
    assert str(RMSE.own(0.0)) == "0.0"


def test_accuracies_keep_four_decimals_and_others_four_digits():
    assert (ACCURACY.value(0.98333), ACCURACY.difference(-0.01)) == ("0.9833", "-0.0100")
    assert [REWARD.value(value) for value in (1234567.0, 12.3456, 1e-9)] == ["1,234,567", "12.35", "1e-09"]


def test_texts_on_accuracy_become_texts_on_the_objective():
    text = "Validation accuracy by epoch; accuracies of the best, in_accuracy."
    assert RMSE.words(text) == "rmse by epoch; rmse of the best, in_accuracy."
    assert ACCURACY.words(text) == text


@pytest.mark.parametrize("values", [(3.2, 5.0), (0.01, 900.0)])
def test_the_axis_of_a_loss_shows_its_values_with_the_lowest_below(values):
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [-values[0], -values[1]])
    objective_axis(axes, [-value for value in values], RMSE)
    figure.canvas.draw()
    bottom, top = axes.get_ylim()
    assert bottom > -values[0] > -values[1] > top
    low, high = (axes.transData.transform((0, -value))[1] for value in values)
    assert low < high
    shown = [float(label.get_text().replace(",", "")) for label in axes.get_yticklabels()]
    assert all(tick > 0 for tick in shown)
    assert shown == [pytest.approx(-tick, rel=1e-3) for tick in axes.get_yticks()]
    assert axes.get_ylabel() == "rmse"


def test_the_axis_of_a_reward_is_plain():
    axes = Figure().subplots()
    axes.plot([0, 1], [-3, 40])
    objective_axis(axes, [-3, 40], REWARD, "best ")
    assert axes.get_ylim()[0] < -3 < 40 < axes.get_ylim()[1]
    assert axes.get_ylabel() == "best reward (points)"
