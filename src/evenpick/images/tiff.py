"""TIFF pages of any number of bands and bits, through Pillow's own decoder.

Pillow takes a fixed list of layouts and reads every tag. So a page is handed to it as a TIFF of one directory that holds the
tags of its pixels alone; and a page of a layout that Pillow does not know as a gray one of 8 bits, whose rows are the bytes
of the page: libtiff undoes the compression, NumPy makes bands and numbers of it.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exif import ORIENTATION, SIZES, Entry, TiffBlock

_MOST_PAGES = 1_000_000
_MOST_VALUES = 4_000_000  # of one tag, such as the offsets of strips

# What decides the pixels; resolutions, texts, EXIF, XMP and previews are left away.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _BANDS, _ROWS, _STRIP_SIZES, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES, _EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
_KEPT = frozenset(
    (_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIPS, _BANDS, _ROWS, _STRIP_SIZES, _PLANAR,
     _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES, _EXTRA, _FORMAT,
     292, 293, 320, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532)  # fax, palette, JPEG, YCbCr
)  # fmt: skip
_LISTS = frozenset(
    (_BITS, _STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES, _EXTRA, _FORMAT, 320, 347, 519, 520, 521, 529, 530, 532)
)
_RAW_COMPRESSIONS = frozenset((1, 5, 8, 32773, 32946, 34925, 50000))  # those that are of bytes: none, LZW, deflate ...
_NAMES = {
    6: "old JPEG",
    7: "JPEG",
    33003: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
}
_GEOGRAPHIC = frozenset((33550, 33922, 34264, 34735, 42112, 42113))
_NODATA, _DNG = 42113, 50706


def page_places(data: bytes) -> list[int]:
    """Where the directory of each page lies, in order; a chain that leads back ends there."""
    block = TiffBlock(data)
    places = dict[int, None]()
    place = block.first
    while len(places) < _MOST_PAGES and place not in places and (following := block.following(place)) is not None:
        places[place] = None
        place = following
    return list(places)


@dataclass(frozen=True, eq=False)
class TiffPage:
    """A page of a TIFF: what its tags say of its pixels."""

    block: TiffBlock
    entries: dict[int, Entry]

    @classmethod
    def at(cls, data: bytes, place: int) -> "TiffPage":
        """The page whose directory lies there."""
        block = TiffBlock(data)
        return cls(block, block.entries(place))

    def _all(self, tag: int) -> list[int]:
        return self.block.numbers(self.entries.get(tag), _MOST_VALUES)

    def _one(self, tag: int, default: int) -> int:
        return next(iter(self.block.numbers(self.entries.get(tag), 1)), default)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height as stored."""
        return self._one(_WIDTH, 0), self._one(_HEIGHT, 0)

    @cached_property
    def bands(self) -> int:
        """Samples of each pixel."""
        return self._one(_BANDS, 3 if self._one(_COMPRESSION, 1) == 7 and self.photometric in (2, 6) else 1)

    @cached_property
    def bits(self) -> int:
        """Bits of each sample; 0 if they differ from band to band."""
        bits = set(self._all(_BITS) or [1])
        return bits.pop() if len(bits) == 1 else 0

    @cached_property
    def kind(self) -> str:
        """Of each sample as NumPy says it: u, i or f; empty if it is something else or differs."""
        formats = set(self._all(_FORMAT) or [1])
        return {1: "u", 2: "i", 3: "f", 4: "u"}.get(formats.pop(), "") if len(formats) == 1 else ""

    @cached_property
    def photometric(self) -> int:
        """0: the least is white, 1: the least is black, 2: RGB, 3: palette, 5: CMYK, 6: YCbCr."""
        return self._one(_PHOTOMETRIC, 1)

    @property
    def layout(self) -> str:
        """Bands and depth in words."""
        kind = {"u": "", "i": " (signed)", "f": " (floating)"}.get(self.kind, " (of another type)")
        return f"{self.bands} band{'s' * (self.bands != 1)} of {self.bits or 'different'} bits{kind}"

    @property
    def raw_photograph(self) -> bool:
        """Whether it is a camera's raw file, whose first page is a preview of a few pixels."""
        return _DNG in self.entries

    @property
    def geographic(self) -> bool:
        """Whether it lies on a map."""
        return not _GEOGRAPHIC.isdisjoint(self.entries)

    @property
    def orientation(self) -> int:
        """As EXIF numbers it."""
        said = self._one(ORIENTATION, 1)
        return said if 1 <= said <= 8 else 1

    @property
    def nodata(self) -> float | None:
        """The value that GDAL states for "there is no value here"."""
        try:
            return float(self.block.text(self.entries.get(_NODATA)))
        except ValueError:
            return None

    @property
    def plain(self) -> bool:
        """Whether Pillow knows the layout, and none of its values is cut to 8 bits."""
        if self.kind != "u" or self.bits not in (1, 2, 4, 8):
            return False
        colours = {2: 3, 5: 4, 6: 3, 8: 3}.get(self.photometric, 1)
        alpha = self.bands == colours + 1 and self._all(_EXTRA)[:1] in ([0], [1], [2])
        return self.bands == colours or (alpha and self.bits == 8)

    @property
    def alpha(self) -> bool:
        """Whether the last band is marked as alpha."""
        return self._all(_EXTRA)[-1:] in ([1], [2])

    def pixels_only(self) -> bytes:
        """A TIFF of this page alone, with the tags that decide its pixels."""
        return _with_directory(self.block, ((tag, entry) for tag, entry in self.entries.items() if tag in _KEPT), {})

    def check(self) -> None:
        """Refuse with ValueError what `as_gray_bytes` and `values` cannot take apart."""
        width, height = self.size
        sizes = {"u": (*range(1, 17), 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}.get(self.kind, ())
        if (
            self.bits not in sizes
            or not 1 <= self.bands <= 4096
            or self.photometric not in (0, 1, 2)
            or not width * height
        ):
            raise ValueError(f"a TIFF of {self.layout} is not read")
        compression = self._one(_COMPRESSION, 1)
        if compression not in _RAW_COMPRESSIONS:
            name = _NAMES.get(compression, f"number {compression}")
            raise ValueError(f"a TIFF of {self.layout} with compression {name} is not read")
        predictor = self._one(_PREDICTOR, 1)
        if (
            predictor not in (1, 2, 3)
            or (predictor == 2 and self.bits not in (8, 16, 32, 64))
            or (predictor == 3) > (self.kind == "f")
        ):
            raise ValueError(f"a TIFF of {self.layout} with predictor {predictor} is not read")

    @property
    def _planar(self) -> bool:
        return self._one(_PLANAR, 1) == 2 and self.bands > 1

    @property
    def _across(self) -> tuple[int, int]:
        """How many tiles lie beside each other, and the width of each; strips are as wide as the image."""
        width = self._one(_TILE_WIDTH, 0) if _TILES in self.entries else 0
        return (-(-self.size[0] // width), width) if width else (1, self.size[0])

    def as_gray_bytes(self, band: int) -> bytes:
        """A TIFF of 8-bit gray whose rows are the bytes of the page's rows; of a planar page, those of one band."""
        tiles, width = self._across
        tiled = _TILES in self.entries
        row = -(-width * (1 if self._planar else self.bands) * self.bits // 8)
        places, sizes = self._all(_TILES if tiled else _STRIPS), self._all(_TILE_SIZES if tiled else _STRIP_SIZES)
        if self._planar:
            each = len(places) // self.bands
            places, sizes = places[band * each : (band + 1) * each], sizes[band * each : (band + 1) * each]
        high = self._one(_TILE_HEIGHT, 0) if tiled else self._one(_ROWS, self.size[1])
        said = {
            _WIDTH: [row * tiles], _HEIGHT: [self.size[1]], _BITS: [8], _COMPRESSION: [self._one(_COMPRESSION, 1)],
            _PHOTOMETRIC: [1], _FILL_ORDER: [self._one(_FILL_ORDER, 1)], _BANDS: [1],
        }  # fmt: skip
        said |= (
            {_TILE_WIDTH: [row], _TILE_HEIGHT: [high], _TILES: places, _TILE_SIZES: sizes}
            if tiled
            else {_STRIPS: places, _ROWS: [min(high, self.size[1])], _STRIP_SIZES: sizes}
        )
        return _with_directory(self.block, (), {tag: values for tag, values in said.items() if values})

    def values(self, rows: Sequence[NDArray[np.uint8]], wanted: Sequence[int]) -> NDArray[Any]:
        """The numbers of the wanted bands (from 0), shape (height, width, bands), from the gray images of `as_gray_bytes`."""
        found = [self._numbers(part) for part in rows]
        if self._planar:
            return np.stack([band[..., 0] for band in found], axis=-1)
        return found[0][..., list(wanted)]

    def parts(self, wanted: Sequence[int]) -> list[int]:
        """The bands whose gray images `values` needs; a page that is not planar has one for all."""
        return list(wanted) if self._planar else [0]

    def _numbers(self, rows: NDArray[np.uint8]) -> NDArray[Any]:
        height, (tiles, width) = len(rows), self._across
        bands = 1 if self._planar else self.bands
        lines = rows.reshape(height, tiles, -1)
        predictor = self._one(_PREDICTOR, 1)
        values: NDArray[Any]
        if self.bits in (8, 16, 32, 64):
            kind = np.dtype(f"{self.block.order}{self.kind}{self.bits // 8}")
            if predictor == 3:
                values = _undo_floating_predictor(lines, bands, self.bits // 8)
            else:
                values = lines.view(kind).reshape(height, tiles, width, bands)
            if predictor == 2:
                # Differences wrap around, so they are summed as whole numbers.
                whole = values.view(np.dtype(f"{self.block.order}u{self.bits // 8}"))
                values = np.cumsum(whole, axis=2, dtype=whole.dtype.newbyteorder("=")).view(kind.newbyteorder("="))
        else:
            values = _unpacked(lines, self.bits)[..., : width * bands].reshape(height, tiles, width, bands)
        return values.reshape(height, tiles * width, bands)[:, : self.size[0]]


def _unpacked(lines: NDArray[np.uint8], bits: int) -> NDArray[np.uint16]:
    """Whole numbers of 1 to 16 bits, the first bit first, from the bytes of lines."""
    single = np.unpackbits(lines, axis=-1)
    count = single.shape[-1] // bits
    digits = single[..., : count * bits].reshape(*lines.shape[:-1], count, bits)
    values: NDArray[np.uint16] = np.zeros(digits.shape[:-1], np.uint16)
    for i in range(bits):
        values <<= 1
        values |= digits[..., i]
    return values


def _undo_floating_predictor(lines: NDArray[np.uint8], bands: int, size: int) -> NDArray[Any]:
    """Adobe's predictor 3: the bytes of a row sorted by their weight, then differences over the bands."""
    height, tiles, length = lines.shape
    summed = np.cumsum(lines.reshape(height, tiles, length // bands, bands), axis=2, dtype=np.uint8)
    by_weight = summed.reshape(height, tiles, size, length // size)
    values = np.ascontiguousarray(by_weight.swapaxes(2, 3)).view(np.dtype(f">f{size}"))
    return values.reshape(height, tiles, length // size // bands, bands)


def _with_directory(block: TiffBlock, kept: Iterable[tuple[int, Entry]], made: dict[int, list[int]]) -> bytes:
    """The data with one new directory at its end: entries of the old one, and tags with the values given.

    It is a plain TIFF even where the data is a BigTIFF, which Pillow does not take in both byte orders.
    """
    order, end = block.order, len(block.data) + len(block.data) % 2
    # Of a tag that has one value the first counts, however many there are.
    tags = [
        (tag, *_content(block, entry if tag in _LISTS else replace(entry, count=min(entry.count, 1))))
        for tag, entry in kept
    ]
    tags += [(tag, 4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers)) for tag, numbers in made.items()]
    directory = struct.pack(order + "H", len(tags))
    values, values_at = b"", end + 2 + 12 * len(tags) + 4
    for tag, kind, count, content in sorted(tags):
        if len(content) > 4:
            place, values = (
                struct.pack(order + "I", values_at + len(values)),
                values + content + bytes(len(content) % 2),
            )
        else:
            place = content.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, kind, count) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", end)
    return b"".join((head, block.data[8:], bytes(len(block.data) % 2), directory, bytes(4), values))


def _content(block: TiffBlock, entry: Entry) -> tuple[int, int, bytes]:
    """Type, count and bytes of an entry; 64-bit numbers as 32-bit ones."""
    if entry.kind in (16, 18):
        numbers = block.numbers(entry, _MOST_VALUES)
        return 4, len(numbers), struct.pack(f"{block.order}{len(numbers)}I", *numbers)
    size = SIZES.get(entry.kind, 1)
    content = block.data[entry.value_at : entry.value_at + size * min(entry.count, _MOST_VALUES)]
    return entry.kind, len(content) // size, content
