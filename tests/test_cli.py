"""The command line as a person types it: whole runs on real files, and one line for every mistake."""

import csv
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from evenpick.cli import main


def evenpick(*arguments, code=0):
    """Run a command; a traceback is never an answer to a person's mistake."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def workspace(tmp_path, photo_folder, source_cache):
    evenpick("embed", tmp_path / "work", photo_folder)
    return tmp_path / "work"


@pytest.fixture
def oracle(tmp_path, photo_folder):
    file = tmp_path / "truth.csv"
    with file.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["image", "label"])
        writer.writerows([f.relative_to(photo_folder).as_posix(), f.parent.name] for f in photo_folder.rglob("*.jpg"))
    return file


@pytest.mark.slow
def test_simulate_train_evaluate_report_predict(workspace, oracle, photo_folder, tmp_path):
    simulated = evenpick("simulate", workspace, "--labels", oracle, "--budget", 8, "--balancing", "none")
    assert "8 labels, 2 of 2 classes found" in simulated
    assert "Trained svm on 8 labels of 2 classes" in evenpick("train", workspace)
    assert "Macro accuracy on 12 test images of 2 classes" in evenpick(
        "evaluate", workspace, photo_folder, "--labels", oracle
    )
    assert "index.html" in evenpick("report", workspace)
    evenpick("predict", workspace, photo_folder, "--out", tmp_path / "p.csv")
    evenpick("export", workspace, tmp_path / "labels.csv")

    assert len((tmp_path / "p.csv").read_text().splitlines()) == 13
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == 9


def test_a_simulation_goes_on_and_other_options_keep_the_old_labels_aside(workspace, oracle):
    options = ["simulate", workspace, "--labels", oracle, "--budget", 6]
    first = evenpick(*options)
    assert evenpick(*options) == first
    refused = evenpick(*options[:-1], 5, code=1)
    assert "holds labels chosen with budget 6, now 5" in refused
    restarted = evenpick(*options[:-1], 7, "--restart")

    assert "labels-1.sqlite" in restarted
    assert "7 labels" in restarted


def test_select_fill_in_import(workspace):
    evenpick("select", workspace, "--budget", 4, "--acquisition", "core_set")
    selection = workspace / "selection.csv"
    assert "may hold your labels" in evenpick("select", workspace, "--budget", 4, code=1)
    lines = selection.read_text().splitlines()
    selection.write_text("\n".join([lines[0], *(line + "one" for line in lines[1:4]), lines[4]]) + "\n")

    assert "3 labels imported, 1 rows without a label" in evenpick("import", workspace, selection)
    assert "3 known already" in evenpick("import", workspace, selection)
    assert "at least two classes; got 3 labels of 'one'" in evenpick("train", workspace, code=1)
    rest = evenpick("select", workspace, "--budget", 9, "--out", workspace / "rest.csv")
    assert "9 images to label" in rest
    named = {line.split(",")[0] for line in lines[1:4]}
    assert not named & {line.split(",")[0] for line in (workspace / "rest.csv").read_text().splitlines()}


def test_broken_images_are_listed_and_do_not_stop_the_run(photo_folder, tmp_path, source_cache):
    whole = (photo_folder / "a" / "01.jpg").read_bytes()
    (photo_folder / "cut.jpg").write_bytes(whole[:300])
    (photo_folder / "text.jpg").write_text("not an image")
    (photo_folder / "empty.jpg").write_bytes(b"")
    (photo_folder / "copy.jpg").write_bytes(whole)

    output = evenpick("embed", tmp_path / "work", photo_folder)

    assert "4 images were left out" in output
    assert "12 images in the pool" in output
    with (tmp_path / "work" / "skipped.csv").open() as handle:
        reasons = {row["image"]: row["reason"] for row in csv.DictReader(handle)}
    assert set(reasons) == {"cut.jpg", "text.jpg", "empty.jpg", "copy.jpg"} ^ (
        {"copy.jpg", "a/01.jpg"} if "a/01.jpg" in reasons else set()
    )
    assert reasons["empty.jpg"] == "the file is empty"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "{tmp}/w", "{tmp}/gone"], "folder '{tmp}/gone' does not exist"),
        (["embed", "{tmp}/w", "{tmp}/empty"], "holds no image"),
        (["embed", "{tmp}/w", "{photos}", "--source", "efficientnet_lite"], "did you mean 'efficientnet_lite0'?"),
        (["embed", "{tmp}/w", "{photos}", "--source", "resnet18:{tmp}/x.pth"], "is no file"),
        (["embed", "{tmp}/w", "{photos}", "--source", "onnx:{tmp}/x.onnx"], "does not exist"),
        (["embed", "{tmp}/a file", "{photos}"], "is a file"),
        (["select", "{tmp}/gone", "--budget", "3"], "is not a workspace"),
        (["train", "{tmp}/gone"], "is not a workspace"),
        (["report", "{tmp}/gone"], "is not a workspace"),
        (["predict", "{tmp}/gone", "{photos}"], "holds no model"),
        (["export", "{tmp}/gone", "{tmp}/x.csv"], "is not a workspace"),
    ],
)
def test_a_mistake_gets_one_line(arguments, message, tmp_path, photo_folder, source_cache):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a file").touch()
    names = {"tmp": tmp_path, "photos": photo_folder}

    output = evenpick(*(a.format(**names) for a in arguments), code=1 if "a file" not in arguments[1] else 2)

    assert message.format(**names) in output
    assert len([line for line in output.splitlines() if "rror" in line]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("budget", ["0", "-1", "13"])
def test_a_budget_that_does_not_fit_is_refused(budget, workspace, oracle):
    for command in (["select", workspace], ["simulate", workspace, "--labels", oracle]):
        output = evenpick(*command, "--budget", budget, code=1)
        assert f"budget must be a whole number from 1 to 12 (the pool); got {budget}" in output


def test_unknown_names_get_the_nearest_one(workspace, oracle):
    select = ["select", workspace, "--budget", 3, "--acquisition", "ent_inv_dv"]
    simulate = ["simulate", workspace, "--labels", oracle, "--budget", 3, "--balancing", "diff_mim"]

    assert "did you mean 'ent_inv_div'?" in evenpick(*select, code=1)
    assert "did you mean 'diff_min'?" in evenpick(*simulate, code=1)


def test_a_workspace_of_another_version_is_refused(workspace):
    state = workspace / "pool" / "pool.json"
    state.write_text(state.read_text().replace('"format": 1', '"format": 99'))

    assert "has format 99" in evenpick("select", workspace, "--budget", 3, code=1)


def test_sources_are_listed_with_their_licences():
    output = evenpick("sources")

    assert "Apache-2.0" in output
    assert "timm:NAME" in output.replace("\n", "")


def test_help_and_version_work_as_a_module():
    run = subprocess.run([sys.executable, "-m", "evenpick", "--help"], capture_output=True, text=True, check=True)

    assert "Choose which images to label first" in run.stdout


@pytest.mark.slow
def test_predictions_are_of_the_files_as_they_are_now(workspace, photo_folder, tmp_path):
    photos = sorted(photo_folder.rglob("*.jpg"))
    two = tmp_path / "two.csv"  # of noise more labels teach only that nothing can be told, and all answers are alike
    names = [photo.relative_to(photo_folder).as_posix() for photo in (photos[3], photos[9])]
    two.write_text(f"image,label\n{names[0]},a\n{names[1]},b c\n")
    evenpick("import", workspace, two)
    evenpick("train", workspace)
    new = tmp_path / "new"
    new.mkdir()
    for name, photo in zip(["a.jpg", "b.jpg", "c.jpg"], photos, strict=False):
        (new / name).write_bytes(photo.read_bytes())
    (new / "copy of a.jpg").write_bytes(photos[0].read_bytes())

    def predicted():
        evenpick("predict", workspace, new, "--out", tmp_path / "p.csv")
        with (tmp_path / "p.csv").open(newline="") as handle:
            return {row["image"]: row["probability"] for row in csv.DictReader(handle)}

    first = predicted()
    assert set(first) == {"a.jpg", "b.jpg", "c.jpg", "copy of a.jpg"}
    assert first["copy of a.jpg"] == first["a.jpg"]
    (new / "a.jpg").unlink()
    (new / "b.jpg").write_bytes(photos[5].read_bytes())
    (new / "c.jpg").rename(new / "d.jpg")
    second = predicted()
    assert set(second) == {"b.jpg", "d.jpg", "copy of a.jpg"}
    assert second["d.jpg"] == first["c.jpg"]
    assert second["b.jpg"] != first["b.jpg"]


@pytest.mark.slow
def test_copies_count_as_test_images_and_unreadable_ones_are_told(workspace, oracle, photo_folder, tmp_path):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 8)
    evenpick("train", workspace)
    test = tmp_path / "test"
    test.mkdir()
    photo = next(photo_folder.rglob("*.jpg")).read_bytes()
    (test / "1.jpg").write_bytes(photo)
    (test / "2.jpg").write_bytes(photo)
    (test / "bad.jpg").write_bytes(b"")
    labels = tmp_path / "test.csv"
    labels.write_text("image,label\n1.jpg,a\n2.jpg,a\nbad.jpg,a\n")

    output = evenpick("evaluate", workspace, test, "--labels", labels)

    assert "on 2 test images" in output
    assert "1 labelled images cannot be read and were left out" in output


@pytest.mark.slow
def test_an_evaluation_of_another_classifier_is_not_shown_as_this_ones(workspace, oracle, photo_folder):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 6)
    evenpick("train", workspace)
    evenpick("evaluate", workspace, photo_folder, "--labels", oracle)
    evenpick("train", workspace, "--prior-correction", "none")
    evenpick("report", workspace)

    page = (workspace / "report" / "index.html").read_text()
    assert "The last evaluation was of another classifier" in page
    assert "the classifier reaches" not in page


def test_a_damaged_evaluation_is_one_line(workspace, oracle, photo_folder):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 6)
    (workspace / "report").mkdir()
    (workspace / "report" / "evaluation.json").write_text("{")

    assert "is damaged: run `evenpick evaluate` again" in evenpick("report", workspace, code=1)


def test_a_restart_with_a_wrong_option_moves_nothing(workspace, oracle):
    simulate = ["simulate", workspace, "--labels", oracle]
    evenpick(*simulate, "--budget", 6)
    evenpick(*simulate, "--budget", 0, "--restart", code=1)
    evenpick(*simulate, "--budget", 6, "--balancing", "diff", "--restart", code=1)

    assert not list(workspace.glob("labels-*"))


def test_labels_of_no_image_answer_nothing(workspace, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("split,image,label\ntest,a/01.jpg,a\n")

    output = evenpick("simulate", workspace, "--labels", wrong, "--split", "pol", "--budget", 3, code=1)

    assert "labels no image of the pool in split 'pol'" in output
    assert not (workspace / "labels.sqlite").exists()


def test_a_label_after_a_skip_counts(workspace, oracle, tmp_path):
    rows = oracle.read_text().splitlines()
    few = tmp_path / "few.csv"
    few.write_text("\n".join(rows[:6]) + "\n")
    evenpick("simulate", workspace, "--labels", few, "--budget", 12)

    assert "7 labels imported, 5 known already" in evenpick("import", workspace, oracle)
    assert "0 labels imported, 12 known already" in evenpick("import", workspace, oracle)
    assert "12 labels written" in evenpick("export", workspace, tmp_path / "out.csv")


def test_export_needs_a_workspace_and_a_file_that_can_be_written(workspace, photo_folder, tmp_path):
    precious = tmp_path / "precious.csv"
    precious.write_text("mine")

    assert "is not a workspace" in evenpick("export", photo_folder, precious, code=1)
    assert precious.read_text() == "mine"
    assert not list(photo_folder.glob("*.sqlite"))
    assert "Error: " in evenpick("export", workspace, "/proc/labels.csv", code=1)


def test_a_budget_can_grow_and_imported_labels_bind_no_option(workspace, oracle):
    rows = oracle.read_text().splitlines()
    evenpick("select", workspace, "--budget", 4)
    (workspace / "four.csv").write_text("\n".join(rows[:5]) + "\n")
    evenpick("import", workspace, workspace / "four.csv")
    simulate = ["simulate", workspace, "--labels", oracle, "--acquisition", "random", "--balancing", "diff_min"]

    assert "6 labels" in evenpick(*simulate, "--budget", 6)
    assert "9 labels" in evenpick(*simulate, "--budget", 9)
    assert "holds labels chosen with budget 9, now 8" in evenpick(*simulate, "--budget", 8, code=1)


def test_a_table_that_is_not_utf_8_is_told_where(workspace, tmp_path):
    latin = tmp_path / "latin.csv"
    latin.write_bytes("image,label\na/01.jpg,café\n".encode("latin-1"))

    message = evenpick("import", workspace, latin, code=1)
    assert "line 2: a class name must have" in message
    assert "save the file as UTF-8" in message


def test_restart_is_refused_while_the_record_is_open_elsewhere(workspace, oracle):
    from evenpick.labels import LabelStore

    simulate = ["simulate", workspace, "--labels", oracle, "--budget"]
    evenpick(*simulate, 6)
    with LabelStore(workspace) as elsewhere:
        assert "stop the labelling page first" in evenpick(*simulate, 7, "--restart", code=1)
        assert len(elsewhere.entries()) == 6
    assert "7 labels" in evenpick(*simulate, 7, "--restart")


@pytest.mark.slow
def test_the_workspaces_own_folder_is_not_embedded_again(workspace, oracle, photo_folder, tmp_path):
    (photo_folder / "a copy.jpg").write_bytes((photo_folder / "a" / "01.jpg").read_bytes())
    evenpick("embed", workspace, photo_folder)
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 8)
    evenpick("train", workspace)

    assert "13 predictions" in evenpick("predict", workspace, photo_folder, "--out", tmp_path / "p.csv")
    assert not (workspace / "folders").exists()
    (photo_folder / "a copy.jpg").write_bytes((photo_folder / "b c" / "00.jpg").read_bytes())
    evenpick("predict", workspace, photo_folder, "--out", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as handle:
        probabilities = {row["image"]: row["probability"] for row in csv.DictReader(handle)}
    assert probabilities["a copy.jpg"] == probabilities["b c/00.jpg"]


@pytest.mark.slow
def test_the_best_strategy_is_chosen_and_the_report_shows_all(workspace, oracle):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 10, "--balancing", "none")
    trained = evenpick("train", workspace, "--strategy", "auto", "--folds", 3, "--max-minutes", 0)
    page = (workspace / "report" / "index.html", evenpick("report", workspace))[0].read_text()

    for name in ("svm", "logistic_regression", "nearest_mean"):
        assert f"  {name}: " in trained
        assert f"<td>{name}</td>" in page
    assert "calibration error before" in page
    assert "Fine-tuning was not tried: no time is allowed" in page
    assert "tau = 1." in evenpick("train", workspace, "--prior-correction", "printed")
    assert "tau = 0." in evenpick("train", workspace, "--prior-correction", "none")


@pytest.fixture
def labelled_sets(tmp_path, photo_folder):
    """A data set of the twelve photographs: their two folders are its classes."""
    data = tmp_path / "data"
    shutil.copytree(photo_folder, data / "photos")
    return data


@pytest.mark.slow
def test_the_papers_benchmark_runs_resumes_and_writes_its_tables(labelled_sets, tmp_path, source_cache):
    options = ["benchmark", "paper", tmp_path / "bench", "--data", labelled_sets, "--only", "random,ent_inv_div"]
    options += ["--budgets", "4,6", "--seeds", 2, "--partner", "photos=mit67", "--processes", 1]

    assert "17 cells run now" in evenpick(*options)
    told = evenpick(*options)

    assert "0 cells run now" in told
    for name in ("tables.md", "tables.csv", "tables.tex", "figure-1.svg", "figure-1.png"):
        assert str(tmp_path / "bench" / name) in told
        assert (tmp_path / "bench" / name).stat().st_size > 0
    assert "Written" in evenpick("benchmark", "paper", tmp_path / "bench")
    assert "Table 3: macro accuracy" in (tmp_path / "bench" / "tables.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "{data}", "--only", "entropy"], "acquisition 'entropy' does not exist"),
        (["--data", "{data}", "--balancing", "both"], "balancing 'both' does not exist"),
        (["--data", "{data}", "--budgets", "5,x"], "--budgets must be whole numbers from 1 on"),
        (["--data", "{data}", "--budgets", "500"], "a budget of 500 needs as many images"),
        (["--data", "{data}", "--sets", "food101"], "get food-101.tar.gz from"),
        (["--data", "{data}/nowhere"], "does not exist; it should hold a folder for each data set"),
        (
            ["--data", "{data}", "--partner", "food=mit67"],
            "partner 'food=mit67': it must be a data set of the results (photos)",
        ),
        (["--partner", "photos"], "--partner must be SET=PRINTED"),
        ([], "no cell of the benchmark is done yet"),
    ],
)
def test_a_benchmark_that_cannot_run_says_why(labelled_sets, tmp_path, source_cache, options, words):
    named = [option.format(data=labelled_sets) for option in options]

    assert words in evenpick("benchmark", "paper", tmp_path / "bench", *named, code=1)
