"""Camtrap DP packages: boxes, times, sites and sequences in, observations out."""

import csv
import json
import sys

import numpy as np
import pytest

from evenpick.detections.camtrap_dp import (
    OBSERVATION_COLUMNS,
    LabelledMedia,
    is_camtrap_dp,
    observation_rows,
    read_camtrap_dp,
)
from evenpick.detections.reading import read_detections
from evenpick.errors import EvenpickError

# The head of each table and its first rows, as in the example of the standard.
DEPLOYMENTS = [
    {"deploymentID": "00a2c20d", "locationID": "e254a13c", "locationName": "B_HS_val 2_processiepark"},
    {"deploymentID": "29b7d356", "locationID": "2df5259b", "locationName": ""},
]
MEDIA = [
    {"mediaID": "07840dcc", "deploymentID": "00a2c20d", "captureMethod": "activityDetection",
     "timestamp": "2020-05-30T02:57:37Z", "filePath": "media/1.JPG", "filePublic": "true", "fileName": "RCNX0031.JPG",
     "fileMediatype": "image/jpeg"},
    {"mediaID": "401386c7", "deploymentID": "00a2c20d", "captureMethod": "activityDetection",
     "timestamp": "2020-05-30T04:57:40+02:00", "filePath": "media/2.JPG", "filePublic": "true", "fileName": "",
     "fileMediatype": "image/jpeg"},
    {"mediaID": "ca3ff293", "deploymentID": "29b7d356", "captureMethod": "timeLapse",
     "timestamp": "2020-07-29T05:29:41Z", "filePath": "media/3.JPG", "filePublic": "true", "fileName": "",
     "fileMediatype": "image/jpeg"},
]  # fmt: skip


def observation(**changes):
    empty = dict.fromkeys(OBSERVATION_COLUMNS, "")
    return empty | {
        "observationID": "705e6036", "deploymentID": "00a2c20d", "eventStart": "2020-05-30T02:57:37Z",
        "eventEnd": "2020-05-30T02:57:44Z", "observationLevel": "media", "observationType": "animal",
    } | changes  # fmt: skip


def package(folder, media=MEDIA, observations=(), deployments=DEPLOYMENTS):
    folder.mkdir(exist_ok=True)
    tables = {"deployments": deployments, "media": media, "observations": observations}
    for name, rows in tables.items():
        if rows:
            with (folder / f"{name}.csv").open("w", newline="") as handle:
                writer = csv.DictWriter(handle, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    (folder / "datapackage.json").write_text(json.dumps({"profile": "camtrap-dp"}))
    return folder


NEW = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 reads fewer forms of a time")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        pytest.param("20200530T025737Z", "2020-05-30T02:57:37Z", marks=NEW),
        pytest.param("2020-W22-6T02:57:37+0200", "2020-05-30T02:57:37+02:00", marks=NEW),
        ("2020-05-30 02:57", "2020-05-30T02:57:00"),
    ],
)
def test_times_of_every_form_are_read_as_one_form_that_numpy_knows(tmp_path, text, taken):
    folder = package(tmp_path / "p", media=[MEDIA[0] | {"timestamp": text}])

    found = next(iter(read_camtrap_dp(folder).media.values())).taken

    assert found == taken
    assert str(np.datetime64(found[:19])) == taken[:19]


def test_media_have_times_and_sites(tmp_path):
    found = read_camtrap_dp(package(tmp_path / "p"))

    assert [(one.path, one.taken, one.site) for one in found.media.values()] == [
        ("media/1.JPG", "2020-05-30T02:57:37Z", "B_HS_val 2_processiepark"),
        ("media/2.JPG", "2020-05-30T04:57:40+02:00", "B_HS_val 2_processiepark"),
        ("media/3.JPG", "2020-07-29T05:29:41Z", "2df5259b"),
    ]


def test_the_folder_and_each_of_its_files_are_known_as_a_package(tmp_path):
    folder = package(tmp_path / "p")

    assert all(map(is_camtrap_dp, [folder, folder / "datapackage.json", folder / "media.csv"]))
    assert not is_camtrap_dp(tmp_path)
    assert not is_camtrap_dp(folder / "other.csv")


def test_boxes_of_observations_are_shares_of_their_image(tmp_path):
    boxed = {"bboxX": "0.2", "bboxY": "0.25", "bboxWidth": "0.4", "bboxHeight": "0.5"}
    observations = [
        observation(mediaID="07840dcc", scientificName="Anas platyrhynchos", classificationProbability="0.9", **boxed),
        observation(observationID="2", mediaID="401386c7", observationType="blank"),
    ]

    found = read_detections(package(tmp_path / "p", observations=observations))

    (box,) = found.images["media/1.JPG"]
    assert (box.box, box.relative, box.category, box.confidence) == (
        (0.2, 0.25, 0.4, 0.5), True, "Anas platyrhynchos", 0.9,
    )  # fmt: skip
    assert found.images["media/2.JPG"] == found.images["media/3.JPG"] == []


