"""HEIC and DICOM, by packages of their own: made here, or real files that come with pydicom."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from evenpick.images import Reading, UnreadableImageError, captured
from evenpick.images.decoding import cut_image, decode_image, deep_sample
from evenpick.images.kinds import kind_of

HALVES = Image.new("RGB", (64, 48), "red")
HALVES.paste("blue", (32, 0, 64, 48))


def read(data, **reading):
    said = []
    return np.asarray(cut_image(data, lambda image: image, Reading(**reading), said.append), int), said


# --- HEIC -------------------------------------------------------------------------------------------


def heic(*images, **options):
    pillow_heif = pytest.importorskip("pillow_heif")
    file, buffer = pillow_heif.from_pillow(images[0]), io.BytesIO()
    for image in images[1:]:
        file.add_from_pillow(image)
    try:
        file.save(buffer, quality=90, **options)
    except (RuntimeError, ValueError) as error:
        pytest.skip(f"this pillow-heif writes no HEIC: {error}")
    return buffer.getvalue()


def test_a_heic_photograph_is_read_upright_with_its_time_and_camera():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Apple"
    exif[0x8769] = {0x9003: "2024:05:06 07:08:09"}
    data = heic(HALVES, exif=exif.tobytes())

    pixels, said = read(data)

    assert kind_of(data) == "HEIC"
    assert pixels.shape == (64, 48, 3)
    assert np.abs(pixels[8, 24] - (255, 0, 0)).max() < 12  # left is above
    assert np.abs(pixels[56, 24] - (0, 0, 255)).max() < 12
    assert captured(data) == ("2024-05-06T07:08:09", "Apple")
    assert said == []


def test_further_pictures_of_a_heic_file_are_told_and_can_be_asked_for():
    data = heic(HALVES, Image.new("RGB", (64, 48), "lime"))

    assert read(data)[1] == ["the first of 2 pages"]
    assert np.abs(read(data, page=1)[0][8, 8] - (0, 255, 0)).max() < 12


def test_a_damaged_heic_file_is_refused_in_one_line():
    data = heic(HALVES)
    rng = np.random.default_rng(0)
    for _ in range(60):
        copy = bytearray(data)
        for place in rng.integers(12, len(copy), 6):
            copy[place] = rng.integers(256)
        try:
            decode_image(bytes(copy[: rng.integers(40, len(copy) + 1)]))
        except UnreadableImageError as error:
            assert "\n" not in str(error)  # noqa: PT017 (any reason, but one)


# --- DICOM ------------------------------------------------------------------------------------------

pydicom = pytest.importorskip("pydicom")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


def real(name):
    file = pydicom.data.get_testdata_file(name)
    if file is None:
        pytest.skip(f"this version of pydicom does not bring {name}")
    with open(file, "rb") as opened:  # noqa: PTH123 (pydicom gives a str)
        return opened.read(), pydicom.dcmread(file)


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "examples_overlay.dcm"])
def test_real_files_are_shown_by_their_window(name):
    """Against pydicom's own windowing, whose result spans the range of the stored bits."""
    data, dataset = real(name)
    values = pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset)
    windowed = pydicom.pixels.apply_windowing(values, dataset)
    bits, slope = dataset.BitsStored, float(dataset.get("RescaleSlope", 1))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dataset.PixelRepresentation else (0, 2**bits - 1)
    low, high = (value * slope + float(dataset.get("RescaleIntercept", 0)) for value in (low, high))

    pixels, _ = read(data)

    assert np.abs(pixels[..., 0] - (windowed - low) * 255 / (high - low)).max() <= 0.51
    assert np.ptp(pixels) > 150


def test_a_computed_tomogram_without_a_window_has_the_range_of_its_folder():
    """Values are in Hounsfield units; the padding around the round image counts as nothing."""
    data, dataset = real("CT_small.dcm")
    values = pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset)
    assert dataset.get("WindowCenter") is None

    pixels, _ = read(data, depth=(-160.0, 240.0))

    expected = np.clip((values + 160) / 400, 0, 1) * 255
    inside = dataset.pixel_array != dataset.PixelPaddingValue
    assert np.abs(pixels[..., 0] - expected)[inside].max() <= 0.51
    assert deep_sample(data).min() == values[inside].min()


@pytest.mark.parametrize("name", ["examples_rgb_color.dcm", "examples_palette.dcm"])
def test_colours_are_those_of_the_file(name):
    data, dataset = real(name)
    expected = dataset.pixel_array
    if name == "examples_palette.dcm":
        expected = pydicom.pixels.apply_color_lut(expected, dataset) >> 8

    assert np.abs(read(data)[0] - expected).max() <= 1


def test_further_frames_are_told_and_can_be_asked_for():
    data, dataset = real("examples_ybr_color.dcm")

    first, said = read(data)

    assert said == ["the first of 30 pages"]
    assert (read(data, page=7)[0] == pydicom.pixels.pixel_array(dataset, index=7)).all()
    assert not (read(data, page=7)[0] == first).all()


def test_where_the_least_is_white_it_is_white():
    data, dataset = real("MR_small.dcm")
    dataset.PhotometricInterpretation = "MONOCHROME1"
    buffer = io.BytesIO()
    dataset.save_as(buffer)

    assert np.abs(read(buffer.getvalue())[0] - (255 - read(data)[0])).max() <= 1


def test_a_report_without_pixels_is_refused():
    data, _ = real("test-SR.dcm")

    with pytest.raises(UnreadableImageError, match=r"^a DICOM file without pixels \(SR\)$"):
        decode_image(data)


def test_neither_package_is_loaded_before_a_file_needs_it():
    import subprocess

    code = "import sys, evenpick.images; print([name for name in ('pydicom', 'pillow_heif') if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
