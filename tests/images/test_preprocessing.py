"""Preprocessing by hand: scaling, mean and deviation, channels, the central square."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def test_pixels_are_scaled_to_one_and_laid_out_by_channel():
    image = Image.new("RGB", (2, 1), (255, 0, 51))

    batch = Preprocessing(size=1, crop=1.0, **PLAIN)([image, image])

    assert (batch.shape, batch.dtype) == ((2, 3, 1, 1), np.float32)
    assert batch.flags.c_contiguous
    assert batch[0].ravel() == pytest.approx([1.0, 0.0, 0.2])


def test_mean_and_deviation_are_those_of_each_channel():
    image = Image.new("RGB", (4, 4), (255, 0, 51))
    preprocessing = Preprocessing(size=2, mean=(0.5, 0.25, 0.1), std=(0.5, 0.25, 0.2))

    batch = preprocessing([image])

    assert batch[0, :, 0, 0] == pytest.approx([1.0, -1.0, 0.5], abs=1e-6)
    assert np.ptp(batch, axis=(2, 3)) == pytest.approx(np.zeros((1, 3)), abs=1e-6)


def test_bgr_networks_get_blue_first_with_mean_and_deviation_in_their_order():
    image = Image.new("RGB", (4, 4), (255, 0, 51))
    preprocessing = Preprocessing(size=1, channels="bgr", mean=(0.1, 0.0, 0.5), std=(0.2, 1.0, 0.5))

    assert preprocessing([image]).ravel() == pytest.approx([0.5, 0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("size", [(8, 4), (4, 8)])
def test_the_central_square_is_cut_out_of_the_long_side(size):
    """Eight pixels in a row: the middle four are kept as they are."""
    steps = np.arange(0, 160, 20, dtype=np.uint8)
    pixels = np.repeat(np.tile(steps, (4, 1))[..., None], 3, axis=2)
    image = Image.fromarray(pixels if size == (8, 4) else np.ascontiguousarray(pixels.transpose(1, 0, 2)))

    batch = Preprocessing(size=4, crop=1.0, **PLAIN)([image])[0, 0] * 255

    line = batch[0] if size == (8, 4) else batch[:, 0]
    assert line == pytest.approx([40, 60, 80, 100], abs=0.01)


def test_the_border_outside_the_crop_does_not_matter():
    image = Image.new("RGB", (8, 8), "red")
    image.paste("blue", (2, 2, 6, 6))

    half = Preprocessing(size=4, crop=0.5, **PLAIN)([image])[0]

    assert half[:, :, :].transpose(1, 2, 0).reshape(-1, 3).tolist() == [[0, 0, 1]] * 16


def test_bilinear_reduction_by_hand():
    # Halving with Pillow's triangle filter: weights 1, 3, 3, 1 over 8, cut off and rescaled at the border.
    image = Image.fromarray(np.repeat(np.uint8([[0, 80, 160, 240]])[..., None], 3, axis=2).repeat(4, axis=0))

    batch = Preprocessing(size=2, crop=1.0, **PLAIN)([image])[0, 0] * 255

    assert batch[0] == pytest.approx([(3 * 0 + 3 * 80 + 160) / 7, (80 + 3 * 160 + 3 * 240) / 7], abs=0.51)


def thirds(size):
    """Red, green and blue, a third of the width each."""
    image = Image.new("RGB", size, "red")
    image.paste("lime", (size[0] // 3, 0, size[0] * 2 // 3, size[1]))
    image.paste("blue", (size[0] * 2 // 3, 0, *size))
    return image


RED, GREEN, BLUE = [1, 0, 0], [0, 1, 0], [0, 0, 1]


def test_crop_sees_the_middle_of_a_panorama_and_squash_and_pad_see_all_of_it():
    """A panorama of 30 x 6 at 3 x 3 pixels: only green; a third each, squeezed; the same in a line between borders."""
    seen = {}
    for fit in ("crop", "squash", "pad"):
        preprocessing = Preprocessing(size=3, crop=1.0, interpolation="bicubic", fit=fit, **PLAIN)
        batch = preprocessing([thirds((30, 6)).resize((30, 6))])[0]
        seen[fit] = np.rint(batch.transpose(1, 2, 0)).astype(int).tolist()

    assert seen["crop"] == [[GREEN] * 3] * 3
    assert seen["squash"] == [[RED, GREEN, BLUE]] * 3
    assert seen["pad"] == [[[0] * 3] * 3, [RED, GREEN, BLUE], [[0] * 3] * 3]


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_borders_have_the_mean_of_each_channel_so_that_the_network_sees_nothing_there(channels):
    preprocessing = Preprocessing(size=8, crop=1.0, mean=(0.2, 0.4, 0.6), fit="pad", channels=channels)

    batch = preprocessing([Image.new("RGB", (8, 4), "white"), Image.new("RGB", (4, 8), "white")])

    assert np.abs(batch[0][:, [0, 1, 6, 7]]).max() < 0.01
    assert np.abs(batch[1][:, :, [0, 1, 6, 7]]).max() < 0.01
    assert batch[0][:, 2:6].min() > 1
    assert batch[1][:, :, 2:6].min() > 1


def test_with_pad_the_crop_is_a_share_of_the_long_side():
    image = Image.new("RGB", (8, 2), "red")
    image.paste("blue", (2, 0, 6, 2))

    half = Preprocessing(size=4, crop=0.5, fit="pad", **PLAIN)([image])[0].transpose(1, 2, 0)

    assert half.tolist() == [[[0] * 3] * 4, [BLUE] * 4, [BLUE] * 4, [[0] * 3] * 4]


@pytest.mark.parametrize("fit", ["squash", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 2)])
def test_images_of_any_shape_fit(fit, size):
    assert Preprocessing(size=7, crop=0.9, fit=fit)([Image.new("RGB", size, "white")]).shape == (1, 3, 7, 7)


def test_another_fit_than_that_of_the_source_shows_the_image_up_to_its_borders():
    assert Preprocessing(crop=0.875).fitted("pad") == Preprocessing(crop=1.0, fit="pad")
    assert Preprocessing(crop=0.9, fit="squash").fitted("squash") == Preprocessing(crop=0.9, fit="squash")
    assert Preprocessing(crop=0.9, fit="pad").fitted("crop") == Preprocessing(crop=0.9)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 2)])
def test_images_of_any_size_become_whole_batches(size):
    batch = Preprocessing()([Image.new("RGB", size, "white")])

    assert batch.shape == (1, 3, 224, 224)
    assert batch[0, 0] == pytest.approx(np.full((224, 224), (1 - 0.485) / 0.229), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interpolation": "bicubik"}, "interpolation 'bicubik' does not exist; did you mean 'bicubic'"),
        ({"channels": "grb"}, "channels 'rgb' or 'bgr'; got 224, 0.875, 'grb'"),
        ({"fit": "stretch"}, "fit 'stretch' does not exist"),
        ({"size": 0}, "size must be a whole number from 1"),
        ({"crop": 0}, r"crop in \(0, 1\]"),
        ({"crop": 1.01}, r"crop in \(0, 1\]"),
    ],
)
def test_preprocessing_that_cannot_be_is_refused(options, message):
    with pytest.raises(EvenpickError, match=message):
        Preprocessing(**options)


# --- several networks that look at one image ----------------------------------------------------------


TWO = (
    Preprocessing(size=4, crop=0.5, channels="bgr"),
    Preprocessing(size=6, crop=1.0, fit="pad", mean=(0.1, 0.2, 0.3)),
)


def test_each_network_gets_its_own_cuts_and_the_views_of_one_follow_each_other():
    image = thirds((30, 6)).resize((30, 20))
    both = replace(TWO[0].beside([TWO[1]]), views=3)
    apart = [replace(one, views=3) for one in TWO]

    assert both.each == tuple(apart)
    assert [cut.tobytes() for cut in both.cuts(image)] == [cut.tobytes() for one in apart for cut in one.cuts(image)]


def test_what_decides_how_a_file_is_decoded_is_one_for_all():
    reading = {"reduced_jpeg": True, "depth": (0, 4095), "bands": (3,), "max_pixels": 99, "views": 2}
    both = replace(TWO[0].beside([TWO[1]]), **reading)

    assert both.each == tuple(replace(one, **reading) for one in TWO)
    assert both.reading == replace(both.each[0].reading, enough=16)  # of 4 px of a half, and 12 of 6 px of all
    assert replace(both, crop=1.0).enough_pixels == 12
    assert [one.fit for one in both.fitted("squash").each] == ["squash"] * 2
    assert [one.crop for one in both.fitted("pad").each] == [1.0, 1.0]
    for name, value in reading.items():
        with pytest.raises(EvenpickError, match=f"{name} must be the same for all, as a file is decoded once; got"):
            TWO[0].beside([replace(TWO[1], **{name: value})])


def test_what_is_stated_of_several_is_read_back_and_of_one_nothing_is_said_of_others():
    both = replace(TWO[0].beside([TWO[1]]), views=2, depth=(0, 255))
    facts = json.loads(json.dumps(both.to_dict()))

    assert Preprocessing.from_dict(facts) == both
    assert "views" not in facts["others"][0]
    assert "others" not in TWO[0].to_dict()
    with pytest.raises(EvenpickError, match="one of others has others itself"):
        replace(TWO[0], others=(both,))
