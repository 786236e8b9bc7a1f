"""The images of a data set, embedded in the folder of a benchmark."""

from dataclasses import replace

from evenpick import Pool
from evenpick.paper.features import embed_data_set, features_folder, labelled


def test_each_split_is_embedded_in_a_folder_of_its_own_and_rows_have_their_true_classes(data, source, tmp_path):
    embed_data_set(tmp_path / "work", data["colours"], source, lambda what, unit: lambda done, total: None)

    pool, test = (labelled(tmp_path / "work", data["colours"], split) for split in ("pool", "test"))
    assert (len(pool.pool), len(test.pool)) == (32, 18)
    for part in (pool, test):
        assert part.labels.tolist() == [image_id.split("/")[0] for image_id in part.pool.image_ids]
    assert test.pool.folder == data["colours"].test.folder
    assert features_folder(tmp_path / "work", "colours", "test") == tmp_path / "work" / "features" / "colours-test"


def test_images_that_have_no_label_are_not_embedded(data, source, tmp_path):
    pool = replace(data["colours"].pool, labels={"red/0.png": "red", "blue/1.png": "blue"})
    embed_data_set(tmp_path, replace(data["colours"], pool=pool), source, lambda what, unit: lambda done, total: None)

    assert set(Pool.open(features_folder(tmp_path, "colours", "pool")).image_ids) == {"red/0.png", "blue/1.png"}
