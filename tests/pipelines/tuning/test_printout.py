import datetime
import io

from rich.console import Console

from pipelines.tuning.printout import TrialLines, counted, trial_table
from pipelines.tuning.study import DIVERGED, FINISHED, PRUNED, Trial


def trial(number, value, seconds=60.0, ended=FINISHED):
    return Trial(number=number, value=value, values={}, seconds=seconds, epochs=9, best_epoch=7, ended=ended)


def console():
    return Console(file=io.StringIO(), width=120)


def test_a_line_a_trial_says_value_best_rate_and_the_estimated_end():
    out = console()
    lines = TrialLines(out, "RMSE", 4, higher_is_better=False, now=lambda: datetime.datetime(2026, 11, 24, 21, 30))
    lines.ended(trial(0, 0.9, seconds=60))
    lines.ended(trial(1, 0.95, seconds=180))
    lines.ended(trial(2, 0.99, ended=PRUNED, seconds=60))
    first, second, third = out.file.getvalue().splitlines()
    assert first.startswith("trial 0 of 4  RMSE 0.9000  epoch 7 ")
    assert "best 0.9000 (trial 0)" in second
    assert "3 min 00 s, 2 min 00 s a trial" in second
    assert second.endswith("ends about 21:34")  # two more trials of two minutes
    assert "pruned" in third


def test_the_best_of_an_earlier_call_counts_and_its_times_do_not():
    out = console()
    lines = TrialLines(out, "NDCG@100", 2, higher_is_better=True, before=[trial(0, 0.4, seconds=9_999)])
    lines.ended(trial(1, 0.3, seconds=5))
    assert "best 0.4000 (trial 0)" in out.file.getvalue()
    assert "5.0 s a trial" in out.file.getvalue()


def test_the_table_has_the_best_first_and_the_preset_wherever_it_stands():
    out = console()
    trials = [trial(number, 1.0 - number / 100) for number in range(15)]
    out.print(trial_table([*trials, trial(15, None, ended=DIVERGED)], "RMSE", higher_is_better=False))
    rows = [line for line in out.file.getvalue().splitlines() if line.startswith("│")]
    assert [row.split("│")[2].strip() for row in rows] == [
        *(str(number) for number in range(14, 4, -1)),
        "0, the preset",
    ]
    assert rows[-1].split("│")[1].strip() == "15"


def test_the_ends_are_counted():
    trials = [trial(0, 1.0), trial(1, 1.0, ended=PRUNED), trial(2, None, ended=DIVERGED)]
    assert counted(trials) == "3 trials, 1 pruned, 1 diverged"
