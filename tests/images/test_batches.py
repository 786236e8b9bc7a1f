"""Batches of image files, decoded ahead: in order, cut as asked for, with a broken file named."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Part, Preprocessing, decoded, logits_of_parts, random_cut

PLAIN = Preprocessing(size=4, crop=1.0, mean=(0, 0, 0), std=(1, 1, 1))


@pytest.fixture
def gray_files(tmp_path):
    """Seventy images, each of one gray: its own number."""
    files = [tmp_path / f"{i}.png" for i in range(70)]
    for i, file in enumerate(files):
        Image.new("RGB", (6, 5), (i,) * 3).save(file)
    return [Part(file) for file in files]


def test_batches_come_in_the_order_in_which_they_were_asked_for(gray_files):
    jobs = [[(file, PLAIN.cut) for file in gray_files[i : i + 7]] for i in range(0, 70, 7)]

    batches = list(decoded(jobs, PLAIN))

    assert [batch.shape for batch in batches] == [(7, 3, 4, 4)] * 10
    assert np.rint(np.concatenate(batches)[:, 0, 0, 0] * 255).tolist() == list(range(70))


def test_the_network_is_asked_for_each_file_once_whatever_their_number(gray_files):
    asked = []

    def network(batch):
        asked.append(len(batch))
        return batch.mean((2, 3))[:, :2] * 255

    logits = logits_of_parts(network, gray_files, PLAIN)

    assert asked == [32, 32, 6]
    assert logits.dtype == np.float64
    assert np.rint(logits).tolist() == [[i, i] for i in range(70)]
    assert logits_of_parts(network, [], PLAIN).shape == (0, 2)


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(gray_files):
    gray_files[40].file.write_bytes(b"no image")
    gone = Part(gray_files[0].file.with_name("gone.png"))

    with pytest.raises(EvenpickError, match=r"image '.*40\.png' cannot be read: not an image.*put it back, or say"):
        logits_of_parts(lambda batch: batch[:, :, 0, 0], gray_files, PLAIN)
    with pytest.raises(EvenpickError, match=r"image '.*gone\.png' cannot be read: No such file"):
        logits_of_parts(lambda batch: batch[:, :, 0, 0], [gone], PLAIN)


def striped():
    """Columns from black to white, rows all alike."""
    ramp = np.repeat(np.linspace(0, 255, 40, dtype=np.uint8)[None, :, None], 20, axis=0)
    return Image.fromarray(np.repeat(ramp, 3, axis=2))


def column_means(cut):
    return np.asarray(cut).mean((0, 2))


def test_four_draws_decide_size_place_and_mirror_of_a_random_cut():
    largest_left = column_means(random_cut(np.array([1.0, 0.0, 0.0, 0.9]), PLAIN)(striped()))
    largest_right = column_means(random_cut(np.array([1.0, 1.0, 0.0, 0.9]), PLAIN)(striped()))
    mirrored = column_means(random_cut(np.array([1.0, 0.0, 0.0, 0.1]), PLAIN)(striped()))
    smallest_left = column_means(random_cut(np.array([0.0, 0.0, 0.0, 0.9]), PLAIN)(striped()))

    assert largest_left == pytest.approx(255 * np.array([1, 3, 5, 7]) / 16, abs=4)  # the left half in four columns
    assert largest_right == pytest.approx(255 - largest_left[::-1], abs=4)
    assert mirrored == pytest.approx(largest_left[::-1])
    # 0.6 of the area: a side of 15.5 of 20 pixels, so the last column ends at 15.5 of 40.
    assert smallest_left[-1] == pytest.approx(255 * 15.5 / 40 * 7 / 8, abs=5)


def test_a_random_cut_keeps_to_the_fit():
    """The whole ramp in four columns, squeezed; or all of it above and below borders."""
    whole = np.array([1.0, 0.5, 0.5, 0.9])
    squashed = random_cut(whole, replace(PLAIN, fit="squash"))(striped())
    padded = np.asarray(random_cut(whole, replace(PLAIN, fit="pad"))(striped()))
    smallest_right = random_cut(np.array([0.0, 1.0, 0.0, 0.9]), replace(PLAIN, fit="squash"))(striped())

    assert column_means(squashed) == pytest.approx(255 * np.array([1, 3, 5, 7]) / 8, abs=7)
    assert padded[[0, 3]].max() == 0
    assert padded[1:3].mean((0, 2)) == pytest.approx(255 * np.array([1, 3, 5, 7]) / 8, abs=7)
    # 0.6 of the area: 31 of 40 columns, from 9 on.
    assert column_means(smallest_right)[0] == pytest.approx(255 * (9 + 31 / 8) / 40, abs=5)
