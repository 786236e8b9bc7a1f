"""Names that people type."""

import pytest

from evenpick.errors import EvenpickError
from evenpick.names import checked_class_name


def test_blanks_around_a_name_and_the_way_accents_are_typed_make_no_difference():
    assert checked_class_name("  caf\u00e9 \n") == checked_class_name("cafe\u0301") == "caf\u00e9"


def test_markup_is_a_name_like_any_other():
    assert checked_class_name("<b>&") == "<b>&"


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb", "\ud800", "x" * 201, None, 3])
def test_what_nobody_can_read_is_refused(name):
    with pytest.raises(EvenpickError, match="a class name must"):
        checked_class_name(name)
