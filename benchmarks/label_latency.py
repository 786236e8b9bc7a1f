"""From the key press to the next image on the screen: 100,000 images, 100 classes, a real browser.

    python benchmarks/label_latency.py FOLDER [--answers 300] [--pause 0.5]     # writes benchmarks/label_latency.md

FOLDER is made if it is missing: a workspace of 100,000 images with 1,280 features each (512 MB) and as many
JPEG files of 320 x 240 (hard links to 500 different ones). A headless Chromium on the same machine answers with
keys. The clock runs in the page, from the key event to the frame after the next image was put in its place.
The time of the pick is measured apart, without server and browser, on the same session.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

from evenpick import Preprocessing
from evenpick.labels import set_aside
from evenpick.machine import cores
from evenpick.pool import Pool
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.session import RecordedSession, Session
from evenpick.session.rounds import FIRST_ROUND, lag, round_start
from evenpick.sources import SourceDescription

IMAGES, WIDTH, CLASSES, BUDGET = 100_000, 1280, 100, 3000
DIFFERENT = 500
RATE, LOOKING = 8, 210  # answers a second; ms that the page wants an image to be on the screen
LAST_ROUND = 1000
# Balancing, share of images drawn at random, and the phases that are measured.
WAYS = (("auto", 0.0, ["balancing"]), ("auto", 0.1, ["balancing"]), ("ratio_max", 0.0, ["discovery", "balancing"]))

CLOCK = """
window.waits = [];
let pressed = null;
document.addEventListener('keydown', event => { pressed = event.timeStamp; }, true);
new MutationObserver(() => {
  if (pressed === null || !document.querySelector('#figure img')) return;
  const since = pressed;
  pressed = null;
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => window.waits.push(performance.now() - since);
    channel.port2.postMessage(0);
  });
}).observe(document.getElementById('figure'), {childList: true});
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answers", type=int, default=300)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds that a person looks, at the least")
    options = parser.parse_args()
    workspace = options.folder.resolve() / "workspace"
    if not (workspace / "pool" / "pool.json").exists():
        make_workspace(options.folder.resolve())
    pool, labels = Pool.open(workspace), np.load(options.folder / "classes.npy")
    rows = []
    for balancing, audit, phases in WAYS:
        set_aside(workspace)
        for phase in phases:
            reach(workspace, pool, labels, phase, balancing, audit)
            for pause in (options.pause, 0.0):
                waits = in_browser(workspace, labels, options.answers, pause)
                drawn = f", {audit:.0%} drawn at random" if audit else ""
                rows.append((f"{phase}, `{balancing}`{drawn}", pause, waits))
    picked = picks(workspace, pool, labels, options.answers)
    page = write_up(options, rows, picked) + write_up_rounds(rounds_of(pool, labels))
    Path(__file__).with_suffix(".md").write_text(page)
    print(page)


