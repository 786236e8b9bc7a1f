"""Boxes as files state them, in whole pixels of the image as it is."""

import pytest

from evenpick.detections.detection import BoxError, Detection, pixel_box


def box(*numbers, **more):
    return Detection(numbers, "'boxes.csv', line 2", **more)


def test_a_box_in_pixels_is_rounded_to_the_nearest():
    assert pixel_box(box(10.4, 19.6, 30.0, 40.1), (640, 480)) == (10, 20, 30, 40)


def test_a_relative_box_is_scaled_by_width_and_height():
    assert pixel_box(box(0.25, 0.5, 0.5, 0.25, relative=True), (640, 480)) == (160, 240, 320, 120)


def test_a_box_of_less_than_a_pixel_has_one():
    assert pixel_box(box(639.8, 0.2, 0.2, 0.1), (640, 480)) == (639, 0, 1, 1)


def test_a_box_is_cut_to_its_image():
    assert pixel_box(box(-10, 470, 100, 12), (640, 480)) == (0, 470, 90, 10)


def test_a_box_that_is_mostly_outside_is_refused_with_its_place():
    with pytest.raises(BoxError) as error:
        pixel_box(box(-60, 0, 100, 20), (640, 480))

    assert str(error.value) == (
        "'boxes.csv', line 2: most of the box -60, 0, 100, 20 lies outside its image of 640 x 480 pixels"
    )


@pytest.mark.parametrize("numbers", [(1, 1, 0, 5), (1, 1, 5, 0), (1, 1, -5, 5), (700, 500, -5, -5)])
def test_a_box_without_a_size_is_refused(numbers):
    with pytest.raises(BoxError, match="width and height of a box must be over 0; got"):
        pixel_box(box(*numbers), (640, 480))


def test_a_box_of_an_image_of_another_size_is_refused():
    with pytest.raises(BoxError, match="the image has 480 x 640 pixels there and 640 x 480 here"):
        pixel_box(box(1, 1, 5, 5, size=(480, 640)), (640, 480))
