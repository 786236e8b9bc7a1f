"""The figures of an audit in words: one number first, then where it is weak, what is missing, and what to do next."""

from ..counting import counted
from .audit import FEWEST_FOR_A_CLASS, AuditEstimate, ClassFigure
from .expectation import LITTLE, Estimate, Expectation, points_gained, with_gain

MOSTLY_LABELLED = 0.5  # of the pieces, from which on those without a label get a figure of their own
_SHOWN = 3  # classes in a sentence


def sentences_of(audit: AuditEstimate, expectation: Expectation | None, each: str) -> list[str]:
    """What an audit says; `each` is "image" or "group"."""
    said = [_accuracy(audit, each), _plain(audit, each)]
    if audit.n_open and audit.n_open < (1 - MOSTLY_LABELLED) * audit.n_pieces:
        said.append(_of_the_rest(audit, each))
    said += [_worst(audit), _missing(audit, each)]
    said += [step] if (step := next_step(audit, expectation)) else []
    said.append(
        f"These figures hold for this pool. A labelled {each} is judged by a quick linear classifier that was trained without "
        "it; what `train` makes is another one, and may be better or worse. The folds of `train` speak of the labelled "
        "images alone, and `evaluate` of its test images."
    )
    return said


def rows_of(audit: AuditEstimate, expectation: Expectation | None) -> list[tuple[str, str]]:
    """The numbers with their names."""
    rows = [("macro accuracy now, by audit labels", share(audit.macro)), ("audit labels", str(audit.n_told))]
    if audit.macro_open:
        rows.append(("the same without labelled images", share(audit.macro_open)))
    rows.append(("images that are recognised", share(audit.accuracy)))
    rows += [(f"recall of {one.name}", share(one.recall)) for one in audit.worst[:_SHOWN]]
    rows.append(("images without a label, of classes not found", _bound(audit.missing_mass)))
    if expectation and expectation.n_more:
        rows.append((f"with {expectation.n_labels + expectation.n_more} labels", share(later(audit, expectation))))
    return rows


def later(audit: AuditEstimate, expectation: Expectation) -> Estimate:
    """With twice the labels: the audit's accuracy and what the learning curve adds, their deviations added in quadrature."""
    less, more = _deviations(expectation.doubled, expectation.now)
    value = with_gain(audit.macro.value, expectation.now.value, expectation.doubled.value)
    below, above = audit.macro.value - audit.macro.low, audit.macro.high - audit.macro.value
    return Estimate(
        value, max(value - (below**2 + less**2) ** 0.5, 0.0), min(value + (above**2 + more**2) ** 0.5, 1.0)
    )  # fmt: skip


def _deviations(doubled: Estimate, now: Estimate) -> tuple[float, float]:
    """What the curve adds in error: that of `doubled` beyond that of `now`."""
    pairs = ((doubled.value - doubled.low, now.value - now.low), (doubled.high - doubled.value, now.high - now.value))
    less, more = (max(wide**2 - narrow**2, 0.0) ** 0.5 for wide, narrow in pairs)
    return less, more


def _accuracy(audit: AuditEstimate, each: str) -> str:
    return (
        f"Accuracy now: {share(audit.macro)}. That is the mean recall of all classes, those not found counting 0, over all "
        f"{audit.n_pieces:,} {each}s; {audit.n_told} audit labels tell it. The interval is meant to hold nine times in ten."
    )


def _plain(audit: AuditEstimate, each: str) -> str:
    untold = f" ({audit.n_untold} of the audit could not be told, and count as wrong)" if audit.n_untold else ""
    return f"Of all {each}s {share(audit.accuracy)} are recognised{untold}."


def _of_the_rest(audit: AuditEstimate, each: str) -> str:
    assert audit.macro_open is not None
    return f"Over the {audit.n_open:,} {each}s without a label alone the accuracy is {share(audit.macro_open)}."


def _worst(audit: AuditEstimate) -> str:
    measured = audit.worst
    if not measured:
        return f"No class has {FEWEST_FOR_A_CLASS} audit labels, which its recall needs."
    named = ", ".join(_class(one) for one in measured[:_SHOWN])
    some = f"{len(measured)} of {len(audit.classes)} classes have the {FEWEST_FOR_A_CLASS} audit labels that a recall needs"
    return f"{some}; of them worst recognised: {named}."


def _class(one: ClassFigure) -> str:
    return f"'{one.name}' {share(one.recall)}"


def _missing(audit: AuditEstimate, each: str) -> str:
    if not audit.n_open:
        found = f"Every {each} has an answer, of {len(audit.classes)} classes"
        return (
            f"{found}; {audit.n_skipped} that nobody could tell may be of others."
            if audit.n_skipped
            else f"{found} in all."
        )
    mass = audit.missing_mass
    if mass.value == 0:
        return (
            f"No audit label is the only one of its class: classes that were not found hold at most {mass.high:.1%} of the "
            f"{each}s without a label."
        )
    low, high = max(round(audit.missing.low), 0), max(round(audit.missing.high), 1)
    return (
        f"Classes that were not found hold about {mass.value:.1%} ({mass.low:.1%} to {mass.high:.1%}) of the {each}s without a "
        f"label; they may be {low} to {high}."
    )


def next_step(audit: AuditEstimate, expectation: Expectation | None) -> str:
    """What to do next, by what more labels would buy; empty where no image is left or that cannot be told."""
    if expectation is None or not expectation.n_more or not audit.n_open:
        return ""
    n = expectation.n_labels + expectation.n_more
    if points := points_gained(audit.macro.value, expectation.now.value, expectation.doubled.value):
        weak = [one for one in audit.worst[:_SHOWN] if one.recall.high < audit.macro.value]
        where = f" Look for {' and '.join(repr(one.name) for one in weak)} first." if weak else ""
        return f"Next: label on; {n} labels would bring about {counted(points, 'point')} more.{where}"
    if audit.missing_mass.high > LITTLE and audit.missing_mass.value > 0:
        return f"Next: label on to find classes; by the learning curve {n} labels would buy a point at most otherwise."
    if audit.macro.high - audit.macro.low > 0.1:
        return f"Next: more audit labels, or stop; by the learning curve {n} labels would buy a point at most."
    return f"Next: this is a good place to stop; by the learning curve {n} labels would buy a point at most."


def share(estimate: Estimate) -> str:
    """A share with its interval, in percent."""
    return f"{estimate.value:.0%} ({estimate.low:.0%} to {estimate.high:.0%})"


def _bound(mass: Estimate) -> str:
    return f"{mass.value:.1%} ({mass.low:.1%} to {mass.high:.1%})" if mass.value else f"at most {mass.high:.1%}"
