"""Images found by words: those that a text encoder of one pair with the pool's source places nearest to a text."""

import threading
from functools import cached_property

import numpy as np

from ..arrays import IndexArray, Singles
from ..errors import EvenpickError
from ..machine import one_blas_thread
from ..names import checked_name
from ..pool import Pool, feature_blocks
from ..sources import TextEncoder, Words, check_at_hand, check_one_pair, text_encoder_beside, vector_of_words


class WordSearch:
    """Finds images of a pool by words, for any number of threads; the first search loads the text encoder, once.

    That is the one that `embed` was told, or found beside the source, and no other that lies there now.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool, self._lock = pool, threading.Lock()
        self._words = pool.source.words if pool.source else None
        self._beside = text_encoder_beside(pool.source.name) if pool.source else None
        self._prompts = self._words.of_search if self._words else ()
        self._encoder: TextEncoder | None = None

    @property
    def is_possible(self) -> bool:
        """Whether there is such a text encoder, as far as can be told without loading it."""
        return self._words is not None and self.obstacle is None

    @property
    def obstacle(self) -> str | None:
        """What stands against it though the source is one of a pair, and the mend; None where nothing does, or it is of none."""
        if self._words is None and self._beside is None:
            return None
        try:
            self._at_hand()
        except EvenpickError as error:
            return str(error)
        return None

    def nearest(self, text: str, candidates: IndexArray) -> IndexArray:
        """The candidates, first those whose features have the largest cosine with the vector of this text.

        Raises
        ------
        EvenpickError
            If there is no such text encoder, it is another one than `embed` was told, or knows nothing of the text.
        """
        wanted = checked_name("what is looked for", text)
        with self._lock:
            self._encoder = encoder = self._encoder or self._loaded()
        cosines = self._cosines(vector_of_words(wanted, self._prompts, encoder))[candidates]
        found: IndexArray = candidates[np.argsort(-cosines, kind="stable")]
        return found

    def _cosines(self, vector: Singles) -> Singles:
        """Of every image (n,): what is not asked for is read too, which is faster than to pick the rest."""
        with one_blas_thread():
            products = np.concatenate([block @ vector for _, block in feature_blocks(self._pool.features)])
        return np.asarray(products / self._lengths)

    @cached_property
    def _lengths(self) -> Singles:
        """Of the feature vectors (n,), a zero vector's 1; kept, as to measure them takes longer than a search."""
        blocks = (block.astype(np.float64) for _, block in feature_blocks(self._pool.features))
        lengths = np.concatenate([np.sqrt(np.einsum("ij,ij->i", block, block)) for block in blocks]).astype(np.float32)
        return np.where(lengths > 0, lengths, np.float32(1))

    def _loaded(self) -> TextEncoder:
        words, source = self._at_hand(), self._pool.source
        encoder = TextEncoder.load(words.encoder)
        if source is not None:
            check_one_pair(encoder.name, encoder.width, source.name, source.feature_size)
        if words.fingerprint != encoder.fingerprint:
            raise EvenpickError(
                f"text encoder '{words.encoder}' is another one than when the images were embedded: put that back, or run "
                "`evenpick embed` again with --text-encoder onnx:FILE"
            )
        return encoder

    def _at_hand(self) -> Words:
        """What the pool keeps of its text encoder, if that is there."""
        if self._words is None and self._beside:
            raise EvenpickError(
                f"text encoder '{self._beside}' lies beside the source, and the pool does not keep it yet: run `evenpick embed` "
                "again, which looks at no image again"
            )
        if self._words is None:
            raise EvenpickError(
                "images are found by words where the source is one of a pair: embed with --text-encoder onnx:FILE, or put "
                "text_model.onnx beside the source's file and embed again"
            )
        check_at_hand(self._words.encoder)
        return self._words
