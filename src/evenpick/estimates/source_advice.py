"""Which methods follow from how well the source knows the domain.

Section 4.6 of the paper leaves "decide this automatically" as future work. `advice` is that decision, and the only place
that makes it.
"""

from dataclasses import dataclass

from .missing_classes import ENOUGH
from .transferability import AGREEING, INFORMATIVE, MeasuredTransfer, SourceKnowledge


@dataclass(frozen=True)
class Advice:
    """What was found, in words, and the methods that follow from it; None where nothing tells yet."""

    finding: str
    method: str
    source_functions_help: bool | None
    acquisition: str = "auto"
    balancing: str = "auto"


def advice(
    knowledge: SourceKnowledge | None, measured: MeasuredTransfer | None = None, by_words: bool = False
) -> Advice:
    """Which methods to take. Labels outweigh the look before them wherever they can tell.

    Without `knowledge` the source is an encoder without classes. Of words that stand for its classes (`by_words`) nothing
    tells: both cuts were measured on networks' own classes.
    """
    if knowledge is None:
        finding = [
            "The source is an encoder without classes: before labels nothing tells whether it knows this domain."
        ]
        return Advice(
            " ".join([*finding, *_finding_after(measured, False)]), _WITHOUT_CLASSES, source_functions_help=False
        )
    agreement = None if measured is None else measured.agreement
    known = knowledge.knows if agreement is None else agreement >= AGREEING
    helps = None if by_words else known
    method = {True: _WORTH_IT, False: _NOT_WORTH_IT, None: _NOT_TOLD}[helps]
    finding = [_finding_of_words(knowledge) if by_words else _finding_before(knowledge)]
    return Advice(" ".join([*finding, *_finding_after(measured, True, by_words)]), method, helps)


_WORTH_IT = (
    "Take 'auto', the default: it needs no knowledge of the source, and then goes where your labels leave it unsure, rare "
    "classes first. Functions that choose by the source's predictions (lc_inv_div and its like) are worth it with few labels, "
    "too: on image sets known as well they beat random images up to about three labels a class, or longer."
)
_NOT_WORTH_IT = (
    "Take 'auto', the default: it covers the images by their features, and then goes where your labels leave it unsure, rare "
    "classes first; it never asks the source's predictions. Do not count on functions that choose by them (lc_inv_div and its "
    "like): on image sets known as little they gave what random images gave, or less, and more only where classes were few and "
    "some rare."
)
_NOT_TOLD = (
    "Take 'auto', the default: it covers the images by their features, and then goes where your labels leave it unsure, rare "
    "classes first; it never asks what images are taken for. Whether functions that choose by that (lc_inv_div and its like) beat "
    "random images, nothing tells beforehand."
)
_WITHOUT_CLASSES = (
    "Take 'auto', the default, which covers the images by their features and asks for no source predictions. Functions that choose "
    "by them (lc_inv_div and its like) need a source with classes, or clusters in their place (lc_inv_div@100)."
)


def _finding_before(knowledge: SourceKnowledge) -> str:
    known = "knows something of this domain" if knowledge.knows else "does not know this domain well"
    return (
        f"Before labels, the source {known}. Its own classes divide these images into kinds, as many as "
        f"{knowledge.effective_classes:.0f} of equal size; it is {knowledge.confidence:.0%} sure of its class on average, and one "
        f"prediction settles {_settled(knowledge)} of the question which kind an image is ({INFORMATIVE:.0%} or more is good)."
    )


def _finding_of_words(knowledge: SourceKnowledge) -> str:
    return (
        "Nothing tells yet how well these words fit this domain: what is good was measured on networks' own classes alone. "
        f"The words divide these images into kinds, as many as {knowledge.effective_classes:.0f} of equal size; the "
        f"source is {knowledge.confidence:.0%} sure of its word on average, and one prediction settles {_settled(knowledge)} of the "
        "question which kind an image is."
    )


def _settled(knowledge: SourceKnowledge) -> str:
    return f"{knowledge.information:.0%}" if knowledge.information > 0 else "nothing"


def _finding_after(measured: MeasuredTransfer | None, has_classes: bool, by_words: bool = False) -> list[str]:
    if measured is None or measured.n_classes < 2:
        return ["There are no labels of two classes yet to measure it by."]
    said = [_agreement_found(measured, by_words)] if has_classes else []  # else labels have nothing to agree with
    if measured.neighbour_accuracy is not None:
        said.append(
            f"The nearest labelled image is of the same class for {measured.neighbour_accuracy:.0%} of the images of a class, "
            f"averaged over the classes; for {measured.guess_accuracy:.0%} by guessing."
        )
    return said


def _agreement_found(measured: MeasuredTransfer, by_words: bool) -> str:
    one, several = ("word", "words") if by_words else ("source class", "source classes")
    if measured.agreement is None:
        few = measured.n_labels < ENOUGH
        why = f"there are fewer than {ENOUGH}" if few else f"most are the only one of their {one}"
        return f"The labels cannot say how far {several} and labels agree, because {why}."
    if by_words:
        return (
            f"Measured on {measured.n_labels} labels, words and yours agree by {measured.agreement:.2f} of 1, "
            "where 0 is by chance."
        )
    word = "agree" if measured.agreement >= AGREEING else "hardly agree"
    return (
        f"Measured on {measured.n_labels} labels, source classes and yours {word} "
        f"({measured.agreement:.2f} of 1; {AGREEING} or more is good)."
    )
