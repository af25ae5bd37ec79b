"""The tables of the benchmark, from results made up here."""

import json

from benchmarks.quality.protocols import PROTOCOLS
from benchmarks.quality.report import report


def keep(output, protocol, model, rmse, seeds):
    result = {
        "scores": {"rmse": (rmse, 0.005), "mae": (0.61, 0.004), "mse": (rmse**2, 0.008)},
        "command": "recommender run …",
        "seeds": {"retrieval": 1, "ranking": seeds},
        "train_metrics": {"train_mse": 0.49, "train_mae": 0.53},
        "refit_epochs": {"RankingTrainer": [90]},
    }
    (output / protocol.name).mkdir(exist_ok=True)
    (output / protocol.name / f"{model.key}.json").write_text(json.dumps(result))


def test_what_is_measured_stands_in_bold_among_the_others_and_nothing_else_is_told(tmp_path):
    (ratings,) = [protocol for protocol in PROTOCOLS if protocol.name == "P2"]
    one, preset, cross = ratings.models[:3]
    assert "cross" in cross.label
    for model, rmse, seeds in ((one, 0.8090, 1), (preset, 0.7960, 4), (cross, 0.8700, 1)):
        keep(tmp_path, ratings, model, rmse, seeds)
    text = report(PROTOCOLS, tmp_path)
    assert "R1" not in text
    assert "| **this project, 4 seeds** | 0.7960 ± 0.0050 | 0.6100 ± 0.0040 |" in text
    order = [text.index(name) for name in ("project, 4 seeds", "towers, 4 seeds", "(myFM)", "project, one seed")]
    assert order == sorted(order)
    assert text.index("`factorization_machine` (default) | 0.4900 | 0.5300 | 0.6545") < text.index("| `cross` |")
    assert "`dense`" not in text
