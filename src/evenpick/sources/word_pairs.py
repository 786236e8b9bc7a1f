"""A source that is one of a pair keeps the text encoder that lies beside it."""

from ..errors import EvenpickError
from .source_model import SourceModel
from .text_encoders import TextEncoder, absolute_name, text_encoder_beside
from .words import PROMPT, word_classes


def with_encoder_beside(source: SourceModel) -> tuple[SourceModel, str]:
    """The source with the text encoder that lies beside it, to find images by words; and why not, or "".

    It is kept with its place and its hash: what lies there later may be another one.
    """
    if source.words is not None or source.members or (beside := text_encoder_beside(source.name)) is None:
        return source, ""
    try:
        return source.with_words(word_classes((), (PROMPT,), TextEncoder.load(absolute_name(beside)))), ""
    except EvenpickError as error:
        return source, f"Images cannot be found by words yet: {error}; once that is mended, run `evenpick embed` again."
