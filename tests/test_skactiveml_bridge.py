"""Both directions of the bridge, against scikit-activeml itself."""

import subprocess
import sys

import numpy as np
import pytest
from skactiveml.classifier import ParzenWindowClassifier
from skactiveml.pool import (
    CoreSet,
    DiscriminativeAL,
    GreedySamplingX,
    MaxHerding,
    ProbCover,
    RandomSampling,
    SubSamplingWrapper,
    TypiClust,
    UncertaintySampling,
)
from skactiveml.utils import MISSING_LABEL
from sklearn.base import clone

from evenpick.acquisition import ACQUISITIONS, select
from evenpick.errors import EvenpickError
from evenpick.installing import install_command
from evenpick.session import Session, simulate
from evenpick.skactiveml_bridge import AcquisitionStrategy, from_skactiveml

pytestmark = pytest.mark.slow

every_function = pytest.mark.parametrize("name", ACQUISITIONS)

STRATEGIES = [
    CoreSet(),
    GreedySamplingX(),
    MaxHerding(),
    ProbCover(),
    RandomSampling(),
    SubSamplingWrapper(RandomSampling(), max_candidates=30),
    TypiClust(),
]
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: type(strategy).__name__)


@pytest.fixture
def data():
    """Features of 40 images, and source probabilities."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 6)), rng.dirichlet(np.ones(7), size=(40, 2))


def no_labels(n=40):
    return np.full(n, MISSING_LABEL)


# --- our functions as query strategies --------------------------------------------------------------


@every_function
def test_a_function_is_a_strategy_with_the_same_answer_every_time(name, data):
    features, probabilities = data
    strategy = AcquisitionStrategy(name, probabilities, random_state=7)

    chosen = strategy.query(features, no_labels(), batch_size=12)

    assert chosen.shape == (12,)
    assert len(set(chosen.tolist())) == 12
    assert chosen.tolist() == strategy.query(features, no_labels(), batch_size=12).tolist()
    assert chosen.tolist() == clone(strategy).query(features, no_labels(), batch_size=12).tolist()


@every_function
def test_labelled_rows_are_passed_over(name, data):
    features, probabilities = data
    labels = no_labels()
    labels[::2] = 1

    chosen = AcquisitionStrategy(name, probabilities, random_state=0).query(features, labels, batch_size=20)

    assert sorted(chosen.tolist()) == list(range(1, 40, 2))


@pytest.mark.parametrize("name", ["ent_inv_div", "core_set", "badge", "random"])
def test_the_next_query_goes_on_where_the_last_one_ended(name, data):
    features, probabilities = data
    strategy, labels = AcquisitionStrategy(name, probabilities, random_state=0), no_labels()
    at_once = strategy.query(features, labels, batch_size=15)

    one_by_one = []
    for _ in range(15):
        (row,) = strategy.query(features, labels)
        labels[row] = 0
        one_by_one.append(row)

    assert one_by_one == at_once.tolist()


def test_only_candidates_are_chosen_even_late_ones(data):
    features, probabilities = data
    last = AcquisitionStrategy("ent", probabilities, random_state=0).query(features, no_labels(), batch_size=40)[-3:]
    strategy = AcquisitionStrategy("ent", probabilities, random_state=0)

    assert strategy.query(features, no_labels(), candidates=last[::-1], batch_size=3).tolist() == last.tolist()


def test_utilities_fall_along_the_batch_and_are_missing_where_nothing_can_be_chosen(data):
    features, probabilities = data
    labels = no_labels()
    labels[5] = 1

    chosen, utilities = AcquisitionStrategy("ent", probabilities, random_state=0).query(
        features, labels, batch_size=3, return_utilities=True
    )

    assert utilities.shape == (3, 40)
    assert np.nanargmax(utilities, axis=1).tolist() == chosen.tolist()
    assert np.nanmax(utilities, axis=1).tolist() == [3, 2, 1]
    assert np.isnan(utilities[:, 5]).all()
    assert np.isnan(utilities).sum(axis=1).tolist() == [1, 2, 3]


def test_our_core_set_and_theirs_agree_from_the_same_image(data, make_pool):
    features = make_pool(n=200, seed=3).features
    ours = AcquisitionStrategy("core_set", random_state=1).query(features, no_labels(200), batch_size=60)

    start = no_labels(200)
    start[ours[0]] = 0
    theirs = CoreSet(random_state=0).query(features, start, batch_size=59)

    assert ours[1:].tolist() == theirs.tolist()


def test_another_missing_label_and_a_batch_larger_than_what_is_left(data):
    features, _ = data
    labels = ["cat"] * 38 + ["?"] * 2
    strategy = AcquisitionStrategy("random", missing_label="?", random_state=0)

    with pytest.warns(UserWarning, match="larger than number of candidates"):
        chosen = strategy.query(features, labels, batch_size=5)

    assert sorted(chosen.tolist()) == [38, 39]


def test_what_a_user_gets_wrong_is_named(data):
    features, probabilities = data

    with pytest.raises(EvenpickError, match="no source predictions"):
        AcquisitionStrategy("ent").query(features, no_labels())
    with pytest.raises(EvenpickError, match="40 images need 40 predictions; got 39"):
        AcquisitionStrategy("ent", probabilities[1:]).query(features, no_labels())
    with pytest.raises(EvenpickError, match="did you mean 'core_set'"):
        AcquisitionStrategy("coreset").query(features, no_labels())


# --- its strategies as acquisition functions --------------------------------------------------------


@every_strategy
def test_a_strategy_is_an_acquisition_function_that_only_the_seed_moves(strategy, make_pool):
    pool, function = make_pool(n=50), from_skactiveml(strategy)

    np.random.seed(1)  # noqa: NPY002 (the global seed is what must not matter)
    first = select(pool, 20, function, random_state=4)
    np.random.seed(2)  # noqa: NPY002
    second = select(pool, 20, function, random_state=4)

    assert len(set(first.tolist())) == 20
    assert first.tolist() == second.tolist()


@every_strategy
def test_a_strategy_is_the_discovery_order_of_a_session(strategy, make_pool):
    pool, function = make_pool(n=50), from_skactiveml(strategy)
    session = Session(pool, 6, function, balancing=None, random_state=3)

    asked = []
    while (index := session.next()) is not None:
        asked.append(index)
        session.label(index, "class")

    assert asked == select(pool, 6, function, random_state=3).tolist()
    labels = ["a", "b"] * 25
    assert len(simulate(pool, labels, 20, acquisition=function).indices) == 20


def test_the_given_strategy_is_left_as_it_was(make_pool):
    strategy = TypiClust(k=3)

    select(make_pool(), 5, from_skactiveml(strategy))

    assert strategy.get_params() == TypiClust(k=3).get_params()


def test_a_strategy_that_needs_a_model_is_refused_with_its_name():
    with pytest.raises(EvenpickError, match=r"UncertaintySampling needs clf, .* no fitted model"):
        from_skactiveml(UncertaintySampling())
    with pytest.raises(EvenpickError, match="needs discriminator"):
        from_skactiveml(DiscriminativeAL())


def test_a_model_that_is_handed_over_is_used(make_pool):
    function = from_skactiveml(UncertaintySampling(), clf=ParzenWindowClassifier(classes=[0, 1]))

    assert len(select(make_pool(), 5, function)) == 5


@pytest.mark.parametrize(("given", "named"), [(CoreSet, "CoreSet itself"), ("core_set", "str"), (None, "NoneType")])
def test_what_is_no_strategy_is_refused(given, named):
    with pytest.raises(EvenpickError, match=f"takes an instance .* got {named}"):
        from_skactiveml(given)


def test_what_the_bridge_fills_in_cannot_be_given():
    with pytest.raises(EvenpickError, match="fills in 'return_utilities'"):
        from_skactiveml(CoreSet(), return_utilities=True)


def test_without_the_extra_the_pip_line_is_named():
    code = "import sys; sys.modules['skactiveml'] = None\nimport evenpick.skactiveml_bridge"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert install_command("skactiveml") in run.stderr
