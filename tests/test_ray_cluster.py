"""The same results on Ray as on one machine, also when workers are killed."""

import importlib
import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import evenpick.acquisition.nearest_centres
import evenpick.pool.blocks
import evenpick.pool.embedding
import evenpick.pool.looking
from evenpick.acquisition import ACQUISITIONS, core_set
from evenpick.cli import main
from evenpick.errors import EvenpickError, MissingExtraError
from evenpick.images import Preprocessing
from evenpick.pool import Pool, embed
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.sources import SourceDescription, SourceModel

pytestmark = pytest.mark.slow

ray = pytest.importorskip("ray", reason="needs the extra `ray`")
distributed = importlib.import_module("evenpick.ray_cluster")

WORKERS = 2

# Two machines for Ray, one of which is lost in the middle of a selection.
TWO_MACHINES = """
import sys
from functools import partial
import numpy as np, ray
from ray.cluster_utils import Cluster
from evenpick.acquisition.k_center import core_set
from evenpick.ray_cluster import acquisition_on_ray, map_in_tasks, on_ray
from evenpick.pool import Pool

workspace, budget = sys.argv[1], int(sys.argv[2])
small = {"num_cpus": 1, "object_store_memory": 80 << 20}
cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
other = cluster.add_node(**small)
ray.init(cluster.address, log_to_driver=False)

where = lambda item: ray.get_runtime_context().get_node_id()
homes = [list(map_in_tasks(where, range(40), settled=True)) for _ in range(2)]
assert homes[0] == homes[1] and len(set(homes[0])) == 2, homes

pool, calls = Pool.open(workspace), []

def losing(run, step, items):
    for i, result in enumerate(run(step, items)):
        calls.append(i)
        if len(calls) == 45:  # in the middle of the second of several passes over 30 blocks
            cluster.remove_node(other, allow_graceful=False)
        yield result

run = partial(losing, partial(map_in_tasks, settled=True))
print("PICKS", *core_set(pool, budget, np.random.default_rng(1), run=run))
assert len(calls) > 45
ray.shutdown()
cluster.shutdown()
"""


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """A cluster of this machine, as `--ray local` begins one; later connections are to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else Ray writes one into the home folder
        patch.setattr(distributed, "cores", lambda: WORKERS)
        with distributed.on_ray("local") as run:
            yield run


@pytest.fixture
def source(make_network, tmp_path):
    return SourceModel.from_onnx(make_network(tmp_path / "tiny.onnx"), Preprocessing(size=8))


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Images for several blocks, with copies and a broken file among them."""
    monkeypatch.setattr(evenpick.pool.embedding, "BLOCK_ROWS", 50)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(230):
        pixels = np.random.default_rng(i % 200).integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03d}.png")
    (folder / "100.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def workspace(tmp_path):
    """A pool of many small blocks, with copies and ties among its features."""
    rng = np.random.default_rng(0)
    writer = PoolWriter(tmp_path / "work", tmp_path, SourceDescription("made", Preprocessing(), 24, 7, "none", "0"))
    for block in range(30):
        features = rng.normal(size=(64, 24)).round(0 if block % 3 else 3).astype(np.float32)
        names = [f"{block}-{i}" for i in range(len(features))]
        writer.append(
            [ImageRow(name, name) for name in names],
            features,
            summarise_probabilities(rng.dirichlet(np.ones(5), size=64)),
        )
    return tmp_path / "work"


def files_of_pool(workspace):
    files = [file for file in (workspace / "pool").iterdir() if file.name != "checked.json"]  # it states times of files
    return {file.name: file.read_bytes() for file in files}


def killed_once(marker, step):
    """The step, in a worker that kills itself in the middle of the first one."""
    driver = os.getpid()

    def lethal(*arguments):
        if os.getpid() != driver and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments)

    return lethal


# --- the same as on one machine ---------------------------------------------------------------------


