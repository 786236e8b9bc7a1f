"""Train, evaluate and predict as a person types them."""

import csv
import json

import pytest


@pytest.mark.slow
def test_simulate_train_evaluate_report_predict(evenpick, workspace, oracle, photo_folder, tmp_path):
    simulated = evenpick("simulate", workspace, "--labels", oracle, "--budget", 8, "--balancing", "none")
    assert "8 labels, 2 of 2 classes found" in simulated
    assert "Trained logistic_regression+self_training on 8 labels of 2 classes" in evenpick("train", workspace)
    evaluated = evenpick("evaluate", workspace, photo_folder, "--labels", oracle)
    assert "On 12 test images (classes: 2); in brackets: from, to, nineteen times in twenty:" in evaluated
    assert "Classes, the worst first" in evaluated
    facts = json.loads(evenpick("evaluate", workspace, photo_folder, "--labels", oracle, "--json"))
    assert f"macro F1 {facts['macro_f1']:.1%} (" in evaluated
    assert [one["n_images"] for one in facts["classes"]] == [6, 6]
    assert "index.html" in evenpick("report", workspace)
    evenpick("predict", workspace, photo_folder, "--out", tmp_path / "p.csv")
    evenpick("export", workspace, tmp_path / "labels.csv")

    assert len((tmp_path / "p.csv").read_text().splitlines()) == 13
    evenpick("predict", workspace, photo_folder, "--out", tmp_path / "every.csv", "--probabilities")
    with (tmp_path / "every.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        first, second = float(row["probability"]), float(row["second_probability"])
        assert (row[f"probability of {row['label']}"], row["label"] != row["second"]) == (row["probability"], True)
        assert first >= second == float(row[f"probability of {row['second']}"])
        assert float(row["margin"]) == pytest.approx(first - second, abs=2e-4)
        assert first + second == pytest.approx(1, abs=2e-4)  # there are no others
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == 9


@pytest.mark.slow
def test_predictions_are_of_the_files_as_they_are_now(evenpick, workspace, photo_folder, tmp_path):
    photos = sorted(photo_folder.rglob("*.jpg"))
    two = tmp_path / "two.csv"  # of noise more labels teach only that nothing can be told, and all answers are alike
    names = [photo.relative_to(photo_folder).as_posix() for photo in (photos[3], photos[9])]
    two.write_text(f"image,label\n{names[0]},a\n{names[1]},b c\n")
    evenpick("import", workspace, two)
    said = "not calibrated, and how good the classifier is cannot be told: no class has two labels"
    assert said in evenpick("train", workspace)
    assert said in evenpick("predict", workspace, photo_folder, "--out", tmp_path / "p.csv")
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
def test_copies_count_as_test_images_and_unreadable_ones_are_told(evenpick, workspace, oracle, photo_folder, tmp_path):
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

    assert "On 2 test images (groups: 1, classes: 1)" in output  # the copy is no evidence of its own
    assert "1 labelled image cannot be read and was left out" in output


@pytest.mark.slow
def test_the_workspaces_own_folder_is_not_embedded_again(evenpick, workspace, oracle, photo_folder, tmp_path):
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
def test_the_best_strategy_is_chosen_and_the_report_shows_all(evenpick, workspace, oracle):
    evenpick("simulate", workspace, "--labels", oracle, "--budget", 10, "--balancing", "none")
    trained = evenpick("train", workspace, "--strategy", "auto", "--folds", 3, "--max-minutes", 0)
    page = (workspace / "report" / "index.html", evenpick("report", workspace))[0].read_text()

    for name in ("svm", "logistic_regression", "nearest_mean"):
        assert f"  {name}: " in trained
        assert f'<th scope="row">{name}</th>' in page
    assert "calibration error before" in page
    assert "Fine-tuning was not tried: no time is allowed" in page
    assert "tau = 1." in evenpick("train", workspace, "--prior-correction", "printed")
    assert "tau = 0." in evenpick("train", workspace, "--prior-correction", "none")
