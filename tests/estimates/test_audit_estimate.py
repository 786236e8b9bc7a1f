"""What audit labels tell, and what they do not."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import default_rng

from evenpick import Pool, simulate
from evenpick.estimates import Outlook
from evenpick.estimates.audit import audit_estimate, estimate_of
from evenpick.estimates.audit_sample import UNTOLD, audit_sample, gains_of
from evenpick.estimates.audit_words import sentences_of
from evenpick.estimates.expectation import Estimate, Expectation
from evenpick.estimates.learning_curve import Curve
from evenpick.estimates.missing_classes import CONFIDENCE
from evenpick.estimates.outlook import outlook_of, outlook_of_record
from evenpick.estimates.recall_posterior import missing_mass, recalls
from evenpick.labels import Answer, AuditDraw, RecordedLabels


def test_a_class_without_a_failure_is_not_certain_and_one_without_a_draw_is_wider(make_sample):
    labels = [0] * 12 + [1] * 12 + [2, 2]
    sample = make_sample(
        labels,
        labels,
        [0] * 100 + [1] * 100 + [2] * 100,
        places=np.arange(24),
        n_draws=24,
        known=np.zeros((24, 26), bool),
    )

    found = recalls(sample, default_rng(0)).whole
    widths = np.diff(np.quantile(found, [0.05, 0.95], axis=0), axis=0)[0]

    assert (widths[:2] > 0.005).all()
    assert widths[2] > widths[:2].max()


def test_failures_pull_a_recall_down(make_sample):
    labels = [0] * 30 + [1] * 30
    right = make_sample(labels, labels, [0] * 200 + [1] * 200)
    wrong = make_sample(labels, [0] * 30 + [0] * 15 + [1] * 15, [0] * 200 + [1] * 200)

    of_right, of_wrong = (np.median(recalls(sample, default_rng(0)).whole, axis=0) for sample in (right, wrong))

    assert of_right[1] > 0.9
    # A third of the 200 that are taken for class 0 is of class 1: 215 of 282 are right.
    assert of_wrong[1] == pytest.approx(215 / 282, abs=0.05)
    assert of_wrong[0] > 0.9


def test_of_the_pieces_without_an_answer_classes_share_what_is_missed_as_these_pieces_look(make_sample):
    # After 40 draws, 2 of them of class 1 taken for class 0, 40 such pieces were asked for: more than the draws foretold.
    labels = [0] * 20 + [1] * 60
    predicted = [0] * 20 + [1] * 18 + [0] * 42
    known = np.arange(80) < np.arange(40)[:, None]
    sample = make_sample(labels, predicted, [0] * 200 + [1] * 200, places=np.arange(40), n_draws=40, known=known)
    unsure = sample.open_scores.copy()
    unsure[:100] = [0.55, 0.45]  # half of what is taken for class 0 looks like class 1 too

    found = recalls(replace(sample, open_scores=unsure), default_rng(0))
    of_whole, of_open = (np.median(part, axis=0) for part in (found.whole, found.still_open))

    assert of_whole[1] < 0.85
    assert of_open[1] < min(of_open[0], 0.99)


def test_what_is_left_of_the_pieces_is_right_or_missed_or_of_a_class_not_found(make_sample):
    # The probabilities alone would have nearly half of the open pieces missed; of 60 draws 6 are wrong.
    labels = [0] * 33 + [1] * 27
    sample = make_sample(labels, [0] * 30 + [1] * 30, [0] * 100 + [1] * 100)
    unsure = np.where(np.eye(2)[sample.open_predicted] == 1, 0.51, 0.49)

    found = recalls(replace(sample, open_scores=unsure), default_rng(0))
    open_pieces = (found.sizes - sample.counts).sum(axis=1)

    assert np.median(open_pieces) == pytest.approx(200, abs=4)


def test_where_more_of_every_class_was_missed_since_than_the_draws_foretold_the_rest_is_not_certain(make_sample):
    # All 40 draws are right, and of each class 30 pieces that were asked for later are taken for the other one.
    labels = [0] * 20 + [1] * 20 + [0] * 30 + [1] * 30
    predicted = [0] * 20 + [1] * 20 + [1] * 30 + [0] * 30
    known = np.arange(100) < np.arange(40)[:, None]
    sample = make_sample(labels, predicted, [0] * 100 + [1] * 100, places=np.arange(40), n_draws=40, known=known)

    found = recalls(sample, default_rng(0))

    some_missed = (found.still_open < 1).any(axis=1)
    assert some_missed.mean() > 0.05


def test_many_classes_with_few_pieces_left_do_not_pull_the_rest_down(make_sample):
    # 60 draws are right, and the classifier is sure of the two pieces that are left of each of 30 classes.
    labels, left = np.arange(30).repeat(4), np.arange(30).repeat(2)
    sample = make_sample(labels, labels, left, n_draws=60)

    found = recalls(replace(sample, scores=4 * sample.scores, open_scores=4 * sample.open_scores), default_rng(0))

    assert np.nanmean(found.still_open) > 0.95
    assert (found.still_open < 1).any(axis=1).mean() > 0.2, "a failure is still possible"


def test_of_the_pieces_left_draws_tell_only_what_those_with_an_answer_do_not(make_sample):
    # 12 of 60 draws are wrong, as 48 of 190 pieces are that were asked for since: the 50 that are left need no failure.
    labels = [0] * 30 + [1] * 30 + [0] * 70 + [1] * 70
    predicted = [0] * 24 + [1] * 6 + [1] * 24 + [0] * 6 + [0] * 46 + [1] * 24 + [1] * 46 + [0] * 24
    sample = make_sample(
        labels, predicted, [0] * 25 + [1] * 25, places=np.arange(60), n_draws=60, known=np.zeros((60, 200), bool)
    )
    none_since = replace(sample, known=np.arange(200) >= np.full((60, 1), 60))

    still, still_none_since = (np.nanmean(recalls(one, default_rng(0)).still_open) for one in (sample, none_since))

    assert still_none_since < 0.93 < 0.945 < still


def test_of_the_lone_pieces_no_larger_share_is_left_than_of_all(make_sample):
    # One of 50 draws is the only label of its class, and the only one of 150 pieces that is taken for it; 50 of these are left.
    labels, known = [0] * 25 + [1] * 24 + [2] + [0] * 50, np.zeros((50, 100), bool)
    left = make_sample(
        labels, labels, [0] * 50, places=np.arange(50), n_draws=50, known=known, chances=np.full(50, 1 / 150)
    )

    assert missing_mass(left)[0] == pytest.approx(1 / 150 * 50 / 150, rel=0.01)


def test_classes_that_were_found_once_since_leave_less_to_be_found(make_sample):
    # Half of the 40 draws are missed, and 4 the only label of their class; so are 20 labels that came after the draws, or before them.
    labels = [0] * 16 + [1] * 20 + [*range(2, 26)]
    sample = make_sample(
        labels, [0] * 60, [0] * 140, places=np.arange(40), n_draws=40, known=np.zeros((40, 60), dtype=bool)
    )
    before = replace(sample, known=np.arange(60) >= np.full((40, 1), 40))

    left_after, left_before = (np.median(recalls(one, default_rng(0)).not_found) for one in (sample, before))

    assert left_after < 4
    assert left_before == pytest.approx(4 / 40 * 180 - 4, abs=5), "of 180 that could be drawn, less the four drawn"


def test_without_a_lone_draw_the_mass_of_classes_not_found_has_an_upper_end_alone(make_sample):
    labels = [0] * 25 + [1] * 25
    none = make_sample(labels, labels, [0] * 500 + [1] * 500, known=np.zeros((50, 50), bool), chances=np.full(50, 1e-3))
    some = make_sample([0] * 25 + [1] * 24 + [2], [0] * 25 + [1] * 25, [0] * 500 + [1] * 500)

    mass = estimate_of(none, default_rng(0)).missing_mass

    assert (mass.value, mass.low) == (0, 0)
    assert mass.high == pytest.approx(1 - (1 - CONFIDENCE) ** (1 / 50), rel=0.02)
    assert missing_mass(some)[0] == pytest.approx(1 / 50, rel=0.2)
    assert estimate_of(some, default_rng(0)).missing_mass.low > 0


def test_what_nobody_could_tell_counts_as_drawn_and_as_wrong(make_sample):
    told = make_sample([0, 1] * 20, [0, 1] * 20, [0, 1] * 200)
    untold = make_sample([0, 1] * 18 + [UNTOLD] * 4, [0, 1] * 20, [0, 1] * 200)

    one, other = (estimate_of(sample, default_rng(0)) for sample in (told, untold))

    assert (one.n_untold, other.n_untold) == (0, 4)
    assert (other.n_told, other.n_skipped) == (36, 4)
    assert one.accuracy.value == pytest.approx(1)
    assert other.accuracy.value == pytest.approx(0.9, abs=0.02)
    assert other.missing_mass.value == 0


def test_where_every_piece_has_an_answer_nothing_is_left_to_chance(make_sample):
    labels = [0] * 20 + [1] * 10
    estimate = estimate_of(make_sample(labels, [0] * 20 + [1] * 8 + [0] * 2, []), default_rng(0))

    assert estimate.accuracy.low == estimate.accuracy.high == pytest.approx(28 / 30)
    assert estimate.macro.value == pytest.approx(0.9)
    assert estimate.macro_open is None
    assert (estimate.missing.high, estimate.missing_mass.high) == (0, 0)
    assert "Every image has an answer, of 2 classes in all." in sentences_of(estimate, None, "image")
    untold = replace(estimate, n_skipped=3)
    assert "3 that nobody could tell may be of others" in " ".join(sentences_of(untold, None, "image"))


@pytest.mark.parametrize(("macro", "said"), [(1.0, "buy a point at most"), (0.9, "would bring about 4 points more.")])
def test_no_points_are_promised_beyond_an_accuracy_of_one(make_sample, macro, said):
    labels = [0] * 25 + [1] * 25
    audit = replace(
        estimate_of(make_sample(labels, labels, [0, 1] * 50), default_rng(0)), macro=Estimate(macro, 0.8, 1.0)
    )
    now, doubled = Estimate(0.66, 0.6, 0.7), Estimate(0.70, 0.6, 0.8)
    expected = Expectation(50, 50, now, doubled, 0.0, Curve(0.66, 0.0, (0.66, 0.6, 0.5)))

    assert said in " ".join(sentences_of(audit, expected, "image"))


def test_gains_follow_what_a_second_label_less_costs():
    counts = np.array([3] * 10 + [1, 2, 3, 100])
    right, without_two = np.array([True] * 5 + [False] * 9), np.full(14, np.nan)
    without_two[:10] = [0.0] * 2 + [1.0] * 3 + [0.0] * 5  # two of ten are lost

    gains = gains_of(counts, right, without_two)

    steepness = 2 / (10 * 2**-1.5)
    assert gains[10] == 0, "a class found by this label alone has nothing to go by"
    assert gains[12] == pytest.approx(0.5 * steepness * 3**-1.5 / 0.5)
    assert gains[11] > gains[12] > gains[13] > 0
    assert not gains_of(np.array([1, 2]), np.array([False, True]), np.full(2, np.nan)).any()


def record_of(pool, names, n_chosen, n_drawn, seed=0):
    """Chosen answers, then drawn ones, all alike; groups are answered whole."""
    rng, answers, draws = default_rng(seed), [], []
    pieces = rng.permutation(pool.representatives)
    for place, row in enumerate(pieces[: n_chosen + n_drawn].tolist()):
        before = frozenset(pool.image_ids[answer.index] for answer in answers)
        chance = 1 / (len(pieces) - place) if place >= n_chosen else None
        inherited = tuple(other for other in pool.same_group(row).tolist() if other != row)
        answers.append(Answer(row, names[row], "discovery", inherited=inherited, chance=chance))
        if chance:
            draws.append(AuditDraw(pool.image_ids[row], names[row], chance, before))
    return RecordedLabels(answers=answers, draws=draws)


def clouds(n=600, n_classes=4, spread=0.6, seed=0, groups=None):
    rng = default_rng(seed)
    numbers = np.sort(rng.integers(n_classes, size=n))
    features = rng.normal(size=(n_classes, 8))[numbers] + spread * rng.normal(size=(n, 8))
    return Pool.from_arrays(features, groups=groups), [f"class {c}" for c in numbers]


def test_a_group_is_drawn_and_judged_once():
    pool, names = clouds(n=300, groups=np.arange(300) // 3)
    names = np.repeat(names[::3], 3).tolist()

    sample = audit_sample(pool, record_of(pool, names, 20, 30))

    assert (len(sample.labels), len(sample.places), sample.n_open, sample.n_pieces) == (50, 30, 50, 100)
    assert sample.known.sum(axis=1).tolist() == [*range(20, 50)]


def test_few_draws_and_one_class_tell_nothing():
    pool, names = clouds(n=120)
    assert audit_estimate(pool, record_of(pool, names, 30, 19)) is None
    assert audit_estimate(pool, record_of(pool, names, 30, 20)) is not None
    told = record_of(pool, names, 30, 20)
    untold = [replace(told.draws[0], label=None), *told.draws[1:]]
    assert audit_estimate(pool, replace(told, draws=untold)) is None
    assert audit_estimate(pool, record_of(pool, ["one"] * 120, 30, 30)) is None


def test_where_images_of_groups_were_drawn_one_by_one_the_audit_counts_images_and_says_so():
    pool, names = clouds()
    grouped = replace(pool, groups=np.arange(600) // 2)
    alone = record_of(pool, names, 60, 40)
    record = replace(alone, settings={"acquisition": "auto", "balancing": "auto", "one_by_one": True})

    outlook = outlook_of_record(grouped, record)

    assert audit_sample(grouped, record).n_pieces == 600
    assert outlook.audit == audit_estimate(pool, alone)
    assert "over all 600 images; 40 audit labels tell it" in outlook.sentences[0]
    assert outlook.sentences[-1].startswith("The audit labels were drawn image by image")
    assert outlook.facts["holds_for"] == "images of this pool"


def test_an_audit_is_said_first_and_what_it_holds_for():
    pool, names = clouds()
    record = record_of(pool, names, 100, 60)
    outlook = outlook_of(pool, record.rows, record.names, audit_estimate(pool, record))

    assert outlook.sentences[0].startswith("Accuracy now: ")
    assert "over all 600 images; 60 audit labels tell it" in outlook.sentences[0]
    assert outlook.rows[0][0] == "macro accuracy now, by audit labels"
    assert outlook.rows[0][1] in outlook.sentences[0]
    assert "guess" not in " ".join(outlook.sentences)
    assert outlook.facts["audit"]["n_draws"] == 60
    assert "guess" in " ".join(outlook_of(pool, record.rows, record.names).sentences)


def test_where_most_of_the_pool_is_labelled_the_rest_is_told_apart():
    pool, names = clouds(n=200)
    few, most = (record_of(pool, names, n, 40) for n in (30, 110))

    said = [" ".join(sentences_of(audit_estimate(pool, record), None, "image")) for record in (few, most)]

    assert "without a label alone" not in said[0]
    assert "Over the 50 images without a label alone" in said[1]


def test_it_is_never_said_that_no_class_is_missing(make_sample):
    labels = [0] * 25 + [1] * 25
    for sample in (make_sample(labels, labels, [0, 1] * 50), make_sample([*labels[:-1], 2], labels, [0, 1] * 50)):
        audit = estimate_of(sample, default_rng(0))
        said = " ".join(Outlook(None, audit=audit).sentences)

        assert audit.missing.high >= 1
        assert "at most" in said or "they may be" in said


def test_draws_of_a_session_are_judged():
    pool, names = clouds()
    result = simulate(pool, names, 120, audit=0.5, random_state=1)
    answers = [
        Answer(int(row), name, "balancing", chance=chance)
        for row, name, chance in zip(result.indices, result.labels, result.chances, strict=True)
    ]
    before = [frozenset(pool.image_ids[other.index] for other in answers[:place]) for place in range(len(answers))]
    draws = [
        AuditDraw(pool.image_ids[answer.index], answer.label, answer.chance, known)
        for answer, known in zip(answers, before, strict=True)
        if answer.chance
    ]

    estimate = audit_estimate(pool, RecordedLabels(answers=answers, draws=draws))

    assert estimate.n_draws == len(draws) > 50
    assert estimate.macro.low < estimate.macro.value < estimate.macro.high


def test_draws_from_another_number_of_pieces_are_left_out_and_it_is_said():
    pool, names = clouds(n=600)
    rows = np.sort(default_rng(1).permutation(600)[:300])
    small = Pool.from_arrays(pool.features[rows], image_ids=[pool.image_ids[row] for row in rows])
    old = record_of(small, [names[row] for row in rows], 60, 40)
    old = replace(old, draws=[replace(draw, n_pieces=300) for draw in old.draws])
    now = replace(old, answers=[replace(answer, index=int(rows[answer.index])) for answer in old.answers])

    assert audit_estimate(small, old).accuracy.value > 0.5
    outlook = outlook_of_record(pool, now)
    assert (outlook.audit, outlook.n_outdated) == (None, 40)
    assert "Of the audit labels 40 are left out: they were drawn when there were more or fewer images" in " ".join(
        outlook.sentences
    )
    assert outlook_of_record(small, old).n_outdated == 0


def test_where_a_few_images_came_the_chances_are_as_if_from_all():
    pool, names = clouds()
    record = record_of(pool, names, 30, 40)
    drawn_before = [replace(draw, chance=1 / (594 - len(draw.before)), n_pieces=594) for draw in record.draws]

    sample = audit_sample(pool, replace(record, draws=drawn_before))

    assert sample.chances == pytest.approx([draw.chance for draw in record.draws])


@pytest.mark.slow
def test_nine_in_ten_intervals_hold():
    held = {"macro": [], "accuracy": [], "recalls": []}
    for seed in range(60):
        pool, names = clouds(n=800, n_classes=8, spread=1.4, seed=seed % 6)
        record = record_of(pool, names, 100, 80, seed)
        sample = audit_sample(pool, record)
        estimate = estimate_of(sample, default_rng(seed))
        still = np.setdiff1d(np.arange(800), record.answered)
        number_of = {name: number for number, name in enumerate(sample.classes)}
        true = np.concatenate([sample.labels, [number_of[names[row]] for row in still]])
        right = np.concatenate([sample.predicted, sample.open_scores.argmax(axis=1)]) == true
        of_class = [right[true == c].mean() for c in range(8)]
        held["macro"].append(estimate.macro.low <= np.mean(of_class) <= estimate.macro.high)
        held["accuracy"].append(estimate.accuracy.low <= right.mean() <= estimate.accuracy.high)
        held["recalls"] += [
            one.recall.low <= recall <= one.recall.high
            for one, recall in zip(estimate.classes, of_class, strict=True)
            if one.measured
        ]

    # Of 60 audits that hold in 90 % of cases 48 or fewer would in 1 of 100.
    assert sum(held["macro"]) > 48
    assert sum(held["accuracy"]) > 48
    assert 0.82 < np.mean(held["recalls"]) < 0.98