def test_items_are_handed_out_in_growing_chunks_and_taken_as_they_are_needed():
    taken = []
    items = (taken.append(i) or i for i in range(1000))

    chunks = distributed._growing_chunks(items, 3)
    first = [next(chunks) for _ in range(4)]

    assert [len(chunk) for chunk in first] == [1, 1, 1, 2]
    assert taken == [0, 1, 2, 3, 4]
    rest = list(chunks)
    assert [*itertools.chain(*first, *rest)] == list(range(1000))
    assert max(map(len, rest)) == distributed._MOST_ITEMS


def test_embed_writes_the_same_pool_byte_for_byte(cluster, photographs, source, tmp_path):
    alone = embed(tmp_path / "alone", photographs, source)
    seen = []

    spread = embed(
        tmp_path / "spread", photographs, source, lambda done, total: seen.append((done, total)), run=cluster
    )

    assert files_of_pool(tmp_path / "spread") == files_of_pool(tmp_path / "alone")
    assert (len(spread.pool), spread.skipped) == (199, alone.skipped)
    assert (seen[0], seen[-1]) == ((0, 230), (230, 230))


def test_embed_goes_on_where_one_machine_stopped(cluster, photographs, source, tmp_path):
    embed(tmp_path / "alone", photographs, source)

    def stop(done, total):
        if done > 120:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(tmp_path / "spread", photographs, source, stop)
    assert 0 < len(Pool.open(tmp_path / "spread")) < 199

    embed(tmp_path / "spread", photographs, source, run=cluster)

    spread, alone = Pool.open(tmp_path / "spread"), Pool.open(tmp_path / "alone")  # what was done ends its own block
    assert spread.image_ids == alone.image_ids
    assert np.array_equal(spread.features[:], alone.features[:])


def test_core_set_picks_the_same_bit_for_bit(workspace):
    pool = Pool.open(workspace)

    with distributed.acquisition_on_ray("core_set", "local", workspace) as choose:
        spread = choose(pool, 300, np.random.default_rng(1))

    assert spread.tolist() == core_set(pool, 300, np.random.default_rng(1)).tolist()


def test_results_keep_the_order_of_the_items_whatever_their_number(cluster):
    for n in (0, 1, 7, 500):
        assert list(cluster(lambda item: item**2, range(n))) == [item**2 for item in range(n)]


@pytest.mark.parametrize("name", sorted(set(ACQUISITIONS) - set(distributed.ON_RAY)))
def test_what_has_no_step_to_spread_stays_here_and_needs_no_cluster(name, workspace):
    with distributed.acquisition_on_ray(name, "nowhere", workspace) as choose:
        assert choose == name


# --- a worker is lost -------------------------------------------------------------------------------


def test_a_worker_killed_during_embed_is_made_good(cluster, photographs, source, tmp_path, monkeypatch):
    embed(tmp_path / "alone", photographs, source)
    killed = tmp_path / "killed"
    monkeypatch.setattr(evenpick.pool.embedding, "see_batch", killed_once(killed, evenpick.pool.looking.see_batch))

    embed(tmp_path / "spread", photographs, source, run=cluster)

    assert killed.exists()
    assert files_of_pool(tmp_path / "spread") == files_of_pool(tmp_path / "alone")


def test_a_worker_killed_during_select_is_made_good(cluster, workspace, tmp_path, monkeypatch):
    pool, killed = Pool.open(workspace), tmp_path / "killed"
    alone = core_set(pool, 300, np.random.default_rng(1))
    monkeypatch.setattr(
        evenpick.acquisition.nearest_centres,
        "_compared",
        killed_once(killed, evenpick.acquisition.nearest_centres._compared),
    )

    spread = core_set(pool, 300, np.random.default_rng(1), run=cluster)

    assert killed.exists()
    assert spread.tolist() == alone.tolist()


