"""The house: packages in the order of the data, entered by their doors only, heavy libraries left outside."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import evenpick

PACKAGE = Path(evenpick.__file__).parent

# From the ground up. Files of the ground import only those before them; a package only the ground and packages before it.
GROUND = [
    "_version",
    "counting",
    "installing",
    "errors",
    "label_values",
    "names",
    "machine",
    "notebook",
    "progress",
    "paths",
    "arrays",
    "vectors",
    "feature_transform",
    "probabilities",
    "metrics",
    "atomic_files",
    "sheets",
]
PACKAGES = [
    "images",
    "detections",
    "sources",
    "classifiers",
    "pool",
    "acquisition",
    "labels",
    "estimates",
    "training",
    "session",
    "web",
    "reports",
    "paper",
]
ROOF = [
    "estimator",
    "skactiveml_bridge",
    "ray_cluster",
    "results",
    "workspace",
    "demo_images",
    "demo_runs",
    "demo",
    "commands",
    "cli",
    "__main__",
]
ROOMS = [*GROUND, *PACKAGES, *ROOF]

HEAVY = {"torch", "onnx", "onnxruntime", "starlette", "ray", "matplotlib", "sklearn", "skactiveml", "timm", "pandas"}

FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts): file for file in FILES if file.name != "__init__.py"
}


def room_of(module):
    return module.partition(".")[0]


@cache
def parsed(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def imported_from(module, nodes):
    """What a module takes from evenpick: pairs of a dotted name relative to evenpick, and the name taken from it."""
    parents = module.split(".")[:-1]
    found = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = parents[: len(parents) - (node.level - 1)] + ([node.module] if node.module else [])
            found += [(".".join(base), alias.name) for alias in node.names]
    return found


@cache
def others_of(module):
    """What it takes from other rooms: pairs of a room and a dotted path within it, where a name is the last part."""
    pairs = imported_from(module, ast.walk(parsed(MODULES[module])))
    full = [f"{base}.{name}".lstrip(".").partition(".") for base, name in pairs]
    return {(room, rest) for room, _, rest in full if room != room_of(module)}


@cache
def exported(package):
    tree = parsed(PACKAGE / package / "__init__.py")
    lists = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return set(ast.literal_eval(lists[0]))


def test_every_room_has_its_place():
    rooms = {room_of(module) for module in MODULES}

    assert rooms == set(ROOMS)
    assert {room_of(module) for module in MODULES if "." in module} == {*PACKAGES, "commands"}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_rooms_below_its_own(module):
    own = ROOMS.index(room_of(module))

    assert {room for room, _ in others_of(module) if ROOMS.index(room) >= own} == set()


@pytest.mark.parametrize("module", MODULES)
def test_nobody_reaches_past_the_door_of_a_package(module):
    doors = {package: exported(package) for package in [*PACKAGES, "commands"]}
    taken = {(room, name) for room, name in others_of(module) if room in doors}

    assert {(room, name) for room, name in taken if name not in doors[room]} == set()


@pytest.mark.parametrize("package", [*PACKAGES, "commands"])
def test_a_door_offers_only_what_others_use(package):
    taken = {name for module in MODULES for room, name in others_of(module) if room == package}
    public = {name for name, room in evenpick._MODULES.items() if room == package}

    assert exported(package) == taken | public


@pytest.mark.parametrize("package", [*PACKAGES, "commands"])
def test_a_package_says_in_one_sentence_what_it_is(package):
    said = ast.get_docstring(parsed(PACKAGE / package / "__init__.py"))

    assert said.endswith(".")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_the_modules_of_a_package_form_no_circle(package):
    needs = {
        module: {base for base, _ in imported_from(module, ast.walk(parsed(file))) if base.startswith(f"{package}.")}
        for module, file in MODULES.items()
        if room_of(module) == package
    }
    while free := [module for module, others in needs.items() if not others & needs.keys()]:
        for module in free:
            del needs[module]

    assert needs == {}


def outside_functions(tree):
    """Every node that runs when the module is imported."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_torchvision_when_it_is_imported(module):
    nodes = list(outside_functions(parsed(MODULES[module])))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]

    assert "torchvision" not in {name.split(".")[0] for name in names}


def loaded_by(code):
    """The top-level modules that a fresh interpreter holds after running the code."""
    code += "\nimport sys; print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split()[1:])


def test_importing_the_package_loads_no_heavy_library():
    loaded = loaded_by("import evenpick")

    assert "evenpick" in loaded
    assert loaded & HEAVY == set()


def test_asking_for_help_loads_no_heavy_library():
    loaded = loaded_by(
        "import runpy, sys\n"
        "sys.argv = ['evenpick', '--help']\n"
        "try:\n    runpy.run_module('evenpick', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code"
    )

    assert "click" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.slow
def test_every_public_name_can_be_imported():
    # In a fresh interpreter, because here other tests have loaded the modules already.
    loaded = loaded_by("import evenpick\nfor name in evenpick.__all__: getattr(evenpick, name)")

    # Of them EvenpickClassifier is scikit-learn's, which loads pandas where it is installed.
    assert loaded & (HEAVY - {"sklearn", "pandas"}) == set()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evenpick.nothing


def test_no_two_test_files_have_one_name():
    names = [file.name for file in Path(__file__).parent.rglob("test_*.py")]

    assert sorted(names) == sorted(set(names))
