"""The house's rules of who may import whom, read from the sources."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"pipelines", "components", "serving"}
WIRING = {"component.py", "executor.py", "driver.py", "example_artifacts.py"}
"""The files of a stage that know TFX, and what all executors read artifacts by."""


def sources(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path, *, top_level_only=False):
    """Names of the modules that a file imports: `a.b` for `import a.b` and for `from a.b import c`, and `a.b.c`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = top_level(tree) if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(node):
    """Nodes that run at import: everything outside functions and `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from top_level(child)


def packages(path, **options):
    return {name.split(".")[0] for name in imports(path, **options)}


@pytest.mark.parametrize("path", sources("serving"), ids=lambda path: str(path.relative_to(ROOT)))
def test_serving_imports_nothing_of_ours_but_itself_and_no_tfx(path):
    assert not packages(path) & ((OURS - {"serving"}) | {"tfx", "apache_beam", "tensorflow_recommenders"})


@pytest.mark.parametrize("path", sources("components"), ids=lambda path: str(path.relative_to(ROOT)))
def test_components_know_no_pipelines_and_of_serving_only_the_contract_and_scanns_operations(path):
    assert "pipelines" not in packages(path)
    of_serving = {name for name in imports(path) if name.split(".")[0] == "serving"}
    assert all(
        name == "serving" or name.startswith(("serving.contract", "serving.scann_operations")) for name in of_serving
    )


@pytest.mark.parametrize("path", sources("components"), ids=lambda path: str(path.relative_to(ROOT)))
def test_plain_modules_of_components_know_no_tfx(path):
    if path.name not in WIRING:
        assert "tfx" not in packages(path)


@pytest.mark.parametrize("path", sources("components"), ids=lambda path: str(path.relative_to(ROOT)))
def test_within_a_stage_imports_go_from_component_to_executor_to_plain_modules(path):
    if path.name == "component.py":
        return
    forbidden = "component" if path.name in WIRING else "executor"
    for name in imports(path):
        if name.split(".")[0] == "components":
            assert forbidden not in name.split("."), f"{path} imports {name}"


@pytest.mark.parametrize("path", sources("pipelines/cli"), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_import_heavy_libraries_only_when_they_need_them(path):
    heavy = {"tensorflow", "tfx", "apache_beam", "numpy", "pandas", "scann", "ml_metadata", "tensorflow_model_analysis"}
    assert not packages(path, top_level_only=True) & heavy


@pytest.mark.parametrize(
    "path", [path for folder in sorted(OURS) for path in sources(folder)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_file_is_called_by_what_anything_could_be(path):
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
