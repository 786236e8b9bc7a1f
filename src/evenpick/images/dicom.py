"""DICOM files as their own window shows them; the one module that needs pydicom."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array

from .deep import Deep, Depth
from .header import Header


@contextlib.contextmanager
def _broken() -> Iterator[None]:
    """Whatever pydicom and its decoders raise on a damaged file, as ValueError."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error


@_broken()
def read(data: bytes, page: int, bands: Sequence[int]) -> Header:
    """The picture of a DICOM file, or one of its frames."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    if "PixelData" not in dataset:
        raise ValueError(f"a DICOM file without pixels ({dataset.get('Modality', 'no modality')})")
    frames, size = int(dataset.get("NumberOfFrames") or 1), (int(dataset.Columns), int(dataset.Rows))
    if page >= frames:
        raise EOFError(f"the file has {frames} frames")
    window = _window(dataset)
    each = int(dataset.get("SamplesPerPixel", 1)) * max(1, int(dataset.BitsAllocated) // 8)
    return Header(
        lambda: size,
        3 * each + 40,
        partial(_values, dataset, page, window),
        deep=window is None and dataset.BitsAllocated > 8,
        pages=frames,
    )


@_broken()
def _values(dataset: Any, page: int, window: Depth | None) -> Deep:
    colours = dataset.PhotometricInterpretation
    values = pixel_array(dataset, index=page)  # YBR becomes RGB
    if colours == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
        return Deep(values, white=float(np.iinfo(values.dtype).max))
    if values.ndim == 3:
        return Deep(values, white=float(2 ** int(dataset.BitsStored) - 1))
    padding = dataset.get("PixelPaddingValue")
    none = None if padding is None else values == padding
    values = apply_modality_lut(values, dataset)
    if dataset.get("VOILUTSequence"):
        values = apply_voi_lut(values, dataset)
    if none is not None and none.any():
        values = np.where(none, np.nan, values)
    return Deep(values[..., None], least_is_white=colours == "MONOCHROME1", window=window)


def _window(dataset: Any) -> Depth | None:
    """The values that the first window of the file shows as black and white (DICOM PS3.3, C.11.2.1.2)."""
    centre, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width <= 1 or dataset.get("VOILUTSequence"):
        return None
    if dataset.get("VOILUTFunction", "LINEAR") == "LINEAR":
        return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return centre - width / 2, centre + width / 2


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value)