def test_a_machine_lost_during_select_is_made_good(workspace):
    command = [sys.executable, "-c", TWO_MACHINES, workspace, "300"]
    at_once = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "2"}  # is the loss noticed
    environment = {**os.environ, **at_once, "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}

    run = subprocess.run(command, capture_output=True, text=True, env=environment)

    assert run.returncode == 0, run.stderr
    picks = next(line for line in run.stdout.splitlines() if line.startswith("PICKS")).split()[1:]
    alone = core_set(Pool.open(workspace), 300, np.random.default_rng(1))
    assert [int(row) for row in picks] == alone.tolist()


def test_a_step_that_kills_every_worker_ends_in_one_line(cluster, monkeypatch):
    monkeypatch.setattr(distributed, "_RETRIES", 1)

    with pytest.raises(EvenpickError, match="Ray lost the workers of one task 2 times"):
        list(cluster(lambda item: os.kill(os.getpid(), signal.SIGKILL), [1]))


def test_an_error_in_a_step_is_raised_as_it_is_on_one_machine(cluster):
    with pytest.raises(ZeroDivisionError):
        list(cluster(lambda item: 1 / item, [1, 0]))


# --- what is refused --------------------------------------------------------------------------------


def test_files_that_workers_do_not_see_are_named(tmp_path):
    (tmp_path / "not mounted").mkdir()

    for path in (tmp_path / "gone", tmp_path / "not mounted"):
        with pytest.raises(EvenpickError, match=rf"machine [\d.]+ of the Ray cluster does not see '{path}'"):
            distributed._check_machines([path])


def test_a_folder_that_is_missing_here_is_left_to_whoever_reads_it(cluster, source, tmp_path):
    folder = tmp_path / "mistyped"

    with distributed.on_ray("local", folder) as run, pytest.raises(EvenpickError, match=r"mistyped' does not exist"):
        embed(tmp_path / "work", folder, source, run=run)


def test_another_version_on_a_worker_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "__version__", "9.9")

    with pytest.raises(EvenpickError, match=r"has evenpick .*, this one 9\.9"), distributed.on_ray("local"):
        pass


def test_a_worker_that_cannot_import_evenpick_is_named(monkeypatch):
    def failing(needed):
        raise ModuleNotFoundError("No module named 'evenpick'")

    monkeypatch.setattr(distributed, "_look", failing)

    with (
        pytest.raises(EvenpickError, match=r"machine .* cannot run evenpick \(.*No module named 'evenpick'\); install"),
        distributed.on_ray("local"),
    ):
        pass


@pytest.mark.parametrize("address", ["", "auto", "nonsense", "host:", ":6379", "host:port", "ray://127.0.0.1:10001"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(EvenpickError, match=r"must be HOST:PORT, or `local`"):
        distributed._connect(address)


def test_an_address_where_nothing_listens_is_refused_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EvenpickError, match=rf"no Ray cluster .* at '{address}' \(Connection refused\)"):
            distributed._connect(address)


def test_without_ray_the_line_that_brings_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtraError, match=r"pip install .*\[ray\]'"):
        importlib.reload(distributed)


# --- the command line -------------------------------------------------------------------------------


def test_embed_on_the_command_line_writes_the_same_pool(photographs, make_network, tmp_path):
    network = make_network(tmp_path / "tiny.onnx")
    network.with_suffix(".json").write_text('{"size": 8}')

    for workspace, options in (("alone", []), ("spread", ["--ray", "local"])):
        command = ["embed", str(tmp_path / workspace), str(photographs), "--source", f"onnx:{network}", *options]
        assert CliRunner().invoke(main, command).exit_code == 0

    assert files_of_pool(tmp_path / "spread") == files_of_pool(tmp_path / "alone")


def test_select_on_the_command_line_begins_a_cluster_and_ends_it(workspace, tmp_path):
    def picks(*options):
        command = [sys.executable, "-W", "error", "-m", "evenpick", "select", workspace.name, "--budget", "40"]
        out = tmp_path / f"picks{len(options)}.csv"
        run = subprocess.run(
            [*command, "--acquisition", "core_set", "--out", out, *options],
            cwd=workspace.parent, capture_output=True, text=True,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return out.read_text()

    assert picks("--ray", "local") == picks()
