"""Modules import only from lower levels, and the heavy libraries load only where they are used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import evenpick

PACKAGE = Path(evenpick.__file__).parent
MODULES = sorted(file.stem for file in PACKAGE.glob("*.py") if file.stem != "__init__")

LEVELS = {
    0: ["errors", "durable", "machine", "terminal", "_version"],
    1: ["probabilities", "greedy_coverage"],
    2: [
        "metrics",
        "images",
        "pool",
        "preprocessing",
        "names",
        "agreement",
        "web_guard",
        "image_address",
        "distances",
        "unseen_classes",
        "linear_head",
        "onnx_session",
    ],
    3: [
        "method_comparison",
        "given_labels",
        "imbalance",
        "pool_writer",
        "torch_export",
        "uncertainty",
        "bounded_distances",
        "clustering",
        "coverage_kernel",
        "linear_svm",
        "logistic_regression",
        "displayed_image",
        "label_api",
        "onnx_classifier",
        "image_batches",
    ],
    4: [
        "coverage",
        "herding",
        "balancing",
        "label_store",
        "source_model",
        "transferability",
        "shallow_heads",
        "trainable_source",
        "probe",
    ],
    5: ["acquisition", "probed_coverage", "cross_validation", "embedding", "fine_tuning", "self_training"],
    6: [
        "session",
        "learning_curve",
        "skactiveml_bridge",
        "network_validation",
        "model",
        "command_options",
        "data_set_download",
    ],
    7: ["expectation", "training", "simulation", "recorded_session", "exchange"],
    8: [
        "evaluation",
        "model_export",
        "status",
        "diagnosis",
        "present_files",
        "handout",
        "distributed",
        "image_folder",
        "label_studio",
        "data_set",
        "paper_cell",
    ],
    9: ["report", "label_desk", "label_studio_answers", "paper_grid", "paper_tables"],
    10: ["label_app", "label_files", "demo", "paper_pages"],
    11: ["benchmark_commands", "model_commands"],
    12: ["cli"],
    13: ["__main__"],
}
LEVEL_OF = {name: level for level, names in LEVELS.items() for name in names}

HEAVY = {"torch", "onnxruntime", "starlette", "ray", "matplotlib", "sklearn", "skactiveml", "timm", "pandas"}


def imports(nodes):
    """The full dotted name of every import among the nodes, `evenpick.` before our own modules."""
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append(node.module)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "the package is flat"
            inner = [node.module] if node.module else [alias.name for alias in node.names]
            names += [f"evenpick.{name}" for name in inner]
    return names


def parsed(module):
    return ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))


def outside_functions(tree):
    """Every node that runs when the module is imported."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


def test_every_module_has_a_level():
    assert set(MODULES) <= set(LEVEL_OF)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_lower_levels(module):
    own = {name.split(".")[1] for name in imports(ast.walk(parsed(module))) if name.startswith("evenpick.")}

    assert {name for name in own if LEVEL_OF.get(name, 0) >= LEVEL_OF.get(module, 13)} == set()


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_torchvision_when_it_is_imported(module):
    assert "torchvision" not in {name.split(".")[0] for name in imports(outside_functions(parsed(module)))}


def loaded_by(code):
    """The top-level modules that a fresh interpreter holds after running the code."""
    code += "\nimport sys; print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split()[1:])


def test_importing_the_package_loads_no_heavy_library():
    loaded = loaded_by("import evenpick")

    assert "evenpick" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.skipif(not (PACKAGE / "cli.py").exists(), reason="this checkout has no command line")
def test_asking_for_help_loads_no_heavy_library():
    loaded = loaded_by(
        "import runpy, sys\n"
        "sys.argv = ['evenpick', '--help']\n"
        "try:\n    runpy.run_module('evenpick', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code"
    )

    assert "click" in loaded
    assert loaded & HEAVY == set()


def test_every_public_name_can_be_imported():
    # In a fresh interpreter, because here other tests have loaded the modules already.
    loaded = loaded_by("import evenpick\nfor name in evenpick.__all__: getattr(evenpick, name)")

    assert loaded & (HEAVY - {"sklearn"}) == set()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evenpick.nothing
