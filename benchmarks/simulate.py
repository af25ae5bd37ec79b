"""The loop for N days: people of the demo's world ask a server, use its lists, and every night the model follows.

    python -m benchmarks simulate              ten days
    python -m benchmarks simulate --days 3
    python -m benchmarks simulate --write      puts the table into docs/results.md and the picture into docs/images

One server (`recommender serve` with an event store and a request log) answers three groups of people, who are told
apart by a hash of their id:

- `static`: the first version, asked with the history of before the simulation: no day two at all;
- `events`: the first version; what people do counts in their next answers, and nothing else follows;
- `loop`: the newest version, and events: every night what was done is exported as a span, `recommender run --append`
  starts from what is served, and the server takes over what the gates bless.

A list is hit where an event names its request and an item of it (pipelines/watching/clicks.py); intervals are over
people. Who lives how is written in benchmarks/simulated_people.py. Ten days take 27 minutes on two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results_table import RESULTS, publish, table
from benchmarks.serving import Server, free_port
from benchmarks.simulated_people import DAY_SECONDS, Taken, Town, Visit
from components.evaluation.metrics.bootstrap import Interval
from components.report.charts.lines import Line, lines
from components.report.section import source
from pipelines.watching.answers import Answered, answers_of
from pipelines.watching.clicks import Clicks, clicks_of
from serving.client import RecommenderClient
from serving.events.event import Event
from serving.events.store import open_store

STATIC, EVENTS, LOOP = ARMS = ("static", "events", "loop")
WARM = ("--set", "training.warm_start=true")
TOLD = 100
"""Items of a history that the group `static` tells."""
PICTURE = RESULTS.parent / "images" / "simulation.svg"


def main() -> None:
    """Plays, and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/simulation"), help="folder of everything")
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="write the table and the picture into docs")
    arguments = parser.parse_args()
    game = Simulation(arguments.output.absolute(), arguments.days)
    with game.running():
        nights = [game.live(day) for day in range(1, arguments.days + 1)]
    text, picture = report(game, nights)
    print(text)
    (game.folder / "simulation.svg").write_text(picture)
    if arguments.write:
        publish("simulate", text)
        PICTURE.write_text(picture)


