"""Who answers a question of the command line: a bundle in this process, or a server."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from components.errors import InputError
from pipelines.cli.models import MODEL_HELP, find_model
from pipelines.terminal.quiet import quiet
from serving.contract import MODEL_NAME
from serving.model import filters_of

if TYPE_CHECKING:
    from serving.client import RecommenderClient
    from serving.questions import BundleQuestions

TOKEN_VARIABLE = "RECOMMENDER_TOKEN"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where the answers come from.

    Attributes:
      model: A folder; None = the one that was pushed last.
      server: Address of a server, which is asked in the place of a folder.
      model_name: The model's name there.
      token: Bearer token.
      ca_file: Certificates that are trusted under https and grpcs; None = the system's.
    """

    model: str | None
    server: str | None
    model_name: str
    token: str | None
    ca_file: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswerSource:
    """Who answers.

    Attributes:
      recommender: The bundle or the client of a server.
      name: Where the bundle lies, for people.
      catalogue: Its items; empty where unknown.
    """

    recommender: BundleQuestions
    name: str
    catalogue: Mapping[str, Any]

    @property
    def filters(self) -> list[str] | None:
        """All filters that some item meets, `feature=value`; None where the catalogue is unknown."""
        return None if self.catalogue.get("items") is None else filters_of(self.catalogue)


def place_options(command: Command) -> Command:
    """Adds the options that a `Place` is made of."""
    options = [
        click.option("--model", help=MODEL_HELP),
        click.option(
            "--server", metavar="URL", help="Ask this server instead: http://host:8501, grpc://host:8500, https, grpcs."
        ),
        click.option("--model-name", default=MODEL_NAME, show_default=True, help="The model's name on the server."),
        click.option(
            "--ca-file", type=click.Path(), help="PEM certificates to trust instead of the system's (https, grpcs)."
        ),
        click.option("--token", envvar=TOKEN_VARIABLE, help=f"Bearer token of the server; better in {TOKEN_VARIABLE}."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@contextlib.contextmanager
def answering(place: Place) -> Iterator[AnswerSource]:
    """Yields who answers, with the libraries' talk kept away.

    Raises:
      InputError: No model, or a server that cannot be asked like this.
      click.ClickException: A server that fails.
    """
    if place.server is None:
        version = find_model(place.model)
        with quiet():
            from serving.model import LoadedBundle

            bundle = LoadedBundle(version)
            yield AnswerSource(recommender=bundle, name=str(version), catalogue=bundle.catalogue)
        return
    if place.model is not None:
        raise InputError(
            "a model's folder and a server were given",
            expected="--model DIR or --server URL",
            action="leave one of them out; --model-name says which model of the server is asked",
        )
    with quiet(), _explained(place.server), _client(place) as client:
        yield AnswerSource(recommender=client, name=_name(client), catalogue=client.catalogue())


def _client(place: Place) -> RecommenderClient:
    from serving.client import RecommenderClient, Tls

    try:
        tls = Tls(ca_file=Path(place.ca_file)) if place.ca_file is not None else None
        return RecommenderClient(str(place.server), model=place.model_name, token=place.token, tls=tls)
    except ValueError as error:
        raise InputError(str(error), action="see --help") from error


def _name(client: RecommenderClient) -> str:
    """The model on its server, with the version that answers."""
    available = [one.version for one in client.status() if one.state == "AVAILABLE"]
    return f"{client.model} on {client.server}" + (f", version {max(available)}" if available else "")


@contextlib.contextmanager
def _explained(server: str) -> Iterator[None]:
    """Turns the client's errors into those that are shown without a traceback."""
    from serving import errors

    try:
        yield
    except errors.UnreachableError as error:
        raise InputError(
            str(error),
            expected="a server that listens there",
            action="start one: recommender serve; or correct --server",
        ) from error
    except errors.NotFoundError as error:
        raise InputError(
            f"{server}: {error}", action="check that this is the right server, and that it has the model --model-name"
        ) from error
    except errors.NotAllowedError as error:
        raise InputError(f"{server}: {error}", action=f"put the server's token into {TOKEN_VARIABLE}") from error
    except errors.InvalidRequestError as error:
        raise InputError(f"{server} refuses the question: {error}") from error
    except errors.ServingError as error:
        raise click.ClickException(f"{server}: {error}") from error
