"""What a person reads where a library is not installed."""

import pytest

from serving.client import RecommenderClient
from serving.missing_extra import MissingExtraError, needs_extra
from tests.pipelines.commands import exit_code


def refused(module, extra):
    with pytest.raises(MissingExtraError) as caught, needs_extra("recommender x", extra):
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)
    return str(caught.value)


def test_the_extra_of_the_caller_is_named():
    said = refused("tensorflow.core", "serving")
    assert said.splitlines() == [
        "recommender x needs tensorflow, which is not installed",
        '  expected: the extra "serving" of tfx-recommenders',
        "  what to do: pip install 'tfx-recommenders[serving]'",
    ]


def test_a_module_that_one_extra_alone_brings_names_that_extra():
    assert "pip install 'tfx-recommenders[tune]'" in refused("optuna", "pipeline")


def test_the_pipeline_says_where_its_versions_are():
    assert "docs/installation.md" in refused("tfx", "pipeline")


def test_a_module_of_ours_that_is_missing_is_a_fault_and_stays_one():
    with pytest.raises(ModuleNotFoundError), needs_extra("recommender x", "serving"):
        import serving.no_such_module  # noqa: F401


@pytest.mark.parametrize(
    ("server", "module", "extra"),
    [("http://127.0.0.1:1", "httpx", "client"), ("grpc://127.0.0.1:1", "grpc", "serving")],
)
def test_a_client_without_its_library_names_the_extra(monkeypatch, server, module, extra):
    forget(monkeypatch, module, "serving.client.rest_channel", "serving.client.grpc_channel")
    with pytest.raises(MissingExtraError, match=rf"tfx-recommenders\[{extra}\]"):
        RecommenderClient(server)


def test_a_command_without_its_library_ends_with_the_extra_in_words(monkeypatch, capsys, bundle_folder):
    forget(monkeypatch, "uvicorn", "serving.server", "serving.rest.protocol")
    assert exit_code("serve", f"--model-base-path={bundle_folder}") == 1
    said = capsys.readouterr().err
    assert "recommender serve needs uvicorn, which is not installed" in said
    assert "pip install 'tfx-recommenders[serving]'" in said
    assert "Traceback" not in said


def forget(monkeypatch, missing, *loaded):
    """Makes a module as if it were not installed, and those that import it as if nobody had imported them."""
    import sys

    for name in [name for name in sys.modules if name == missing or name.startswith(f"{missing}.") or name in loaded]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(missing), *sys.meta_path])


class Absent:
    """A finder that finds no module of a name."""

    def __init__(self, name):
        self.name = name

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == self.name:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
