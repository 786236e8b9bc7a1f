"""What a file is, by its first bytes and not by its name."""

import functools
import re
from importlib.util import find_spec
from pathlib import Path

from PIL import features

from ..installing import install_command

HEAD = 264  # bytes: DICOM says what it is at 128, tar at 257


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# What a name is enough for: most files of a collection need not be opened to be found.
IMAGE_NAMES = _names(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm .pfm "
    ".avif .jp2 .j2k .j2c .jpc .jpf .jpx"
)
_RAW_NAMES = _names(".dng .nef .nrw .cr2 .cr3 .arw .srf .sr2 .raf .orf .rw2 .pef .srw .3fr .iiq .x3f .kdc .mrw")
NEVER_DEEP = _names(".jpg .jpeg .jpe .jfif .mpo .webp .gif .bmp .dib")  # more than 8 bits are not in them
# Content of these is never looked at.
_OTHER_NAMES = _names(
    ".txt .md .rst .log .csv .tsv .json .jsonl .ndjson .geojson .xml .html .htm .css .js .ts .yaml .yml .toml .ini .cfg "
    ".conf .py .pyc .ipynb .r .m .c .cpp .h .java .sh .bat .ps1 .sql .db .sqlite .sqlite3 .parquet .feather .arrow .npy "
    ".npz .mat .pkl .pt .pth .onnx .safetensors .h5 .hdf5 .zip .tar .gz .tgz .bz2 .xz .7z .rar .zst .doc .docx .xls .xlsx "
    ".ppt .pptx .odt .ods .xmp .thm .aae .lrv .wav .mp3 .ogg .flac .m4a .aac .srt .gpx .kml .shp .dbf .shx .prj .tfw .jgw "
    ".md5 .sha1 .sha256 .lock .tmp .bak .exe .dll .so .ttf .otf .woff .woff2 .url .lnk"
)  # fmt: skip

_SIGNATURES = (
    ("DICOM", rb".{128}DICM"),  # before it may stand what other programs take for a TIFF
    ("JPEG", rb"\xff\xd8\xff"),
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("GIF", rb"GIF8[79]a"),
    ("WEBP", rb"RIFF....WEBP"),
    ("TIFF", rb"II[*+]\0|MM\0[*+]"),
    ("BMP", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    ("DIB", rb"\x28\0\0\0.{8}\x01\0[\x01\x04\x08\x10\x18\x20]\0"),
    ("PPM", rb"P[1-7Ff]\s"),
    ("JPEG2000", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    ("AVIF", rb"....ftyp(avif|avis|mif1.{4,48}avif)"),
    ("HEIC", rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)"),
    ("camera raw", rb"....ftypcrx |FUJIFILMCCD-RAW|II(U\0|RO|RS)|MMOR|FOVb|\0MRM"),
    ("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL "),
    ("video", rb"....ftyp|RIFF....AVI |\x1a\x45\xdf\xa3|\0\0\x01[\xb3\xba]|FLV\x01|\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ("video", rb"....(moov|mdat|wide|skip|free)"),
    ("PDF", rb"%PDF-"),
    ("Photoshop", rb"8BPS"),
    ("FITS", rb"SIMPLE  ="),
    ("OpenEXR", rb"\x76\x2f\x31\x01"),
    ("Radiance HDR", rb"#\?RADIANCE|#\?RGBE"),
    ("DDS", rb"DDS \x7c"),
    ("icon", rb"\0\0[\x01\x02]\0[\x01-\x20]\0.{3}\0"),
    ("SVG", rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]"),
)  # fmt: skip
_PATTERNS = tuple((kind, re.compile(pattern, re.DOTALL)) for kind, pattern in _SIGNATURES)

_ARCHIVES = (
    ("a ZIP archive", rb"PK(\x03\x04|\x05\x06)"),
    ("a tar archive", rb".{257}ustar"),
    ("a gzip file", rb"\x1f\x8b"),
    ("a 7z archive", rb"7z\xbc\xaf\x27\x1c"),
    ("a RAR archive", rb"Rar!\x1a\x07"),
    ("an xz file", rb"\xfd7zXZ\0"),
    ("a bzip2 file", rb"BZh[1-9]"),
    ("a Zstandard file", rb"\x28\xb5\x2f\xfd"),
)
_ARCHIVE_PATTERNS = tuple((kind, re.compile(pattern, re.DOTALL)) for kind, pattern in _ARCHIVES)

NOT_READ = "not read: "
_ALWAYS_READ = frozenset(("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "DIB", "PPM"))
_EXTRAS = {"HEIC": ("pillow_heif", "heif"), "DICOM": ("pydicom", "dicom")}


def kind_of(head: bytes) -> str:
    """The kind of image (or what is much like one) that begins so; empty for anything else."""
    return next((kind for kind, pattern in _PATTERNS if pattern.match(head)), "")


@functools.cache
def why_not_read(kind: str) -> str:
    """Why files of a kind are left out, and what would read them; empty if they are read."""
    if kind in _ALWAYS_READ:
        return ""
    if kind in ("JPEG2000", "AVIF"):
        name = "avif" if kind == "AVIF" else "jpg_2000"
        there = name in features.get_supported()
        return "" if there else f"{NOT_READ}{kind} (this Pillow cannot; pip install -U Pillow)"
    if kind in _EXTRAS:
        package, extra = _EXTRAS[kind]
        return "" if find_spec(package) else f"{NOT_READ}{kind} (needs: {install_command(extra)})"
    return f"{NOT_READ}{kind}"


def kind_of_file(path: Path, extension: str) -> str:
    """The kind of a file whose name is not that of an image: from its first 264 bytes, if its name leaves it open."""
    if extension in _OTHER_NAMES:
        return ""
    try:
        with path.open("rb", buffering=0) as file:
            kind = kind_of(file.read(HEAD))
    except OSError:
        return ""
    return "camera raw" if extension in _RAW_NAMES and kind in ("", "TIFF") else kind


def in_place_of_a_folder(file: Path) -> str:
    """What a file is that was given for a folder, and what to do."""
    try:
        with file.open("rb", buffering=0) as opened:
            head = opened.read(HEAD)
    except OSError:
        head = b""
    archive = next((kind for kind, pattern in _ARCHIVE_PATTERNS if pattern.match(head)), "")
    if archive:
        return f"{archive}, not a folder: unpack it first"
    kind = kind_of(head)
    return f"a file{f' ({kind})' if kind else ''}, not a folder: name the folder that it lies in"
