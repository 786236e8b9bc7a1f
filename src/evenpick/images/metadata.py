"""JPEG and PNG files without their metadata, so that nothing in it can spoil the pixels."""

import zlib

from .exif import jpeg_segments, png_chunks

_PIXEL_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_ANIMATION_CHUNKS = frozenset((b"acTL", b"fcTL", b"fdAT"))
_KEPT_MARKERS = frozenset((0xE0, 0xEE))  # JFIF and Adobe say how colours are coded


def jpeg_pixels_only(data: bytes) -> bytes:
    """A JPEG without EXIF, XMP, colour profiles, comments and what makers add."""
    kept, end = [data[:2]], 2
    for marker, at, body in jpeg_segments(data):
        end = at + 4 + len(body)
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker in _KEPT_MARKERS:
            kept.append(data[at:end])
    return b"".join((*kept, data[end:]))


def png_pixels_only(data: bytes, animated: bool) -> tuple[bytes, bool]:
    """A PNG without text, EXIF, times and profiles, and whether the checksums of those are right."""
    wanted = _PIXEL_CHUNKS | _ANIMATION_CHUNKS if animated else _PIXEL_CHUNKS
    kept, sound = [data[:8]], True
    for kind, start, end in png_chunks(data):
        if kind in wanted or not kind[:1].islower():  # unknown chunks that are not optional are for Pillow to refuse
            kept.append(data[start - 8 : end + 4])
        elif kind not in _ANIMATION_CHUNKS:
            sound = sound and zlib.crc32(data[start - 4 : end]) == int.from_bytes(data[end : end + 4], "big")
    return b"".join(kept), sound


def png_frames(data: bytes) -> int:
    """Frames of an animated PNG, those that are there; 1 of any other."""
    kinds = [kind for kind, _, _ in png_chunks(data)]
    return max(1, kinds.count(b"fcTL")) if b"acTL" in kinds else 1
