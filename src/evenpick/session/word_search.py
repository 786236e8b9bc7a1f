"""Images found by words: those that a text encoder of one pair with the pool's source places nearest to a text."""

import threading
from functools import cached_property

import numpy as np

from ..arrays import IndexArray, Singles
from ..errors import EvenpickError
from ..machine import one_blas_thread
from ..names import checked_name
from ..pool import Pool, feature_blocks
from ..sources import PROMPT, TextEncoder, check_one_pair, is_at_hand, text_encoder_beside, vector_of_words


class WordSearch:
    """Finds images of a pool by words, for any number of threads; the first search loads the text encoder, once.

    That is the one that `embed` was told, or else the one that lies beside the source.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool, self._lock = pool, threading.Lock()
        self._words = pool.source.words if pool.source else None
        beside = text_encoder_beside(pool.source.name) if pool.source else None
        self._name = self._words.encoder if self._words else beside
        self._encoder: TextEncoder | None = None

    @property
    def is_possible(self) -> bool:
        """Whether there is such a text encoder, as far as can be told without loading it."""
        return self._name is not None and is_at_hand(self._name)

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
        prompts = self._words.prompts if self._words else (PROMPT,)
        cosines = self._cosines(vector_of_words(wanted, prompts, encoder))[candidates]
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
        if self._name is None or self._pool.source is None:
            raise EvenpickError(
                "images are found by words where the source is one of a pair: embed with --text-encoder onnx:FILE, or put "
                "text_model.onnx beside the source's file"
            )
        encoder = TextEncoder.load(self._name)
        check_one_pair(encoder.name, encoder.width, self._pool.source.name, self._pool.source.feature_size)
        if self._words and self._words.fingerprint != encoder.fingerprint:
            raise EvenpickError(
                f"text encoder '{self._name}' is another one than when the images were embedded: run `evenpick embed` with "
                "--text-encoder again"
            )
        return encoder
