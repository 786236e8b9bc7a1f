"""Select, label, import, export and simulate as a person types them."""

import pytest


def test_a_simulation_goes_on_and_other_options_keep_the_old_labels_aside(evenpick, workspace, oracle):
    options = ["simulate", workspace, "--labels", oracle, "--budget", 6]
    first = evenpick(*options)
    assert evenpick(*options) == first
    refused = evenpick(*options[:-1], 5, code=1)
    assert "holds labels chosen with budget 6, now 5" in refused
    restarted = evenpick(*options[:-1], 7, "--restart")

    assert "labels-1.sqlite" in restarted
    assert "7 labels" in restarted


def test_select_fill_in_import(evenpick, workspace):
    evenpick("select", workspace, "--budget", 4, "--acquisition", "core_set")
    selection = workspace / "selection.csv"
    not_yet = "the record does not hold labels of it: fill it in and import it"
    assert not_yet in evenpick("select", workspace, "--budget", 4, code=1)
    lines = selection.read_text().splitlines()
    selection.write_text("\n".join([lines[0], *(line + "one" for line in lines[1:4]), lines[4]]) + "\n")

    assert not_yet in evenpick("select", workspace, "--budget", 4, code=1)
    assert "3 labels imported, 1 row without a label" in evenpick("import", workspace, selection)
    assert "3 known already" in evenpick("import", workspace, selection)
    assert "at least two classes; got 3 labels of 'one'" in evenpick("train", workspace, code=1)
    rest = evenpick("select", workspace, "--budget", 9, "--out", workspace / "rest.csv")
    assert "9 images to label" in rest
    named = {line.split(",")[0] for line in lines[1:4]}
    assert not named & {line.split(",")[0] for line in (workspace / "rest.csv").read_text().splitlines()}
    assert "9 images to label" in evenpick("select", workspace, "--budget", 9)  # the labels of the first are recorded
    assert selection.read_text() == (workspace / "rest.csv").read_text()
    selection.write_text("\n".join([lines[0], lines[1] + "two", *(line + "one" for line in lines[2:])]) + "\n")
    assert not_yet in evenpick("select", workspace, "--budget", 4, code=1)


@pytest.mark.slow
@pytest.mark.parametrize("budget", ["0", "-1", "13"])
def test_a_budget_that_does_not_fit_is_refused(evenpick, budget, workspace, oracle):
    for command in (["select", workspace], ["simulate", workspace, "--labels", oracle]):
        output = evenpick(*command, "--budget", budget, code=1)
        assert f"budget must be a whole number from 1 to 12 (the pool); got {budget}" in output


def test_unknown_names_get_the_nearest_one(evenpick, workspace, oracle):
    select = ["select", workspace, "--budget", 3, "--acquisition", "ent_inv_dv"]
    simulate = ["simulate", workspace, "--labels", oracle, "--budget", 3, "--balancing", "diff_mim"]

    assert "did you mean 'ent_inv_div'?" in evenpick(*select, code=1)
    assert "did you mean 'diff_min'?" in evenpick(*simulate, code=1)


def test_a_restart_with_a_wrong_option_moves_nothing(evenpick, workspace, oracle):
    simulate = ["simulate", workspace, "--labels", oracle]
    evenpick(*simulate, "--budget", 6)
    evenpick(*simulate, "--budget", 0, "--restart", code=1)
    evenpick(*simulate, "--budget", 6, "--balancing", "diff", "--restart", code=1)

    assert not list(workspace.glob("labels-*"))


