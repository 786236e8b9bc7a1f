"""Camtrap DP, the exchange format for camera traps: deployments, media and observations as three CSV tables.

https://camtrap-dp.tdwg.org, version 1.0. Boxes of observations are shares of the image's width and height.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from ..errors import EvenpickError
from .csv_rows import confidence_in, number_in, rows_of
from .detection import Detection, Detections

OBSERVATION_COLUMNS = (
    "observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel",
    "observationType", "cameraSetupType", "scientificName", "count", "lifeStage", "sex", "behavior", "individualID",
    "individualPositionRadius", "individualPositionAngle", "individualSpeed", "bboxX", "bboxY", "bboxWidth",
    "bboxHeight", "classificationMethod", "classifiedBy", "classificationTimestamp", "classificationProbability",
    "observationTags", "observationComments",
)  # fmt: skip
_BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")


class Media(NamedTuple):
    """What the tables say of one media file."""

    media_id: str
    deployment: str
    path: str  # below the package, or an address
    name: str  # the file name alone; may be empty
    taken: str  # ISO 8601 with the offset from UTC
    site: str  # the location's name, or its id, or the deployment
    sequence: str  # what was seen as one event; empty if the package does not say


class CamtrapPackage(NamedTuple):
    """The media files of a package by their ids, in the order of the table, and its observations of single files."""

    folder: Path
    media: Mapping[str, Media]
    observations: Sequence[tuple[str, Mapping[str, str]]]  # place, and the cells by column


def is_camtrap_dp(path: Path) -> bool:
    """Whether a folder, or a file in it, is a package."""
    folder = path if path.is_dir() else path.parent
    known = path.is_dir() or path.name in ("datapackage.json", "media.csv", "observations.csv", "deployments.csv")
    return known and (folder / "media.csv").is_file() and (folder / "deployments.csv").is_file()


def read_camtrap_dp(path: Path) -> CamtrapPackage:
    """The package that a folder holds, or one of its files belongs to; `observations.csv` may be missing.

    Raises
    ------
    EvenpickError
        If a table lacks a column, or a row names a deployment or media file that is in no table: with the line.
    """
    folder = path if path.is_dir() else path.parent
    sites = {}
    for _, row in rows_of(folder / "deployments.csv", ("deploymentID",)):
        sites[row["deploymentID"]] = row.get("locationName") or row.get("locationID") or row["deploymentID"]
    media: dict[str, Media] = {}
    for place, row in rows_of(folder / "media.csv", ("mediaID", "deploymentID", "timestamp", "filePath")):
        if row["deploymentID"] not in sites:
            raise EvenpickError(f"{place}: deployment '{row['deploymentID']}' is not in deployments.csv")
        if row["mediaID"] in media:
            raise EvenpickError(f"{place}: media '{row['mediaID']}' is there twice; keep one of them")
        media[row["mediaID"]] = Media(
            row["mediaID"], row["deploymentID"], row["filePath"], row.get("fileName", ""),
            _checked_time(place, row["timestamp"]), sites[row["deploymentID"]], row.get("sequenceID", ""),
        )  # fmt: skip
    observations: Sequence[tuple[str, dict[str, str]]] = []
    if (folder / "observations.csv").is_file():
        rows = list(rows_of(folder / "observations.csv", ("observationID", "deploymentID", "mediaID")))
        for place, row in rows:
            if row["mediaID"] and row["mediaID"] not in media:
                raise EvenpickError(f"{place}: media '{row['mediaID']}' is not in media.csv")
        _give_events(media, rows)
        observations = [(place, row) for place, row in rows if row["mediaID"]]
    return CamtrapPackage(folder, media, observations)


def camtrap_detections(package: CamtrapPackage) -> Detections:
    """The box of each observation that has one; files are called as `media.csv` gives their path."""
    images: dict[str, list[Detection]] = {one.path: [] for one in package.media.values()}
    for place, row in package.observations:
        if any(row.get(name) for name in _BOX):
            x, y, width, height = (number_in(place, row, name) for name in _BOX)
            category = row.get("scientificName") or row.get("observationType") or ""
            confidence = confidence_in(place, row, "classificationProbability")
            found = Detection((x, y, width, height), place, True, category, confidence, None, row)
            images[package.media[row["mediaID"]].path].append(found)
    return Detections(package.folder / "observations.csv", images)


class LabelledMedia(NamedTuple):
    """A label of a media file, or of a box in it, as it is written; the box as shares of width and height."""

    media: Media
    box: tuple[float, float, float, float] | None
    label: str
    annotator: str
    at: str


def observation_rows(labelled: Iterable[LabelledMedia]) -> list[tuple[str, ...]]:
    """The rows of `observations.csv` for these labels, in the order of `OBSERVATION_COLUMNS`."""
    counts: dict[str, int] = {}
    rows = []
    for one in labelled:
        number = counts[one.media.media_id] = counts.get(one.media.media_id, 0) + 1
        kind = _KINDS.get(one.label.casefold(), "animal")
        cells = {
            "observationID": f"{one.media.media_id}_{number}", "deploymentID": one.media.deployment,
            "mediaID": one.media.media_id, "eventID": one.media.sequence,
            "eventStart": one.media.taken, "eventEnd": one.media.taken,
            "observationLevel": "media", "observationType": kind,
            "scientificName": one.label if kind == "animal" != one.label.casefold() else "",
            "classificationMethod": "human", "classifiedBy": one.annotator,
            "classificationTimestamp": datetime.fromisoformat(one.at).strftime("%Y-%m-%dT%H:%M:%SZ") if one.at else "",
            **dict(zip(_BOX, (f"{value:.6g}" for value in one.box or ()), strict=False)),
        }  # fmt: skip
        rows.append(tuple(cells.get(name, "") for name in OBSERVATION_COLUMNS))
    return rows


# What Camtrap DP has a type of its own for, by the words that labels use.
_KINDS = {
    "blank": "blank", "empty": "blank", "human": "human", "person": "human", "homo sapiens": "human",
    "vehicle": "vehicle", "unknown": "unknown", "animal": "animal",
}  # fmt: skip


def _give_events(media: dict[str, Media], rows: Iterable[tuple[str, Mapping[str, str]]]) -> None:
    """Say of each media file in which event it was observed, by id or else by time, as far as that is one event."""
    by_media: dict[str, set[str]] = {}
    spans: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for place, row in rows:
        if row["mediaID"] and row.get("eventID"):
            by_media.setdefault(row["mediaID"], set()).add(row["eventID"])
        elif row.get("observationLevel") == "event" and row.get("eventStart") and row.get("eventEnd"):
            start, end = _time(place, row["eventStart"]), _time(place, row["eventEnd"])
            spans.setdefault(row["deploymentID"], []).append((start, end, row.get("eventID") or f"{start}/{end}"))
    for media_id, one in media.items():
        events = by_media.get(media_id)
        if events is None and not one.sequence and one.deployment in spans:
            taken = _time(media_id, one.taken)
            events = {name for start, end, name in spans[one.deployment] if start <= taken <= end}
        if events and len(events) == 1 and not one.sequence:
            media[media_id] = one._replace(sequence=next(iter(events)))


def _checked_time(place: str, text: str) -> str:
    """The time in one form: ISO 8601 has others, such as weeks, that what reads it later does not know."""
    return _read_time(place, text).isoformat().replace("+00:00", "Z")


def _time(place: str, text: str) -> datetime:
    time = _read_time(place, text)
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _read_time(place: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise EvenpickError(f"{place}: a time must be as 2020-03-24T11:21:46Z; got {text!r:.60}") from None
