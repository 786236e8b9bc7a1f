"""What the code does not do: load pickles, run text as code, begin a shell; and whose licences it brings."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "evenpick"
NOT_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml"}
NOT_CALLED = {"eval", "exec", "compile", "system", "popen", "read_pickle", "full_load", "unsafe_load"}


# Weights of PyTorch before 1.6: its unpickler knows four names, and runs nothing (tests/sources/test_checkpoints.py).
KNOWN = {"sources/checkpoints.py": ["import pickle"]}


def dangers(code):
    """What the code does that it must not, with the line."""
    for node in ast.walk(ast.parse(code)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        yield from (
            f"{getattr(node, 'lineno', 0)}: import {name}" for name in names if name.split(".")[0] in NOT_IMPORTED
        )
        if not isinstance(node, ast.Call):
            continue
        of = node.func.value if isinstance(node.func, ast.Attribute) else None
        owner = of.id if isinstance(of, ast.Name) else ""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
        if name in NOT_CALLED and owner != "re" and node.args:  # a network is told `.eval()`
            yield f"{node.lineno}: {name}(...)"
        if given.get("shell") or given.get("allow_pickle"):
            yield f"{node.lineno}: {name}(..., shell or allow_pickle)"
        if (owner, name) == ("torch", "load") and given.get("weights_only") is not True:
            yield f"{node.lineno}: torch.load without weights_only"


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from joblib import load", "eval(x)", "os.system(x)", "subprocess.run(x, shell=True)",
        "np.load(x, allow_pickle=True)", "torch.load(x)", "torch.load(x, weights_only=False)",
    ],
)  # fmt: skip
def test_a_danger_is_seen(code):
    assert len([*dangers(code)]) == 1


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_no_pickle_is_loaded_and_no_text_is_run_as_code(file):
    found = [danger.partition(": ")[2] for danger in dangers(file.read_text())]

    assert found == KNOWN.get(file.relative_to(PACKAGE).as_posix(), [])


def test_every_licence_of_what_is_installed_with_evenpick_is_on_the_list():
    run = subprocess.run([sys.executable, ROOT / "scripts" / "licences"], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout[-2000:]
    assert int(run.stdout.splitlines()[-1].split()[0]) > 15
