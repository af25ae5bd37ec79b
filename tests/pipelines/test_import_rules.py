"""The house's rules of who may import whom, read from the sources."""

import ast
from pathlib import Path

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


def offences(paths, found):
    """What a rule finds in each file, for the files in which it finds something."""
    paths = list(paths)
    assert len(paths) >= 5, "these are not the sources"
    return {str(path.relative_to(ROOT)): names for path in paths if (names := set(found(path)))}


def of(path, package):
    return {name for name in imports(path) if name.split(".")[0] == package}


def test_serving_imports_nothing_of_ours_but_itself_and_no_tfx():
    foreign = (OURS - {"serving"}) | {"tfx", "apache_beam", "tensorflow_recommenders"}
    assert offences(sources("serving"), lambda path: packages(path) & foreign) == {}


def test_components_know_no_pipelines_and_of_serving_only_the_contract_and_scanns_operations():
    def foreign(path):
        known = ("serving.contract", "serving.scann_operations")
        of_serving = {name for name in of(path, "serving") if name != "serving"}
        return of(path, "pipelines") | {name for name in of_serving if not name.startswith(known)}

    assert offences(sources("components"), foreign) == {}


def test_plain_modules_of_components_know_no_tfx():
    plain = [path for path in sources("components") if path.name not in WIRING]
    assert offences(plain, lambda path: of(path, "tfx")) == {}


def test_within_a_stage_imports_go_from_component_to_executor_to_plain_modules():
    def upwards(path):
        forbidden = "component" if path.name in WIRING else "executor"
        return {name for name in of(path, "components") if forbidden in name.split(".")}

    below = [path for path in sources("components") if path.name != "component.py"]
    assert offences(below, upwards) == {}


def test_commands_import_heavy_libraries_only_when_they_need_them():
    heavy = {"tensorflow", "tfx", "apache_beam", "numpy", "pandas", "scann", "ml_metadata", "tensorflow_model_analysis"}
    assert offences(sources("pipelines/cli"), lambda path: packages(path, top_level_only=True) & heavy) == {}


def test_no_file_is_called_by_what_anything_could_be():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
    paths = [path for folder in sorted(OURS) for path in sources(folder)]
    assert offences(paths, lambda path: {path.stem} & vague) == {}
