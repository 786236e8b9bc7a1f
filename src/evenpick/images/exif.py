"""The few facts of EXIF that are used, each read by itself: what else is broken in it does not matter.

Pillow reads every tag at once and raises, on one version or another, for a zero denominator, text where a number
should be, or XMP that is not UTF-8. So a block of EXIF, which is a TIFF without pixels, is walked here.
"""

import datetime
import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

ORIENTATION = 0x0112
_MAKE, _MODEL = 0x010F, 0x0110
PNG = b"\x89PNG\r\n\x1a\n"
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])\b')
_EXIF = 0x8769
_TAKEN, _TAKEN_FRACTION, _SERIAL = 0x9003, 0x9291, 0xA431

_MOST_ENTRIES = 4096  # of one directory; cameras write under a hundred
_LONGEST_TEXT = 100
_TEXT, _WHOLE_NUMBERS = (2, 129), {1: "B", 3: "H", 4: "I", 16: "Q"}  # types of values
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}


class Captured(NamedTuple):
    """When and by which camera a photograph was taken; empty where the file does not say."""

    taken: str
    camera: str


@dataclass(frozen=True)
class Entry:
    """A tag of a TIFF directory: how many values of which type, where they lie, and where the entry itself lies."""

    kind: int
    count: int
    value_at: int
    at: int


class TiffBlock:
    """A TIFF, or the EXIF block of another file, whose directories are read entry by entry.

    Raises
    ------
    ValueError
        If it does not begin as a TIFF does.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
        self.big = data[2:4] in (b"+\0", b"\0+")
        if not self.order or not (self.big or data[2:4] in (b"*\0", b"\0*")):
            raise ValueError("not a TIFF")
        self.first = self.number("Q" if self.big else "I", 8 if self.big else 4)

    def number(self, kind: str, at: int) -> int:
        """The whole number at a place; 0 beyond the end."""
        try:
            return int(struct.unpack_from(self.order + kind, self.data, at)[0])
        except (struct.error, OverflowError):
            return 0

    def entries(self, directory: int) -> dict[int, Entry]:
        """The entries of a directory by their tags; none if there is no whole directory here."""
        if self.following(directory) is None:
            return {}
        head, step, wide = (8, 20, "Q") if self.big else (2, 12, "I")
        end = directory + head + step * self.number("Q" if self.big else "H", directory)
        found: dict[int, Entry] = {}
        for at in range(directory + head, end, step):
            kind, values = self.number("H", at + 2), self.number(wide, at + 4)
            inline = at + step - (8 if self.big else 4)
            fits = SIZES.get(kind, 1) * values <= (8 if self.big else 4)
            entry = Entry(kind, values, inline if fits else self.number(wide, inline), at)
            found.setdefault(self.number("H", at), entry)
        return found

    def text(self, entry: Entry | None) -> str:
        """The text of an entry without blanks around it; empty if it holds none."""
        if entry is None or entry.kind not in _TEXT:
            return ""
        raw = self.data[entry.value_at : entry.value_at + min(entry.count, 4 * _LONGEST_TEXT)]
        words = raw.split(b"\0")[0].decode("utf-8", "replace").split()
        return "".join(letter for letter in " ".join(words) if letter.isprintable())[:_LONGEST_TEXT]

    def numbers(self, entry: Entry | None, most: int = 64) -> list[int]:
        """The first whole numbers of an entry; none if it holds others."""
        if entry is None or entry.kind not in _WHOLE_NUMBERS:
            return []
        kind, size = _WHOLE_NUMBERS[entry.kind], SIZES[entry.kind]
        there = max(0, len(self.data) - entry.value_at) // size
        return list(
            struct.unpack_from(
                f"{self.order}{min(entry.count, most, there)}{kind}", self.data, min(entry.value_at, len(self.data))
            )
        )

    def following(self, directory: int) -> int | None:
        """Where the directory after this one lies, 0 after the last; None if there is no whole directory here."""
        head, step, wide = (8, 20, "Q") if self.big else (2, 12, "I")
        count = self.number("Q" if self.big else "H", directory)
        end = directory + head + step * count
        if not directory or not count or count > _MOST_ENTRIES or end > len(self.data):
            return None
        return self.number(wide, end)


def captured(data: bytes) -> Captured:
    """When and by which camera the photograph in these bytes of a file was taken.

    `taken` is DateTimeOriginal as ISO 8601, with its fraction of a second, in the time that the camera's clock had;
    `camera` is make, model and serial number. Never raises.
    """
    try:
        block = TiffBlock(exif_block(data))
    except ValueError:
        return Captured("", "")
    first = block.entries(block.first)
    pointer = block.numbers(first.get(_EXIF))
    exif = block.entries(pointer[0]) if pointer else {}
    camera = [block.text(first.get(_MAKE)), block.text(first.get(_MODEL)), block.text(exif.get(_SERIAL))]
    taken = _iso(block.text(exif.get(_TAKEN)), block.text(exif.get(_TAKEN_FRACTION)))
    return Captured(taken, " ".join(part for part in camera if part))


def orientation(block: bytes) -> int:
    """How the pixels must be turned, 1 to 8 as EXIF numbers it; 1, not at all, where it is not said."""
    try:
        tiff = TiffBlock(block)
    except ValueError:
        return 1
    said = tiff.numbers(tiff.entries(tiff.first).get(ORIENTATION))
    return said[0] if said and 1 <= said[0] <= 8 else 1


def orientation_of_file(data: bytes) -> int:
    """How the pixels of a JPEG, PNG or WebP must be turned: by its EXIF, or, where that does not say it, by its XMP."""
    said = orientation(exif_block(data))
    if said != 1:
        return said
    found = next((match for text in _xmp(data) if (match := _XMP_ORIENTATION.search(text))), None)
    return int(found[1]) if found else 1


def _xmp(data: bytes) -> Iterator[bytes]:
    if data[:2] == b"\xff\xd8":
        yield from (body for marker, _, body in jpeg_segments(data) if marker == 0xE1 and body[:5] == b"http:")
    elif data[:8] == PNG:
        yield from (
            data[start:end]
            for kind, start, end in png_chunks(data)
            if kind == b"iTXt" and data[start : start + 4] == b"XML:"
        )
    elif data[:4] == b"RIFF":
        yield from (body for kind, body in _riff_chunks(data) if kind == b"XMP ")


def exif_block(data: bytes) -> bytes:
    """The EXIF of an encoded image as a TIFF block; empty if it has none."""
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return data
    blocks: Iterator[bytes] = iter(())
    if data[:2] == b"\xff\xd8":
        blocks = (body[6:] for marker, _, body in jpeg_segments(data) if marker == 0xE1 and body[:6] == b"Exif\0\0")
    elif data[:8] == PNG:
        blocks = (exif for kind, start, end in png_chunks(data) if (exif := _png_exif(kind, data[start:end])))
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        blocks = (body.removeprefix(b"Exif\0\0") for kind, body in _riff_chunks(data) if kind == b"EXIF")
    elif data[4:8] == b"ftyp":
        blocks = iter([_box_file_exif(data)])
    return next(blocks, b"")


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, place and body of each segment of a JPEG before its first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            at += 1
            continue
        if marker in (0xD9, 0xDA):
            return
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at, data[at + 4 : at + length]
        at += length


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each chunk of a PNG, and where its content begins and ends."""
    at = 8
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at + 8, end
        at = end + 4