def test_an_event_is_known_by_the_observations_of_its_files(tmp_path):
    observations = [
        observation(mediaID="07840dcc", eventID="4bb69c45"),
        observation(observationID="2", mediaID="401386c7", eventID="4bb69c45"),
    ]

    found = read_camtrap_dp(package(tmp_path / "p", observations=observations))

    assert [one.sequence for one in found.media.values()] == ["4bb69c45", "4bb69c45", ""]


def test_an_event_without_files_takes_those_of_its_deployment_and_time(tmp_path):
    found = read_camtrap_dp(
        package(tmp_path / "p", observations=[observation(observationLevel="event", eventID="4bb69c45")])
    )

    # 04:57:40 two hours east of Greenwich is 02:57:40 there.
    assert [one.sequence for one in found.media.values()] == ["4bb69c45", "4bb69c45", ""]


def test_a_file_of_two_events_is_of_none(tmp_path):
    observations = [
        observation(mediaID="07840dcc", eventID="one"),
        observation(observationID="2", mediaID="07840dcc", eventID="two"),
    ]

    assert read_camtrap_dp(package(tmp_path / "p", observations=observations)).media["07840dcc"].sequence == ""


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"media": [MEDIA[0] | {"deploymentID": "none"}]}, r"media.csv', line 2: deployment 'none' is not in deployments.csv"),
        ({"media": [MEDIA[0], MEDIA[0]]}, "media.csv', line 3: media '07840dcc' is there twice"),
        ({"media": [MEDIA[0] | {"timestamp": "yesterday"}]}, "line 2: a time must be as 2020-03-24T11:21:46Z; got 'yesterday'"),
        ({"observations": [observation(mediaID="none")]}, "observations.csv', line 2: media 'none' is not in media.csv"),
        ({"observations": [observation(mediaID="07840dcc", bboxX="0.5")]}, "line 2: 'bboxY' must be a finite number; got ''"),
        ({"media": [{"mediaID": "1", "deploymentID": "00a2c20d"}]}, "it has no timestamp, filePath"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path, parts, message):
    with pytest.raises(EvenpickError, match=message):
        read_detections(package(tmp_path / "p", **parts))


# What observations-table-schema.json of version 1.0 asks of each column that is written.
REQUIRED = ["observationID", "deploymentID", "eventStart", "eventEnd", "observationLevel", "observationType"]
ENUMS = {
    "observationLevel": {"media", "event"},
    "observationType": {"animal", "human", "vehicle", "blank", "unknown", "unclassified"},
    "classificationMethod": {"human", "machine"},
}
RANGES = {"bboxX": (0, 1), "bboxY": (0, 1), "bboxWidth": (1e-15, 1), "bboxHeight": (1e-15, 1)}


def check_schema(row):
    assert all(row[name] for name in REQUIRED)
    assert all(row[name] in allowed for name, allowed in ENUMS.items() if row[name])
    assert all(low <= float(row[name]) <= high for name, (low, high) in RANGES.items() if row[name])


def test_labels_are_written_as_the_schema_asks(tmp_path):
    media = list(read_camtrap_dp(package(tmp_path / "p")).media.values())
    labelled = [
        LabelledMedia(media[0], (0.2, 0.25, 0.4, 0.5), "Anas platyrhynchos", "ana", "2026-01-02T03:04:05.678+00:00"),
        LabelledMedia(media[0], (0.0, 0.0, 1.0, 0.00001), "vehicle", "ana", ""),
        LabelledMedia(media[1], None, "Empty", "ben", ""),
        LabelledMedia(media[2], None, "animal", "ben", ""),
    ]

    rows = [dict(zip(OBSERVATION_COLUMNS, row, strict=True)) for row in observation_rows(labelled)]

    for row in rows:
        check_schema(row)
    assert [row["observationID"] for row in rows] == ["07840dcc_1", "07840dcc_2", "401386c7_1", "ca3ff293_1"]
    assert [(row["observationType"], row["scientificName"]) for row in rows] == [
        ("animal", "Anas platyrhynchos"), ("vehicle", ""), ("blank", ""), ("animal", ""),
    ]  # fmt: skip
    assert rows[0]["classificationTimestamp"] == "2026-01-02T03:04:05Z"
    assert [rows[0][name] for name in RANGES] == ["0.2", "0.25", "0.4", "0.5"]
    assert [rows[2][name] for name in RANGES] == [""] * 4


def test_what_is_written_is_read_again(tmp_path):
    media = read_camtrap_dp(package(tmp_path / "p")).media["07840dcc"]
    rows = observation_rows([LabelledMedia(media, (0.2, 0.25, 0.4, 0.5), "Anas platyrhynchos", "ana", "")])
    observations = [dict(zip(OBSERVATION_COLUMNS, row, strict=True)) for row in rows]

    (box,) = read_detections(package(tmp_path / "p", observations=observations)).images["media/1.JPG"]

    assert (box.box, box.category) == ((0.2, 0.25, 0.4, 0.5), "Anas platyrhynchos")