def make_workspace(folder: Path) -> None:
    """Classes of very different sizes, each a cloud around its centre, as a source model would see them."""
    rng = np.random.default_rng(0)
    sizes = np.geomspace(1, 8, CLASSES)
    labels = rng.choice(CLASSES, size=IMAGES, p=sizes / sizes.sum())
    centres = rng.gamma(0.5, 1.0, size=(CLASSES, WIDTH)).astype(np.float32)
    photos, workspace = folder / "photos", folder / "workspace"
    photos.mkdir(parents=True)
    np.save(folder / "classes.npy", labels)
    for i in range(DIFFERENT):
        coarse = rng.integers(0, 256, size=(24, 32, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(photos / f"{i:06d}.jpg")
    for i in range(DIFFERENT, IMAGES):
        os.link(photos / f"{i % DIFFERENT:06d}.jpg", photos / f"{i:06d}.jpg")
    writer = PoolWriter(workspace, photos, SourceDescription("made", Preprocessing(), WIDTH, 1000, "none", "0"))
    for start in range(0, IMAGES, 2048):
        block = labels[start : start + 2048]
        noise = rng.gamma(0.5, 1.5, size=(len(block), WIDTH)).astype(np.float32)
        predictions = summarise_probabilities(rng.dirichlet(np.ones(10), size=len(block)))
        ids = [f"{i:06d}.jpg" for i in range(start, start + len(block))]
        writer.append([ImageRow(i, i) for i in ids], centres[block] + noise, predictions)


def open_session(workspace: Path, pool: Pool, balancing: str = "ratio_max", audit: float = 0.0) -> RecordedSession:
    return RecordedSession(
        workspace, pool, BUDGET, "oracle", acquisition="random", balancing=balancing, patience=3, audit=audit
    )


def reach(workspace: Path, pool: Pool, labels: np.ndarray, phase: str, balancing: str, audit: float) -> None:
    """Answer until all classes are found, and balancing has begun if it is asked for."""
    with open_session(workspace, pool, balancing, audit) as session:
        while len(session.counts) < CLASSES or session.phase != phase:
            index = session.next()
            if index is None or (phase, session.phase) == ("discovery", "balancing"):
                raise SystemExit(f"{phase} ended with {len(session.counts)} classes: choose another budget")
            session.label(index, f"class {labels[index]}")


def in_browser(workspace: Path, labels: np.ndarray, answers: int, pause: float) -> np.ndarray:
    """Milliseconds from key to image, one an answer."""
    server = subprocess.Popen(
        [sys.executable, "-m", "evenpick", "label", str(workspace), "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
    )
    browser = start_browser()
    try:
        assert server.stdout is not None
        address = next(found for line in server.stdout if (found := re.search(r"http://\S+", line)))
        browser.get(address[0])
        wait_for(browser, "document.querySelector('#figure img')")
        browser.execute_script(CLOCK)
        for i in range(answers):
            answer(browser, labels)
            wait_for(browser, f"window.waits.length > {i}")
            time.sleep(pause)
        return np.array(browser.execute_script("return window.waits"))
    finally:
        browser.quit()
        server.terminate()
        server.wait()


def start_browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,860"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def wait_for(browser: webdriver.Chrome, condition: str) -> None:
    end = time.monotonic() + 60
    while not browser.execute_script(f"return Boolean({condition})"):
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.005)


def answer(browser: webdriver.Chrome, labels: np.ndarray) -> None:
    """Press the digit of the true class, or type its name: a letter waits 300 ms for another one, on purpose."""
    wait_for(browser, "document.body.dataset.ready === 'true'")
    time.sleep(0.1)  # with the 200 ms before it: the same key in a shorter time is one that bounces
    row = int(browser.execute_script("return document.querySelector('#figure img').dataset.row"))
    name = f"class {labels[row]}"
    find = "return document.querySelector(`#classes li[data-name='${arguments[0]}'] kbd`)?.textContent"
    if (key := browser.execute_script(find, name)) and key.isdigit():
        browser.switch_to.active_element.send_keys(key)
    else:
        browser.switch_to.active_element.send_keys("/")
        browser.switch_to.active_element.send_keys(name)
        time.sleep(0.15)  # the clock runs from Enter, and nobody types ten letters in no time
        browser.switch_to.active_element.send_keys(Keys.ENTER)


def picks(workspace: Path, pool: Pool, labels: np.ndarray, answers: int) -> list[tuple[str, np.ndarray]]:
    """Milliseconds of one pick in balancing, with and without the work done while a person looks."""
    started = time.perf_counter()
    with open_session(workspace, pool) as session:
        times: dict[str, list[float]] = {
            "reopening the session and its first pick": [],
            "pick, image prepared": [],
            "pick, not prepared": [],
            "preparing an image (while a person looks)": [],
            "writing an answer to the disk": [],
        }
        index = session.next()
        times["reopening the session and its first pick"].append(time.perf_counter() - started)
        for i in range(2 * answers):
            assert index is not None
            prepared = i % 2 == 0
            if prepared:
                lap = time.perf_counter()
                session.session.prepare(index)
                times["preparing an image (while a person looks)"].append(time.perf_counter() - lap)
            lap = time.perf_counter()
            session.label(index, f"class {labels[index]}")
            times["writing an answer to the disk"].append(time.perf_counter() - lap)
            lap = time.perf_counter()
            index = session.next()
            times["pick, image prepared" if prepared else "pick, not prepared"].append(time.perf_counter() - lap)
    return [(what, 1000 * np.array(seconds)) for what, seconds in times.items()]


@dataclass(frozen=True)
class NewRound:
    """What the start of a round costs: seconds to prepare it, of the clock and of the processor, and of its first pick."""

    start: int
    classes: int
    wall: float
    processor: float
    first: float


def rounds_of(pool: Pool, labels: np.ndarray) -> list[NewRound]:
    """The rounds of `auto` up to LAST_ROUND labels, with guesses for the first image of each."""
    session = Session(pool, BUDGET, audit=0)
    session.prepare(session.next())  # what is done once: the kernel of the covered images, and loading libraries
    rounds = []
    for start in sorted({round_start(n) for n in range(FIRST_ROUND, LAST_ROUND)}):
        answer_until(session, labels, start - lag(start))
        wall, processor = time.perf_counter(), time.process_time()
        session.prepare(session.next())
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        answer_until(session, labels, start)
        first = time.perf_counter()
        session.guesses(next_row(session))
        rounds.append(NewRound(start, len(session.counts), wall, processor, time.perf_counter() - first))
    return rounds


def next_row(session: Session) -> int:
    row = session.next()
    assert row is not None  # the budget is far from spent
    return row


def answer_until(session: Session, labels: np.ndarray, n_labels: int) -> None:
    while BUDGET - session.labels_left < n_labels:
        row = next_row(session)
        session.label(row, f"class {labels[row]}")


def write_up_rounds(rounds: list[NewRound]) -> str:
    lines = [
        "",
        "## The start of a round",
        "",
        "The rounds of `auto` cover 20,000 of these images. A round is prepared in another thread while its last labels but",
        f"eight (a twentieth of them, where that is more) are given: at {RATE} answers a second in the time that is left. One",
        f"person on the page gives fewer than five a second, as each image is on the screen for {LOOKING} ms at least. What is",
        "not done by then is waited for. The processor's time is what counts on a machine that has nothing else to do; the",
        f"clock's was taken while others used this one ({os.getloadavg()[0]:.0f} processes on {cores()} cores).",
        "",
        f"| labels before the round | classes | to prepare it: processor | clock | time left at {RATE} a second | first pick and guesses |",
        "|---|---|---|---|---|---|",
    ]
    for one in rounds:
        lines.append(
            f"| {one.start} | {one.classes} | {one.processor:.2f} s | {one.wall:.2f} s | {lag(one.start) / RATE:.2f} s "
            f"| {1000 * one.first:.0f} ms |"
        )
    return "\n".join(lines) + "\n"


def write_up(options: argparse.Namespace, rows: list, picked: list[tuple[str, np.ndarray]]) -> str:
    lines = [
        "# From the key press to the next image",
        "",
        f"{date.today()}, {platform.system()}, {cores()} cores, Python {platform.python_version()}, headless Chromium on "
        f"the same machine; a pool of {IMAGES:,} images x {WIDTH} features, {CLASSES} classes, a budget of {BUDGET:,}. "
        f"{options.answers} answers a line. Made by `python benchmarks/label_latency.py FOLDER --answers "
        f"{options.answers} --pause {options.pause}`.",
        "",
        "Goal: median under 100 ms, 99th percentile under 300 ms. With `auto` the next round is prepared while the last",
        "twentieth of its labels, eight at least, are given; who is faster than that waits at the start of a round.",
        "",
        "| phase | pause before each key | median | 99th percentile | slowest |",
        "|---|---|---|---|---|",
    ]
    for phase, pause, waits in rows:
        looked = f"{pause:g} s" if pause else "none: as fast as the driver types"
        median, p99 = np.median(waits), np.percentile(waits, 99)
        lines.append(f"| {phase} | {looked} | {median:.0f} ms | {p99:.0f} ms | {waits.max():.0f} ms |")
    lines += [
        "",
        "On the server, in balancing with `ratio_max`:",
        "",
        "| | median | 99th percentile |",
        "|---|---|---|",
    ]
    for what, times in picked:
        p99 = f"{np.percentile(times, 99):.1f} ms" if len(times) > 1 else ""
        lines.append(f"| {what} | {np.median(times):.1f} ms | {p99} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
