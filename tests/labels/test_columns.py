"""Tables of labels as spreadsheets and other tools write them."""

import csv

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import TableOptions, read_labels

IDS = ["a/1.jpg", "a/2.jpg", "b/1.jpg"]
LABELS = {"a/1.jpg": "fox", "a/2.jpg": "deer"}


def written(tmp_path, text, encoding="utf-8", name="labels.csv"):
    file = tmp_path / name
    file.write_bytes(text.encode(encoding))
    return file


def table(tmp_path, rows, name="labels.csv"):
    file = tmp_path / name
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return file


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("image;label\r\na/1.jpg;fox\r\na/2.jpg;deer\r\n", "utf-8"),
        ("image;label\r\na/1.jpg;fox\r\na/2.jpg;deer\r\n", "utf-8-sig"),
        ("sep=;\r\nimage;label\r\na/1.jpg;fox\r\na/2.jpg;deer\r\n", "utf-8"),
        ("image\tlabel\r\na/1.jpg\tfox\r\na/2.jpg\tdeer\r\n", "utf-16"),
        ("image\tlabel\r\na/1.jpg\tfox\r\na/2.jpg\tdeer\r\n", "utf-16-le"),
        ("image\tlabel\r\na/1.jpg\tfox\r\na/2.jpg\tdeer\r\n", "utf-16-be"),
        ("Image,Label\na/1.jpg,fox\na/2.jpg,deer\n", "utf-8"),
        ("File Name,Class\na/1.jpg,fox\na/2.jpg,deer\n", "utf-8"),
        ("file_name,label,,\na/1.jpg,fox,,\n\na/2.jpg,deer,,\n,,,\n", "utf-8"),
        ("file-path, species \na/1.jpg,fox\na/2.jpg,deer\n", "utf-8"),
        ('image;label\n"a/1.jpg";"fox"\na/2.jpg;deer\n', "utf-8"),
        ("image,label\nphotos/a/1.jpg,fox\nphotos/a/2.jpg,deer\n", "utf-8"),
        ("image,label\n/mnt/disk/photos/a/1.jpg,fox\n/mnt/disk/photos/a/2.jpg,deer\n", "utf-8"),
        ("image,label\nC:\\photos\\a\\1.jpg,fox\nC:\\photos\\a\\2.jpg,deer\n", "utf-8"),
        ("image,label\nhttps://host/p/a/1.jpg?x=1,fox\nhttps://host/p/a/2.jpg,deer\n", "utf-8"),
        ("image,label\na/1,fox\na/2,deer\n", "utf-8"),
    ],
)
def test_what_spreadsheets_and_other_computers_write_is_read(tmp_path, text, encoding):
    assert read_labels(written(tmp_path, text, encoding), IDS).labels == LABELS


def test_an_unquoted_comma_is_refused_with_its_line(tmp_path):
    with pytest.raises(EvenpickError) as error:
        read_labels(written(tmp_path, "image,label\na/1.jpg,deer\na/2.jpg,fox, red\n"), IDS)

    assert str(error.value).endswith(
        "labels.csv', line 3: it has 3 cells and the first line 2; "
        "put a text that holds a ',' in double quotes, as in \"fox, red\""
    )


def test_a_spreadsheet_that_is_no_csv_is_told(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"PK\x03\x04rest")

    with pytest.raises(EvenpickError, match="is a spreadsheet or another archive: save it as CSV"):
        read_labels(tmp_path / "labels.csv", IDS)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("image,class,common_name", "class, common_name"),
        ("image,label,category", "category, label"),
        ("image,class,order,family", "class, family, order"),
    ],
)
def test_where_several_columns_may_hold_the_label_it_is_asked_for(tmp_path, header, found):
    row = "a/1.jpg" + ",Mammalia" * header.count(",")

    with pytest.raises(EvenpickError, match=f"may hold the labels: {found}; say which by --label-column"):
        read_labels(written(tmp_path, f"{header}\n{row}\n"), IDS)


def test_a_rank_called_class_gives_way_to_the_species(tmp_path):
    file = written(tmp_path, "image,class,order,species\na/1.jpg,Mammalia,Carnivora,fox\n")

    assert read_labels(file, IDS).labels == {"a/1.jpg": "fox"}


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(EvenpickError, match="has 2 columns 'label': rename all but one of them"):
        read_labels(written(tmp_path, "image,label,label\na/1.jpg,fox,deer\n"), IDS)


def test_columns_may_be_named(tmp_path):
    file = written(tmp_path, "image,frame,label,Common Name\nx.jpg,a/1.jpg,x,fox\ny.jpg,a/2.jpg,x,deer\n")
    options = TableOptions(image_column="frame", label_column="common_name")

    assert read_labels(file, IDS, options=options).labels == LABELS
    with pytest.raises(EvenpickError, match="column 'framo' does not exist; did you mean 'frame'"):
        read_labels(file, IDS, options=TableOptions(image_column="framo"))


