"""Names and values as lines of text."""

from evenpick.reports.lines import in_lines


def test_values_stand_one_below_the_other():
    assert in_lines([("labels", "3 of 5"), ("phase", "discovery")]) == "  labels  3 of 5\n  phase   discovery"
