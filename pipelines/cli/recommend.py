"""`recommender recommend`: lists for many users, from a file into a file."""

from __future__ import annotations

import sys

import click

from pipelines.cli.consoles import console_for
from pipelines.cli.models import MODEL_HELP, find_model
from pipelines.cli.option_types import ExistingPath, WholeNumber
from pipelines.terminal.quiet import quiet
from serving.contract import DEFAULT_N, FROM_POPULARITY, MAX_N

HEADER = ("user", "item", "rank")


@click.command()
@click.option("--model", help=MODEL_HELP)
@click.option("--users", required=True, type=ExistingPath(), help="CSV with a column user (or userId).")
@click.option("--n", type=WholeNumber(1, MAX_N), default=DEFAULT_N, show_default=True, help="Items for each user.")
@click.option("--output", required=True, help="CSV to write: user,item,rank; rank from 1.")
def recommend(model: str | None, users: str, n: int, output: str) -> None:
    """Recommend items to every user of a file.

    Other columns of the file are ignored, and a user who occurs again is asked once. Items that the
    bundle has stored of a user are left out. A user the bundle does not know gets the most popular
    items; a user for whom no item is left gets no row.
    """
    version = find_model(model)
    with quiet() as (_, err):
        from pipelines import bulk_questions
        from pipelines.answer_file import AnswerFile
        from pipelines.question_files import read_users
        from pipelines.terminal.stage_lines import StageLines
        from serving.model import LoadedBundle

        strangers = unanswered = 0
        with AnswerFile(output, HEADER) as file, StageLines(console_for(err)) as view:
            view.preparing("Recommending  ")
            asked = read_users(users)
            for lists in bulk_questions.recommend(LoadedBundle(version), asked, n):
                for user, items in zip(lists.users, lists.items, strict=True):
                    file.write((user, item, rank) for rank, item in enumerate(items, start=1))
                strangers += lists.sources.count(FROM_POPULARITY)
                unanswered += sum(not items for items in lists.items)
    console = console_for(sys.stdout)
    console.print(f"{file.rows:,} rows for {len(asked):,} users: {file.path}", highlight=False, soft_wrap=True)
    if strangers:
        console.print(f"users unknown to the bundle, answered with what is popular: {strangers:,}", highlight=False)
    if unanswered:
        console.print(f"users without a row, as no item is left for them: {unanswered:,}", highlight=False)
    console.print(f"Model: {version}", highlight=False, soft_wrap=True)
