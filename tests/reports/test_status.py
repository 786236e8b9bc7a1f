"""`evenpick status`: the same in words and as JSON, from no label to many."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from evenpick.cli import main
from evenpick.labels import Annotation, LabelStore
from evenpick.pool import Pool
from evenpick.reports import workspace_status, write_evaluation, write_report
from evenpick.session import RecordedSession
from evenpick.training import evaluate, train


def told(workspace, *options):
    result = CliRunner().invoke(main, ["status", str(workspace), *options])
    assert result.exit_code == 0, result.output
    return result.output


def facts_of(workspace):
    return json.loads(told(workspace, "--json"))


def label(workspace, names):
    with LabelStore(workspace) as store:
        store.append([Annotation(f"{i:03d}.jpg", name, annotator="me") for i, name in enumerate(names)])


def test_without_labels_it_says_so_and_leaves_no_file(make_workspace):
    workspace = make_workspace()
    Pool.open(workspace).features[:]  # the first reading compares checksums and notes that
    before = sorted(workspace.rglob("*"))

    assert "Nothing can be said before the first label" in told(workspace)
    facts = facts_of(workspace)
    assert (facts["labels"], facts["budget"], facts["expectation"], facts["unseen"]) == (0, None, None, None)
    assert sorted(workspace.rglob("*")) == before


def test_one_label_says_what_it_cannot_tell_yet(make_workspace):
    workspace = make_workspace()
    label(workspace, ["a"])

    said = told(workspace)

    assert "cannot be told from fewer than 20 labels" in said
    assert "cannot be told yet: it needs two classes" in said


def test_many_labels_bring_estimates_with_intervals(make_workspace):
    workspace = make_workspace()
    label(workspace, ["a", "b", "b", "c", *"abba" * 6])

    facts, said = facts_of(workspace), told(workspace)

    assert facts["unseen"]["undiscovered"] == 0
    assert 0 <= facts["expectation"]["now"]["low"] <= facts["expectation"]["now"]["high"] <= 1
    assert facts["imbalance_ratio"] == pytest.approx(np.std([13, 14, 1]) / np.mean([13, 14, 1]))
    assert all(sentence in said for sentence in facts["outlook"])
    assert "with 40 labels" in said, "there are 40 images"
    assert "labels of all images would buy" in said.lower()


@pytest.mark.slow
@pytest.mark.parametrize(("balancing", "budget"), [("ratio_max", 12), ("auto", 45)])
def test_it_is_where_the_session_is(balancing, budget, make_workspace):
    workspace = make_workspace(n=50)
    pool = Pool.open(workspace)
    with RecordedSession(workspace, pool, budget, "me", acquisition="random", balancing=balancing) as session:
        for i in range(budget):
            session.label(session.next(), "rare" if i == 3 else "common")
            facts = facts_of(workspace)
            assert (facts["phase"], facts["labels"], facts["budget"]) == (session.phase, i + 1, budget)
        assert session.phase == "balancing"


def test_it_is_where_the_session_is_after_a_merge_another_budget_and_an_old_question(make_workspace):
    workspace = make_workspace(n=80)
    pool = Pool.open(workspace)
    options = {"acquisition": "random", "balancing": "ratio_max"}
    with RecordedSession(workspace, pool, 18, "me", **options) as session:
        old = session.session.ask()
        names = iter([*"aaaaaabbbc", "b"])
        while session.phase == "discovery":
            session.label(session.session.ask({old.index}).index, next(names))
        session.label(old.index, next(names))
        assert facts_of(workspace)["phase"] == session.phase == "balancing"
        session.rename("b", "a")
        assert facts_of(workspace)["phase"] == session.phase
    with RecordedSession(workspace, pool, 60, "me", **options) as session:
        assert facts_of(workspace)["phase"] == session.phase == "discovery"


def test_when_every_image_has_a_label_nothing_is_promised(make_workspace):
    workspace = make_workspace(n=24)
    label(workspace, [*"aaabbbcccddd", *"aabbccddeefg"])

    facts, said = facts_of(workspace), told(workspace)

    assert (facts["unseen"]["undiscovered"], facts["unseen"]["high"], facts["unseen"]["unseen_mass"]) == (0, 0, 0)
    assert facts["expectation"]["doubled"] == facts["expectation"]["now"]
    assert "Every image has a label" in said
    assert "would buy" not in said


def test_what_to_do_next_comes_first_and_knows_whether_the_classifier_is_of_these_labels(make_workspace):
    workspace = make_workspace()
    label(workspace, ["a", "b"] * 4)
    assert facts_of(workspace)["next"][0]["command"] == f"evenpick train {workspace}"

    assert CliRunner().invoke(main, ["train", str(workspace), "--no-self-training"]).exit_code == 0
    assert facts_of(workspace)["model"] == "current"
    with LabelStore(workspace) as store:
        store.append([Annotation("030.jpg", "b", annotator="me")])
    assert facts_of(workspace)["model"] == "out of date"

    said = told(workspace)
    assert said.startswith(f"Next:\n  evenpick train {workspace}\n      makes it anew: the labels have changed since\n")
    (workspace / "model" / "model.json").write_text("{")
    assert facts_of(workspace)["model"] is None


def test_it_shows_what_test_images_say_and_of_which_classifier(make_workspace):
    workspace = make_workspace()
    label(workspace, ["a", "b"] * 4)
    pool = Pool.open(workspace)
    model = train(pool, np.arange(8), ["a", "b"] * 4, unlabelled=(), n_folds=2)
    model.save(workspace / "model")
    tested = evaluate(model, pool.take(np.arange(20, 32)), ["a", "b"] * 6)
    found = replace(tested, tau=1.0, corrected_accuracy=0.886, corrected_half_width=0.159)

    def said(**facts):
        write_evaluation(workspace, replace(found, **facts), "test, labelled by test.csv")
        return dict(workspace_status(workspace).rows)["macro accuracy on test images"]

    assert said() == "89% (73% to 100%, nineteen times in twenty) on 12 images"
    assert said(among_labels=12).endswith("; labels show all of them, so it says nothing of new ones")
    assert "without it the figures are a guess" in workspace_status(workspace).next
    assert said(among_labels=3, on_new=replace(found, n_images=9, corrected_accuracy=0.5)).startswith("50% (34% to 66%")
    status = workspace_status(workspace)
    assert (status.facts["tested"]["of"], dict(status.rows)["classifier"]) == ("these labels", "of these labels")
    assert "test images speak of images like them" in status.next
    with LabelStore(workspace) as store:
        store.append([Annotation("030.jpg", "b", annotator="me")])
    assert said().endswith("on 12 images; of the labels before they changed")
    assert "without it the figures are a guess" in workspace_status(workspace).next
    model.with_tau(0.5).save(workspace / "model")
    after = workspace_status(workspace)
    assert dict(after.rows)["macro accuracy on test images"].endswith("on 12 images; of an earlier classifier")
    (workspace / "report" / "evaluation.json").write_text("{")
    assert workspace_status(workspace).facts["tested"] is None


def test_with_budget_left_too_it_says_that_the_classifier_is_out_of_date(make_workspace):
    workspace = make_workspace()
    with RecordedSession(workspace, Pool.open(workspace), 20, "me") as session:
        for name in ("a", "b", "a", "b"):
            session.label(session.next(), name)
    assert "classifier" not in dict(workspace_status(workspace).rows)
    assert CliRunner().invoke(main, ["train", str(workspace), "--no-self-training"]).exit_code == 0
    with RecordedSession(workspace, Pool.open(workspace), 20, "me") as session:
        session.label(session.next(), "a")

    rows = dict(workspace_status(workspace).rows)

    assert rows["classifier"] == "out of date: the labels have changed since it was trained"


def test_the_table_shows_no_accuracy_that_the_sentences_hold_back(make_workspace):
    workspace = make_workspace()
    label(workspace, ["a", "a", "b"])

    assert facts_of(workspace)["expectation"] is not None
    assert "macro accuracy to expect" not in told(workspace)


def test_a_folder_that_is_no_workspace_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["status", str(tmp_path / "gone")])

    assert result.exit_code == 1
    assert "is not a workspace" in result.output


def test_it_says_how_often_a_guess_was_right(make_workspace):
    workspace = make_workspace()
    given = [("a", ("a", "b", "c")), ("b", ("a", "b", "c")), ("d", ("a", "b")), ("c", ()), (None, ("a", "b"))]
    with LabelStore(workspace) as store:
        store.append(
            Annotation(f"{i:03d}.jpg", name, offered=offered, annotator="me") for i, (name, offered) in enumerate(given)
        )

    facts = facts_of(workspace)

    assert [facts[f"guesses_{what}"] for what in ("offered", "first_right", "one_right")] == [3, 1, 2]
    said = told(workspace)
    for name, value in (("labels given with guesses", "3"), ("first guess was", "33%"), ("one of the guesses", "67%")):
        assert re.search(rf"{name}.*│\s+{value}", said), said


def test_labels_that_may_be_wrong_are_named_with_the_command_that_opens_them(make_workspace):
    features = np.random.default_rng(0).normal(size=(40, 6)) * 0.3
    features[::2, 0] += 3
    features[1::2, 1] += 3
    workspace = make_workspace(40, features=features)
    names = ["even" if row % 2 == 0 else "odd" for row in range(30)]
    names[8] = "odd"
    label(workspace, names)

    facts, said = facts_of(workspace), " ".join(told(workspace).split())

    first = facts["doubtful"][0]
    assert (first["image"], first["label"], first["likely"]) == ("008.jpg", "odd", "even")
    assert 0 <= first["probability"] < first["likely_probability"] <= 1
    assert "First: '008.jpg' is labelled 'odd' (" in said
    assert f"`evenpick review {workspace}` shows them under 'May be wrong'" in said
    assert said.count("is labelled") == min(5, len(facts["doubtful"]))
    label_count = len(facts["doubtful"])
    assert f"{'1 label' if label_count == 1 else f'{label_count} labels'} may be wrong" in said
    page = CliRunner().invoke(main, ["report", str(workspace)])
    assert page.exit_code == 0
    html = (workspace / "report" / "index.html").read_text(encoding="utf-8")
    assert "Labels to look at again" in html
    assert re.search(r"odd \(\d+%\), perhaps even \(\d+%\) 008\.jpg", re.sub("<[^>]+>", "", html))
    assert json.loads((workspace / "report" / "report.json").read_text())["doubtful"] == facts["doubtful"]


def test_with_a_share_drawn_at_random_it_says_when_an_accuracy_is_told_and_asks_for_no_audit(make_workspace):
    workspace = make_workspace(n=120)
    with RecordedSession(workspace, Pool.open(workspace), 100, audit=0.3) as session:
        for _ in range(40):
            row = session.next()
            session.label(row, f"class {row % 3}")
        missing = 20 - session.session.audit_labels
    said = " ".join(CliRunner().invoke(main, ["status", str(workspace)], terminal_width=200).output.split())
    until = json.loads(CliRunner().invoke(main, ["status", str(workspace), "--json"]).output)["labels_until_accuracy"]

    assert 0 < missing < until < 60
    assert f"goes on: 60 of 100 labels are left; after {until} of them those drawn at random tell an accuracy" in said
    assert (
        f"This is a guess, from labels that were chosen: after {until} more labels those drawn at random give" in said
    )
    assert "evenpick audit" not in said


def test_the_report_says_how_many_of_the_doubtful_labels_it_shows(make_workspace):
    workspace = make_workspace(60)
    label(workspace, np.random.default_rng(0).choice([*"abcd"], 60).tolist())
    n = len(facts_of(workspace)["doubtful"])

    page = write_report(workspace).read_text()

    assert n > 12
    told = (
        f"{n} labels may be wrong, by a classifier that did not see the image; the least likely first, 12 of them here."
    )
    assert told in page
