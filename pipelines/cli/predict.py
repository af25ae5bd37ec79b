"""`recommender predict`: stars for many pairs of user and item, from a file into a file."""

from __future__ import annotations

import sys

import click

from components.errors import InputError
from pipelines.cli.consoles import console_for
from pipelines.cli.models import MODEL_HELP, find_model
from pipelines.cli.option_types import ExistingPath
from pipelines.terminal.quiet import quiet

HEADER = ("user", "item", "prediction")


@click.command()
@click.option("--model", help=MODEL_HELP)
@click.option(
    "--pairs", required=True, type=ExistingPath(), help="CSV with the columns user and item (or userId and movieId)."
)
@click.option("--output", required=True, help="CSV to write: user,item,prediction, with predictions in stars.")
def predict(model: str | None, pairs: str, output: str) -> None:
    """Predict the rating of every pair of user and item of a file.

    Other columns of the file are ignored, and a repeated pair is predicted once. Every pair gets a
    prediction: an unknown user gets that of an average user, an unknown item that of an average item.
    """
    version = find_model(model)
    with quiet() as (_, err):
        from pipelines import bulk_questions
        from pipelines.answer_file import AnswerFile
        from pipelines.question_files import read_pairs
        from pipelines.terminal.stage_lines import StageLines
        from serving.model import LoadedBundle

        with AnswerFile(output, HEADER) as file, StageLines(console_for(err)) as view:
            view.preparing("Predicting  ")
            asked = read_pairs(pairs)
            bundle = LoadedBundle(version)
            if not bundle.facts.get("has_ratings", True):
                raise InputError(
                    f"the bundle {version} predicts no ratings",
                    expected="a bundle that was trained on data with ratings",
                    action="name another one with --model, or ask for lists: recommender score",
                )
            for block, ratings in bulk_questions.predict(bundle, asked):
                users, items = asked.user_codes[block].tolist(), asked.item_codes[block].tolist()
                file.write(
                    (asked.users[user], asked.items[item], f"{rating:.6g}")
                    for user, item, rating in zip(users, items, ratings.tolist(), strict=True)
                )
            known = {item["id"] for item in bundle.catalogue.get("items", [])}
            unknown = sum(item not in known for item in asked.items) if known else 0
    console = console_for(sys.stdout)
    console.print(f"{file.rows:,} predictions: {file.path}", highlight=False, soft_wrap=True)
    if unknown:
        console.print(f"items outside the bundle's catalogue, rated as an average one: {unknown:,}", highlight=False)
    console.print(f"Model: {version}", highlight=False, soft_wrap=True)