class Simulation:
    """The server, its people, and the nights.

    Args:
      folder: Of everything; should be empty.
      days: How many are played; the last one is yesterday.
    """

    def __init__(self, folder: Path, days: int) -> None:
        today = datetime.datetime.now(datetime.timezone.utc).date()
        self.folder = folder
        self.first = today - days * datetime.timedelta(days=1)
        midnight = datetime.datetime.combine(self.first, datetime.time(), datetime.timezone.utc)
        self._town = Town(days, int(midnight.timestamp()))
        self._store = f"sqlite:///{folder}/events.db"
        folder.mkdir(parents=True, exist_ok=True)
        self._town.history.to_csv(folder / "history.csv", index=False)
        self._histories = {
            str(user): list(zip(rows["movieId"].astype(str), rows["rating"], strict=True))[-TOLD:]
            for user, rows in self._town.history.sort_values("timestamp", kind="stable").groupby("userId")
        }
        self._first_version = self._newest = 0
        self._clients: dict[str, RecommenderClient] = {}
        self.first_run: dict[str, Any] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Trains the first version and serves it."""
        self.first_run = self._run(0)
        self._first_version = self._newest = self.first_run["push"]["version"]
        self._serve(1)
        port = free_port()
        command = [_recommender(), "serve", "--model-config-file", str(self._models_config), "--port", "0"]
        command += ["--model-config-file-poll-wait-seconds", "1", "--allow-version-labels-for-unavailable-models"]
        command += ["--rest-api-port", str(port), "--event-store", self._store]
        server = Server(command, {"rest": port})
        address = f"http://127.0.0.1:{port}"
        try:
            server.wait_until_ready()
            for arm in ARMS:
                self._clients[arm] = RecommenderClient(address, label=None if arm == LOOP else "first")
            yield
        finally:
            for client in self._clients.values():
                client.close()
            server.stop()

    def live(self, day: int) -> dict[str, Any]:
        """A day and its night; what came of them."""
        self._serve(day)
        self._wait_for_newest()
        served = self._newest
        new, taken = 0, 0
        for visit in self._town.visits(day):
            user, request = str(visit.person + 1), f"{_arm(visit)}-{day}-{visit.person + 1}-{visit.number}"
            self._tell(user, visit, self._town.finds(visit, day), "")
            (answer,) = self._clients[_arm(visit)].recommend([user], history=self._told(visit), request_id=request)
            liked = self._town.takes(visit, [item.id for item in answer.items])
            self._tell(user, visit, liked, request)
            if _arm(visit) == LOOP:
                new, taken = new + sum(self._town.is_new(one.film) for one in liked), taken + len(liked)
        time.sleep(1)  # the server writes its log ten times a second
        night = self._night(day)
        figures = {arm: self.clicks((day,), (arm,)).versions[0].hit_rate for arm in ARMS}
        print(f"day {day}: {', '.join(f'{arm} {one.value:.3f}' for arm, one in figures.items())}", file=sys.stderr)
        return {"day": day, "served": served, "figures": figures, "new": new / max(1, taken), **night}

    def clicks(self, days: Sequence[int], arms: Sequence[str]) -> Clicks:
        """What came of the lists of days, the groups as versions 1, 2, …"""
        answers = [
            one._replace(version=1 + arms.index(arm), time=_day_of(one) * DAY_SECONDS)
            for day in days
            for one in self._answers(day)
            if (arm := one.request_id.partition("-")[0]) in arms
        ]
        with contextlib.closing(open_store(self._store)) as store:
            events: list[Event] = list(store.between(0, time.time() + DAY_SECONDS))
        return clicks_of(answers, events)

    def _answers(self, day: int) -> Iterator[Answered]:
        today = datetime.datetime.now(datetime.timezone.utc).date()
        return answers_of(self.folder / f"requests-{day}", "recommender", self.first, today)

    def _told(self, visit: Visit) -> Sequence[tuple[str, float]]:
        return self._histories.get(str(visit.person + 1), ()) if _arm(visit) == STATIC else ()

    def _tell(self, user: str, visit: Visit, taken: Sequence[Taken], request: str) -> None:
        if taken:
            events = [
                {
                    "user": user,
                    "item": self._town.item_of(one.film),
                    "event": "watched",
                    "timestamp": visit.time + place,
                    "rating": one.stars,
                    "request_id": request,
                }
                for place, one in enumerate(taken)
            ]
            self._clients[_arm(visit)].add_events(events)

    @property
    def _models_config(self) -> Path:
        return self.folder / "models.config"

    def _serve(self, day: int) -> None:
        """Serves the first version and the newest, and logs into the file of the day."""
        versions = sorted({self._first_version, self._newest})
        self._models_config.write_text(
            f"""model_config_list {{ config {{
  name: "recommender" base_path: "{self.folder}/run/pushed_model" model_platform: "tensorflow"
  model_version_policy {{ specific {{ {" ".join(f"versions: {one}" for one in versions)} }} }}
  version_labels {{ key: "first" value: {self._first_version} }}
  logging_config {{
    log_collector_config {{ type: "file" filename_prefix: "{self.folder}/requests-{day}" }}
    sampling_config {{ sampling_rate: 1.0 }}
  }}
}} }}
"""
        )

    def _wait_for_newest(self) -> None:
        """Until the server has taken over what was pushed; and a moment, for the log of the new day."""
        while True:
            with contextlib.suppress(Exception):
                if self._clients[LOOP].metadata().version == self._newest:
                    break
            time.sleep(0.2)
        time.sleep(3)

    def _night(self, day: int) -> dict[str, Any]:
        date = self.first + (day - 1) * datetime.timedelta(days=1)
        spans = f"{self.folder}/events/{{YYYY}}-{{MM}}-{{DD}}.csv"
        export = [_recommender(), "events", "export", "--event-store", self._store, "--day", str(date)]
        told = subprocess.run([*export, "--output", spans], check=True, capture_output=True, text=True).stdout
        summary = self._run(day, "--append", str(date), *WARM)
        if summary["push"]["pushed"]:
            self._newest = summary["push"]["version"]
        trained = sum(one["seconds"] for one in summary["stages"] if one["id"] in ("RetrievalTrainer", "FinalFit"))
        found = re.match(r"[\d,]+", told)
        return {
            "events": 0 if found is None else int(found[0].replace(",", "")),
            "seconds": summary["seconds"],
            "trained": trained,
            "blessed": summary["evaluation"]["blessed"],
        }

    def _run(self, day: int, *more: str) -> dict[str, Any]:
        """The run after a day, from 1, with the films that are out on the next one; 0 = the first run."""
        films = self.folder / "movies.csv"
        self._town.write_films(films, day + 1 if day else 0)
        ratings = str(self.folder / "history.csv")
        if day:
            ratings += f",{self.folder}/events/{{YYYY}}-{{MM}}-{{DD}}.csv"
        command = [_recommender(), "run", "--output", str(self.folder / "run"), "--ratings", ratings]
        subprocess.run([*command, "--items", str(films), *more], check=True, stdout=sys.stderr)
        summary: dict[str, Any] = json.loads((self.folder / "run" / "summary.json").read_text())
        return summary


def _recommender() -> str:
    return str(Path(sys.executable).with_name("recommender"))


def _arm(visit: Visit) -> str:
    return ARMS[zlib.crc32(b"simulation/%d" % (visit.person + 1)) % len(ARMS)]


def _day_of(one: Answered) -> int:
    return int(one.request_id.split("-")[1])


def report(game: Simulation, nights: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """The table, and the picture."""
    days = [one["day"] for one in nights]
    rows = [
        [
            one["day"],
            *(_rate(one["figures"][arm]) for arm in ARMS),
            f"{100 * one['new']:.0f} %",
            f"{one['events']:,}",
            f"{one['trained']:.0f}",
            f"{one['seconds']:.0f}",
            "yes" if one["blessed"] else "no",
        ]
        for one in nights
    ]
    header = ["day", *ARMS, "new films, loop", "events", "training, s", "run, s", "blessed"]
    whole = game.clicks(days, ARMS)
    first, second = whole.comparisons
    last = game.clicks(days[len(days) // 2 :], ARMS).comparisons
    rates = ", ".join(f"{arm} {_rate(one.hit_rate)}" for arm, one in zip(ARMS, whole.versions, strict=True))
    text = (
        f"{sum(one.lists for one in whole.versions):,} lists of {sum(one.people for one in whole.versions):,} people, "
        f"{sum(one['events'] for one in nights):,} events; hit rates with 95 % intervals over people; the share of "
        f"films that came out meanwhile among those that `loop` took from lists.\n\n{table(header, rows)}\n\n"
        f"All days: {rates}. `events` less `static` {_difference(first.difference)}, `loop` less `events` "
        f"{_difference(second.difference)}; of the second half {_difference(last[0].difference)} and "
        f"{_difference(last[1].difference)}. The first run took {game.first_run['seconds']:.0f} s."
    )
    return text, picture(nights)


def _rate(figure: Interval) -> str:
    return f"{figure.value:.3f} ({figure.lower:.3f}–{figure.upper:.3f})"


def _difference(figure: Interval) -> str:
    return f"{figure.value:+.3f} ({figure.lower:+.3f} to {figure.upper:+.3f})"


def picture(nights: Sequence[dict[str, Any]]) -> str:
    """Hit rates by day as an SVG that stands alone."""
    drawn = lines(
        [
            Line(
                name=arm,
                style=f"seed-{number}",
                points=[(one["day"], one["figures"][arm].value) for one in nights],
                marked=[((nights[-1]["day"], nights[-1]["figures"][arm].value), arm)],
            )
            for number, arm in enumerate(ARMS, 1)
        ],
        y_label="hit rate: " + ", ".join(f"{arm} ({colour})" for arm, colour in zip(ARMS, COLOURS, strict=True)),
        x_label="day",
        words="Hit rate of lists by day, for static lists, lists that follow events, and the whole loop",
        x_whole=True,
    )
    style = f"<style>{source('style.css')} svg {{ background: var(--surface); }}</style>"
    return str(drawn).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", f">{style}", 1)


COLOURS = ("violet", "orange", "green")
"""Of the first lines in the page's style."""


if __name__ == "__main__":
    main()
