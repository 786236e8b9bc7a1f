"""Every path of a workspace, in one place."""

import re
from pathlib import Path

import evenpick
from evenpick.paths import Paths

NAMES = [
    "pool.json",
    "images.csv",
    "skipped.csv",
    "groups.csv",
    "labels.sqlite",
    "selection.csv",
    "embed.lock",
    "label.lock",
    "label.token",
    "classes.json",
]


def test_all_paths_lie_in_the_workspace():
    paths = Paths("work")
    names = [name for name, value in vars(Paths).items() if isinstance(value, property)]
    found = [getattr(paths, name) for name in names]
    found += [paths.features(3), paths.predictions(3), paths.labels_aside(2), paths.other_folder(Path("other"))]

    assert len(set(found)) == len(found)
    assert {path.parts[0] for path in found} == {"work"}


def test_two_folders_of_one_name_have_pools_of_their_own(tmp_path):
    paths = Paths(tmp_path)

    assert paths.other_folder(tmp_path / "a" / "photos") != paths.other_folder(tmp_path / "b" / "photos")
    assert paths.other_folder(tmp_path / "a" / "photos") == paths.other_folder(tmp_path / "a" / "." / "photos")


def test_no_other_module_spells_out_a_name_of_a_workspace():
    package = Path(evenpick.__file__).parent
    spelled = re.compile("|".join(f'"{re.escape(name)}"' for name in NAMES))
    found = {str(file.relative_to(package)) for file in package.rglob("*.py") if spelled.search(file.read_text())}

    assert found == {"paths.py"}
