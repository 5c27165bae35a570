"""MLflow experiments whose runs plain scripts made."""

import math
import random

import numpy as np
import pandas as pd

from hyperstudy.study.tracking.tracker import Tracker
from tests.reports.others import of_topic, reported


def test_an_experiment_of_a_plain_script_is_reported(experiment, tmp_path):
    words = ("--tracking-uri", experiment, "--experiment", "their sweep", "--objective", "val_loss", "--minimize")
    text, findings, place = reported(tmp_path, *words, "--random")
    draw, losses, rates = random.Random(0), [], []
    for _ in range(24):
        rates.append(10 ** draw.uniform(-4, -1))
        draw.randint(1, 4)
        losses.append(0.5 + (math.log10(rates[-1]) + 2.5) ** 2 + 0.25)
    trials = pd.read_csv(place / "tables" / "trials.csv")
    assert np.allclose(trials.val_loss[:24], losses)
    assert np.allclose(trials.lr[:24], rates)
    assert list(trials.state[24:]) == ["failed"]
    assert (
        f"sweep-{int(np.argmin(losses))}, reached val_loss {min(losses):.4g}" in of_topic(findings, "best")[0]["claim"]
    )
    assert "1 run without val_loss: left out." in text.replace("\\_", "_")
    assert trials.link.str.contains("/runs/").all()
    assert "| loss_name | always huber |" in text.replace("\\_", "_")


def test_the_report_is_not_attached_to_an_experiment_of_others(experiment, tmp_path):

    before = len(Tracker(experiment, "their sweep").runs())
    words = ("--tracking-uri", experiment, "--experiment", "their sweep", "--objective", "val_loss", "--minimize")
    reported(tmp_path, *words)
    assert len(Tracker(experiment, "their sweep").runs()) == before == 26
