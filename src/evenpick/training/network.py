"""A fine-tuned network that ONNX Runtime runs on image files."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import EvenpickError
from ..images import Batch, Logits, Part, Preprocessing, logits_of_parts
from ..sources import onnx_session


@dataclass(frozen=True)
class FineTunedNetwork:
    """A fine-tuned network as one ONNX file, run by ONNX Runtime."""

    onnx: bytes
    preprocessing: Preprocessing

    def logits(self, images: Sequence[Part]) -> Logits:
        """Logits (n, n_classes) of the images; EvenpickError names a file that cannot be read."""
        return logits_of_parts(self._run, images, self.preprocessing)

    def _run(self, batch: Batch) -> Any:
        return self._session.run(["logits"], {self._session.get_inputs()[0].name: batch})[0]

    @functools.cached_property
    def _session(self) -> Any:
        try:
            return onnx_session(self.onnx)
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise EvenpickError(f"the fine-tuned network cannot be read: {reason}; train it again") from error