def test_images_of_other_pools_are_passed_over_when_asked(tmp_path):
    file = written(tmp_path, "split,image,label\npool,a/1.jpg,fox\ntest,z.jpg,cat\n")

    found = read_labels(file, IDS, options=TableOptions(skip_unknown=True))

    assert (found.labels, found.unknown) == ({"a/1.jpg": "fox"}, ["z.jpg"])
    with pytest.raises(EvenpickError, match="it has a column split, of which --split takes a part"):
        read_labels(file, IDS)


WILDLIFE_INSIGHTS = [
    ["project_id", "deployment_id", "image_id", "filename", "location", "is_blank", "identified_by", "wi_taxon_id", "class",
     "order", "family", "genus", "species", "common_name", "timestamp"],
    ["1", "D1", "i1", "1.jpg", "gs://wi/D1/a/1.jpg", "0", "ana", "w1", "Mammalia", "Carnivora", "Canidae", "Vulpes", "vulpes",
     "Red Fox", "2020-01-01 00:00:00"],
    ["1", "D1", "i2", "2.jpg", "gs://wi/D1/a/2.jpg", "1", "ana", "w2", "", "", "", "", "", "", "2020-01-01 00:00:01"],
]  # fmt: skip
TIMELAPSE = [
    ["RootFolder", "File", "RelativePath", "DateTime", "DeleteFlag", "Species"],
    ["cam", "1.jpg", "a", "2020-01-01 00:00:00", "false", "fox"],
    ["cam", "2.jpg", "a", "2020-01-01 00:00:01", "false", "deer"],
]
INATURALIST = [
    ["id", "observed_on", "image_url", "species_guess", "scientific_name", "common_name", "taxon_id"],
    [
        "501",
        "2020-01-01",
        "https://inat.s3.amazonaws.com/photos/77/medium.jpg",
        "fox",
        "Vulpes vulpes",
        "Red Fox",
        "42069",
    ],
]


def test_a_table_of_wildlife_insights_is_known_by_its_columns(tmp_path):
    found = read_labels(table(tmp_path, WILDLIFE_INSIGHTS), IDS)

    assert found.labels == {"a/1.jpg": "Red Fox", "a/2.jpg": "Blank"}
    assert found.form == "Read as a table of Wildlife Insights, classes by common_name"


def test_of_a_known_table_another_column_may_be_taken(tmp_path):
    found = read_labels(table(tmp_path, WILDLIFE_INSIGHTS), IDS, options=TableOptions(label_column="genus"))

    assert (found.labels, found.unlabelled) == ({"a/1.jpg": "Vulpes"}, 1)


@pytest.mark.parametrize("folder", ["a", "cam\\a", "cam/a"])
def test_a_table_of_timelapse_is_known_by_its_columns(tmp_path, folder):
    rows = [TIMELAPSE[0], *([row[0], row[1], folder, *row[3:]] for row in TIMELAPSE[1:])]

    found = read_labels(table(tmp_path, rows), IDS)

    assert found.labels == LABELS
    assert "Timelapse" in found.form


@pytest.mark.parametrize("image", ["501.jpg", "77.jpg", "photos/77/medium.jpg"])
def test_observations_of_inaturalist_are_known_by_their_columns(tmp_path, image):
    assert read_labels(table(tmp_path, INATURALIST), [image]).labels == {image: "Vulpes vulpes"}


def test_observations_of_camtrap_dp_name_their_images_by_its_media(tmp_path):
    table(tmp_path, [["deploymentID"], ["d"]], "deployments.csv")
    media = [["m1", "d", "2020-01-01T00:00:00Z", "media/a/1.jpg"], ["m2", "d", "2020-01-01T00:00:01Z", "media/a/2.jpg"]]
    table(tmp_path, [["mediaID", "deploymentID", "timestamp", "filePath"], *media], "media.csv")
    columns = ["observationID", "deploymentID", "mediaID", "observationType", "scientificName"]
    rows = [
        ["1", "d", "m1", "animal", "Vulpes vulpes"],
        ["2", "d", "m2", "blank", ""],
        ["3", "d", "", "animal", "Lynx lynx"],
    ]

    found = read_labels(table(tmp_path, [columns, *rows], "observations.csv"), IDS)

    assert found.labels == {"a/1.jpg": "Vulpes vulpes", "a/2.jpg": "blank"}
    (tmp_path / "media.csv").unlink()
    with pytest.raises(EvenpickError, match="put the whole package together"):
        read_labels(tmp_path / "observations.csv", IDS)