def _png_exif(kind: bytes, body: bytes) -> bytes:
    if kind == b"eXIf":
        return body
    if kind != b"zTXt" or not body.startswith(b"Raw profile type exif\0\0"):
        return b""
    try:  # as ImageMagick writes it: a name, a length, and hexadecimal digits
        text = zlib.decompressobj().decompress(body[23:], 1 << 20)
        return bytes.fromhex(b"".join(text.split()[2:]).decode("ascii")).removeprefix(b"Exif\0\0")
    except (zlib.error, ValueError):
        return b""


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _box_file_exif(data: bytes) -> bytes:
    """EXIF of AVIF and HEIC, as their decoder finds it."""
    try:
        with _opened_box_file(data) as image:
            return bytes(image.info.get("exif") or b"").removeprefix(b"Exif\0\0")
    except Exception:  # noqa: BLE001 (a plug-in raises what it likes; the pixels are judged elsewhere)
        return b""


def _opened_box_file(data: bytes) -> Image.Image:
    if b"avif" in data[8:64]:
        return Image.open(io.BytesIO(data), formats=("AVIF",))
    from pillow_heif import HeifImageFile

    return HeifImageFile(io.BytesIO(data))  # type: ignore[no-untyped-call]  # it ships no types


def _iso(text: str, fraction: str) -> str:
    try:
        taken = datetime.datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return ""
    return taken.isoformat() + (f".{fraction[:9]}" if fraction.isascii() and fraction.isdigit() else "")