def test_labels_of_no_image_answer_nothing(evenpick, workspace, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("split,image,label\ntest,a/01.jpg,a\n")

    output = evenpick("simulate", workspace, "--labels", wrong, "--split", "pol", "--budget", 3, code=1)

    assert "labels no image of the pool in split 'pol'" in output
    assert not (workspace / "labels.sqlite").exists()


def test_a_label_after_a_skip_counts(evenpick, workspace, oracle, tmp_path):
    rows = oracle.read_text().splitlines()
    few = tmp_path / "few.csv"
    few.write_text("\n".join(rows[:6]) + "\n")
    simulated = evenpick("simulate", workspace, "--labels", few, "--budget", 12)

    assert "Of a budget of 12 only 5 were there to give: no other image has a known label." in simulated
    assert "7 labels imported, 5 known already" in evenpick("import", workspace, oracle)
    assert "nothing left to choose" in evenpick("select", workspace, "--budget", 1, code=1)
    assert "0 labels imported, 12 known already" in evenpick("import", workspace, oracle)
    assert "12 labels written" in evenpick("export", workspace, tmp_path / "out.csv")


def test_export_needs_a_workspace_and_a_file_that_can_be_written(evenpick, workspace, photo_folder, tmp_path):
    precious = tmp_path / "precious.csv"
    precious.write_text("mine")

    assert "is not a workspace" in evenpick("export", photo_folder, precious, code=1)
    assert precious.read_text() == "mine"
    assert not list(photo_folder.glob("*.sqlite"))
    assert "Error: " in evenpick("export", workspace, "/proc/labels.csv", code=1)


def test_a_budget_can_grow_and_imported_labels_bind_no_option(evenpick, workspace, oracle):
    rows = oracle.read_text().splitlines()
    evenpick("select", workspace, "--budget", 4)
    (workspace / "four.csv").write_text("\n".join(rows[:5]) + "\n")
    evenpick("import", workspace, workspace / "four.csv")
    simulate = ["simulate", workspace, "--labels", oracle, "--acquisition", "random", "--balancing", "diff_min"]

    assert "6 labels" in evenpick(*simulate, "--budget", 6)
    assert "9 labels" in evenpick(*simulate, "--budget", 9)
    assert "holds labels chosen with budget 9, now 8" in evenpick(*simulate, "--budget", 8, code=1)


def test_a_table_that_is_not_utf_8_is_told_where(evenpick, workspace, tmp_path):
    latin = tmp_path / "latin.csv"
    latin.write_bytes("image,label\na/01.jpg,café\n".encode("latin-1"))

    message = evenpick("import", workspace, latin, code=1)
    assert "line 2: a class name must have" in message
    assert "save the file as UTF-8" in message


def test_restart_is_refused_while_the_page_is_open(evenpick, workspace, oracle):
    from filelock import FileLock

    simulate = ["simulate", workspace, "--labels", oracle, "--budget"]
    evenpick(*simulate, 6)
    with FileLock(workspace / "label.lock"):
        assert "labelled by another process; stop it first" in evenpick(*simulate, 7, "--restart", code=1)
    assert not (workspace / "labels-1.sqlite").exists()
    assert "7 labels" in evenpick(*simulate, 7, "--restart")


def test_a_backup_in_place_of_the_record_brings_its_labels_back(evenpick, workspace, oracle, tmp_path):
    evenpick("backup", workspace, tmp_path / "kept.sqlite", code=1)
    evenpick("import", workspace, oracle)

    assert "12 answers, undos and renames" in evenpick("backup", workspace, tmp_path / "kept.sqlite")
    (workspace / "labels.sqlite").write_bytes(b"")
    assert "put a backup of it in its place" in evenpick("status", workspace, code=1)
    (tmp_path / "kept.sqlite").replace(workspace / "labels.sqlite")
    assert "12" in evenpick("status", workspace)


def test_a_share_is_drawn_at_random_and_status_counts_it(evenpick, workspace, oracle):
    simulated = evenpick("simulate", workspace, "--labels", oracle, "--budget", 9, "--audit", 0.5)

    assert "2 of the labels are of images drawn at random" in simulated
    assert "drawn at random" in evenpick("status", workspace)
    assert '"audit_labels": 2' in evenpick("status", workspace, "--json")
    assert "chosen with audit 0.5, now 0.0" in evenpick(
        "simulate", workspace, "--labels", oracle, "--budget", 9, "--audit", 0, code=1
    )
    assert "2 of the labels are of images drawn at random" in evenpick(
        "simulate", workspace, "--labels", oracle, "--budget", 9
    )


def test_a_refusal_to_label_is_all_that_is_printed(evenpick, workspace):
    assert evenpick("label", workspace, "--no-browser", code=1).startswith("Error: a new session needs a budget")
