"""The objective: what a reader sees of larger-is-better frames is in the objective's own values."""

import pytest
from matplotlib.figure import Figure

from hyperstudy.reports.page.objective import objective_axis
from hyperstudy.study.outputs.objective import ACCURACY, Objective

RMSE = Objective("rmse", maximize=False)
REWARD = Objective("reward", maximize=True, unit="points")
LOSS = Objective("validation loss", False, "nats", key="val/loss", test_key="test/loss")
BALANCED = Objective("validation balanced accuracy", True, test_key="test/balanced-accuracy")


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
    assert LOSS.words("Test accuracy over seeds; accuracy") == "Test loss over seeds; validation loss"
    assert LOSS._replace(test_key="").words("the mean test accuracy") == "the mean validation loss"


def test_a_name_that_holds_the_word_stays_as_it_is():
    text = "validation balanced accuracy minus test balanced accuracy, and accuracy"
    assert BALANCED.words(text) == text.replace("and accuracy", "and validation balanced accuracy")


def test_finalists_are_compared_on_test_data_where_there_are_any():
    assert (LOSS.confirmed.name, LOSS.confirmed_key) == ("test loss", "test/loss")
    assert (RMSE.confirmed, RMSE.confirmed_key) == (RMSE, "objective")
    assert ACCURACY.confirmed.label == "test accuracy"
    assert (LOSS.described, BALANCED.described) == (
        "validation loss (nats, lower is better)",
        "validation balanced accuracy (higher is better)",
    )


def test_intervals_of_values_and_differences_are_turned_with_the_sign_and_those_of_gains_are_not():
    assert LOSS.measured(-0.2, -0.25, -0.1) == "0.2 nats [0.1, 0.25]"
    assert LOSS.measured(-0.2) == "0.2 nats"
    assert LOSS.difference_interval(-0.1, 0.3) == "[-0.3, +0.1]"
    assert LOSS.gain_interval(-0.1, 0.3) == "[-0.1, +0.3]"
    assert ACCURACY.measured(0.9, 0.85, 0.95) == "0.9000 [0.8500, 0.9500]"
    assert LOSS.interval(None, None) == LOSS.difference_interval(None, None) == LOSS.gain_interval(None, None) == ""
    told = [objective.apart(change) for objective in (LOSS, ACCURACY) for change in (0.1, -0.1, 0.0)]
    assert told[:3] == ["0.1 nats better than", "0.1 nats worse than", "equal to"]
    assert told[3:] == ["0.1000 above", "0.1000 below", "equal to"]


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
