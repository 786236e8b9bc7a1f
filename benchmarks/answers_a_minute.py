"""Answers a minute, and what ten minutes give: one by one, with guesses, with strips of bursts, with confirm pages.

    python benchmarks/answers_a_minute.py --work WORK --data DATA --bursts BURSTS     # writes answers_a_minute.md

WORK holds two workspaces, `caltech` and `caltech_test`, of the pool and the test images of DATA/caltech (DATA as in
`cells.py`), and gets a third; BURSTS is the WORK of `bursts.py`. First a headless Chromium answers on the real page as
the annotator below would, and the clock runs. Then ten minutes are played on a virtual clock, with the page's own time
as it was measured, on pools of three seeds.
"""

import argparse
import csv
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from bursts import BURSTS, IN_POOL, loaded, write_bursts
from choosing import accuracy_of
from label_latency import CLOCK, start_browser, wait_for
from selenium.webdriver.common.keys import Keys

from evenpick import Pool, Session
from evenpick.images import Preprocessing
from evenpick.labels import set_aside
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.session import RecordedSession, by_prediction
from evenpick.sources import SourceDescription

SEEDS, MINUTES, PAGE = range(3), 10, 24
RANGES = ((40, 100), (100, 200), (200, 400), (400, 900))  # labels so far
BEFORE, DRIVEN = 150, 45  # labels when the browser begins; seconds that it answers
LETTER_WAIT, BOUNCE = 0.3, 0.35  # s: a letter waits for another one; Enter counts again
ARROWS = {"\N{LEFTWARDS ARROW}": Keys.ARROW_LEFT, "\N{DOWNWARDS ARROW}": Keys.ARROW_DOWN, "\N{RIGHTWARDS ARROW}": Keys.ARROW_RIGHT}  # fmt: skip


@dataclass(frozen=True)
class Annotator:
    """Seconds that somebody needs, beside the page's own: for a picture, a class key among many, a key, and so on."""

    thought: float = 0.6
    finding: float = 0.25  # the key of a class among many; a guess has its three keys under three fingers
    press: float = 0.1
    letter: float = 0.15  # of a name that is typed
    strip: float = 0.3  # to look over the other images of a burst
    thumbnail: float = 0.3  # to look at one of a confirm page
    click: float = 0.6  # to take one out of it


QUICK = replace(Annotator(), finding=0.0)


@dataclass(frozen=True)
class Asked:
    """One image of a session: its row, class and guesses, the number of the class among those found, labels it gives."""

    row: int
    name: str
    offered: tuple[str, ...]
    number: int | None  # None for a class that is new
    holds_for: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for option in ("--work", "--data", "--bursts"):
        parser.add_argument(option, type=Path, required=True)
    given = parser.parse_args()
    driven = on_the_page(given.work, given.data, given.bursts)
    page_time = float(np.median([wait for waits in driven.values() for wait in waits.waits]))
    played = [
        row for seed in SEEDS for row in (*on_caltech(given.work, given.data, seed, page_time), *on_bursts(given.bursts, seed, page_time))
    ]  # fmt: skip
    page = write_up(driven, page_time, played)
    Path(__file__).with_suffix(".md").write_text(page)
    print(page)


# --- the real page ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Driven:
    """Answers in so many seconds on the real page, and the page's own time for each: from the key to the next image."""

    answers: int
    seconds: float
    waits: list[float]
    load: float


def on_the_page(work: Path, data: Path, bursts: Path) -> dict[str, Driven]:
    name_of = labels_of(data, "pool")
    frames, frame_names = workspace_of_bursts(work / "bursts", data, bursts)
    return {
        "caltech, one by one": drive(work / "caltech", name_of, ("--no-guesses",)),
        "caltech, with guesses": drive(work / "caltech", name_of, ()),
        "bursts, one by one": drive(frames, frame_names, ("--no-guesses", "--one-by-one")),
        "bursts, strips and guesses": drive(frames, frame_names, ()),
    }


def labels_of(data: Path, split: str) -> dict[str, str]:
    rows = csv.DictReader((data / "caltech" / "labels.csv").open())
    return {row["file"]: row["label"] for row in rows if row["split"] == split}


def workspace_of_bursts(workspace: Path, data: Path, bursts: Path) -> tuple[Path, dict[str, str]]:
    """The frames of `bursts.py` as files, with the features and groups that it has of them."""
    features, groups, labels = loaded(bursts, "caltech")
    photos = workspace.with_name("bursts-photos")
    if not photos.exists():
        write_bursts(data, "caltech", photos)
    ids = sorted(file.name for file in photos.iterdir())
    if not (workspace / "pool").exists():
        source = SourceDescription("made", Preprocessing(), features.shape[1], 4, "none", "0")
        predictions = summarise_probabilities(np.random.default_rng(0).dirichlet(np.ones(4), size=len(ids)))
        PoolWriter(workspace, photos, source).append([ImageRow(i, i) for i in ids], features, predictions)
        rows = "".join(f"{image},{group},time\n" for image, group in zip(ids, groups["found"], strict=True))
        (workspace / "groups.csv").write_text(f"image,group,reason\n{rows}")
    return workspace, dict(zip(ids, labels.tolist(), strict=True))


def drive(workspace: Path, name_of: dict[str, str], options: tuple[str, ...]) -> Driven:
    """Answer as the annotator would, from the 150th label on."""
    set_aside(workspace)
    pool = Pool.open(workspace)
    with RecordedSession(workspace, pool, 3000, "oracle", audit=0, one_by_one="--one-by-one" in options) as session:
        while sum(session.counts.values()) < BEFORE:
            row = session.next()
            session.label(row, name_of[pool.image_ids[row]])
    with served(workspace, options) as address:
        browser = start_browser()
        try:
            browser.get(address)
            wait_for(browser, "document.querySelector('#figure img')")
            browser.execute_script(CLOCK)
            answers, began, held_back = 0, time.monotonic(), []
            while time.monotonic() - began < DRIVEN:
                held_back.append(answer(browser, pool, name_of))
                answers += 1
                wait_for(browser, f"window.waits.length >= {answers}")
            waits = np.array(browser.execute_script("return window.waits")) / 1000 - held_back
            return Driven(answers, time.monotonic() - began, waits.tolist(), os.getloadavg()[0])
        finally:
            browser.quit()


@contextmanager
def served(workspace: Path, options: tuple[str, ...]) -> Iterator[str]:
    command = [sys.executable, "-m", "evenpick", "label", str(workspace), "--port", "0", "--no-browser", *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address is not None
        yield address[0]
    finally:
        server.terminate()
        server.wait()


FOUND = """
const name = arguments[0], key = (item) => item?.querySelector('kbd')?.textContent ?? '';
const of = (list) => [...document.querySelectorAll(list)].find((item) => item.dataset.name === name);
return [key(of('#guessed li')), key(of('#classes li')), Boolean(document.querySelector('#others li'))];
"""


def answer(browser, pool: Pool, name_of: dict[str, str]) -> float:
    """Think, then press the key of the guess, or of the class, or type its name; returns how long that key waits."""
    shown, him = time.monotonic(), Annotator()
    name = name_of[
        pool.image_ids[int(browser.execute_script("return document.querySelector('#figure img').dataset.row"))]
    ]
    wait_for(browser, "document.body.dataset.ready === 'true'")
    guess, key, has_strip = browser.execute_script(FOUND, name)
    thought = him.thought + him.press + (0 if guess else him.finding) + (him.strip if has_strip else 0)
    time.sleep(max(0.0, shown + thought - time.monotonic()))
    press = browser.switch_to.active_element.send_keys
    if guess or key:
        press(ARROWS.get(guess, key))
        return LETTER_WAIT if not guess and key.isalpha() else 0.0
    press("/")
    time.sleep(len(name) * him.letter)
    browser.switch_to.active_element.send_keys(name)
    time.sleep(him.press + BOUNCE)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    time.sleep(BOUNCE)
    focus = browser.execute_script("return document.activeElement.id || document.activeElement.className")
    if focus == "class":  # a new class that is the start of another one
        browser.switch_to.active_element.send_keys(Keys.ARROW_UP)
    if focus in ("class", "add"):  # or one that is near another
        browser.switch_to.active_element.send_keys(Keys.ENTER)
    return 0.0


# --- ten minutes on a virtual clock -----------------------------------------------------------------


def on_caltech(work: Path, data: Path, seed: int, page_time: float) -> list[dict]:
    pool, test = Pool.open(work / "caltech"), Pool.open(work / "caltech_test")
    of_pool, of_test = labels_of(data, "pool"), labels_of(data, "test")
    labels = np.array([of_pool[image] for image in pool.image_ids])
    rows = np.sort(np.random.default_rng([seed, 77]).permutation(len(pool))[: int(0.9 * len(pool))])
    pool, labels = replace(pool.take(rows), groups=None), labels[rows]
    true = np.array([of_test[image] for image in test.image_ids])
    ways = {
        "one by one": (trace := asked(pool, labels, seed), {"guesses": False}),
        "with guesses": (trace, {"guesses": True}),
    }
    played = [play("caltech", seed, pool, test, true, way, *given, page_time) for way, given in ways.items()]
    return (
        [row for rows in played for row in rows]
        + hits("caltech", seed, trace)
        + with_pages("caltech", seed, pool, labels, test, true, page_time)
    )


def on_bursts(work: Path, seed: int, page_time: float) -> list[dict]:
    features, groups, labels = loaded(work, "caltech")
    inside = np.isin(groups["true"], np.random.default_rng([seed, 5]).permutation(BURSTS)[:IN_POOL])
    test, true = Pool.from_arrays(features[~inside]), labels[~inside]
    frames = Pool.from_arrays(features[inside])
    strips = Pool.from_arrays(features[inside], groups=groups["found"][inside])
    single, grouped = asked(frames, labels[inside], seed), asked(strips, labels[inside], seed)
    ways = [
        ("one by one", frames, single, {"guesses": False}),
        ("with guesses", frames, single, {"guesses": True}),
        ("strips", strips, grouped, {"guesses": False, "strips": True}),
        ("strips and guesses", strips, grouped, {"guesses": True, "strips": True}),
    ]
    return [
        row for way, pool, trace, how in ways for row in play("bursts", seed, pool, test, true, way, trace, how, page_time)
    ]  # fmt: skip


def asked(pool: Pool, labels: np.ndarray, seed: int, most: int = 900) -> list[Asked]:
    """What `auto` asks for, answered truly: neither guesses nor the time that an answer takes change it."""
    session, trace = Session(pool, min(most, len(pool)), audit=0, random_state=seed), []
    while (row := session.next()) is not None:
        numbers = {name: number for number, name in enumerate(session.counts)}
        name = str(labels[row])
        others = session.group(row)
        trace.append(Asked(row, name, session.guesses(row), numbers.get(name), 1 + len(others)))
        session.label(row, name)
    return trace


def hits(set_name: str, seed: int, trace: list[Asked]) -> list[dict]:
    """How often a guess is right, by labels so far; the session's own answers are the truth."""
    rows = []
    for first, last in RANGES:
        there = [one for one in trace[first:last] if one.offered]
        right = [one.name == one.offered[0] for one in there], [one.name in one.offered for one in there]
        rows.append({"set": set_name, "seed": seed, "labels": (first, last), "hits": tuple(map(np.mean, right))})
    return rows


def seconds_for(one: Asked, him: Annotator, page_time: float, guesses: bool, strips: bool = False) -> float:
    """How long one answer takes."""
    looking = him.thought + (him.strip if strips and one.holds_for > 1 else 0) + page_time
    if guesses and one.name in one.offered:
        return looking + him.press
    if one.number is None or one.number >= 35:  # no key: its name is typed, and Enter counts after a moment
        return looking + him.finding + him.press * 2 + len(one.name) * him.letter + BOUNCE
    return looking + him.finding + him.press + (LETTER_WAIT if one.number >= 9 else 0)


def play(set_name: str, seed: int, pool: Pool, test: Pool, true: np.ndarray, way: str, trace: list[Asked], how: dict, page_time: float) -> list[dict]:  # fmt: skip
    """Ten minutes of one way of answering, by each annotator."""
    rows = []
    for him, who in ((Annotator(), "finding"), (QUICK, "quick")):
        ends = np.cumsum([seconds_for(one, him, page_time, **how) for one in trace])
        given = trace[: int(np.searchsorted(ends, 60 * MINUTES, side="right"))]
        seconds = min(60.0 * MINUTES, float(ends[-1]))
        accuracy = accuracy_of(pool, np.array([one.row for one in given]), [one.name for one in given], test, true)
        images = sum(one.holds_for for one in given)
        rows.append(
            {"set": set_name, "way": way, "who": who, "seed": seed, "answers": len(given), "images": images,
             "minutes": seconds / 60, "accuracy": 100 * accuracy, "classes": len({one.name for one in given})}
        )  # fmt: skip
    return rows


def with_pages(set_name: str, seed: int, pool: Pool, labels: np.ndarray, test: Pool, true: np.ndarray, page_time: float) -> list[dict]:  # fmt: skip
    """Five minutes one by one with guesses, then five of confirm pages for the class with the fewest labels."""
    rows = []
    for him, who in ((Annotator(), "finding"), (QUICK, "quick")):
        session, clock, answers = Session(pool, len(pool), audit=0, random_state=seed), 0.0, 0
        while clock < 30 * MINUTES and (row := session.next()) is not None:
            numbers = {name: number for number, name in enumerate(session.counts)}
            one = Asked(row, str(labels[row]), session.guesses(row), numbers.get(str(labels[row])), 1)
            session.label(row, one.name)
            clock, answers = clock + seconds_for(one, him, page_time, guesses=True), answers + 1
        clicked: dict[str, set[int]] = {}
        while clock < 60 * MINUTES:
            for name in sorted(session.counts, key=session.counts.__getitem__):
                order = by_prediction(pool, session.unanswered(), session.answers, name, True)
                shown = [row for row in order.tolist() if row not in clicked.get(name, set())][:PAGE]
                if not shown:
                    continue
                right = [row for row in shown if labels[row] == name]
                clicked.setdefault(name, set()).update({*shown} - {*right})
                clock += page_time + him.press + len(shown) * him.thumbnail + (len(shown) - len(right)) * him.click
                for row in right:
                    session.label(row, name)
                answers += len(right)
                break
            else:
                break
        given = session.answers
        names = [str(answer.label) for answer in given]
        accuracy = accuracy_of(pool, np.array([answer.index for answer in given]), names, test, true)
        rows.append(
            {"set": set_name, "way": "guesses, then confirm pages", "who": who, "seed": seed, "answers": answers, "images": answers,
             "minutes": clock / 60, "accuracy": 100 * accuracy, "classes": len({*names})}
        )  # fmt: skip
    return rows


# --- the page ---------------------------------------------------------------------------------------


def write_up(driven: dict[str, Driven], page_time: float, rows: list[dict]) -> str:
    played, guessed = ([row for row in rows if key in row] for key in ("way", "hits"))
    return "\n".join([*_model(), *_on_the_page(driven), *_played(played, page_time), *_guessed(guessed)]) + "\n"


def _model() -> list[str]:
    him = Annotator()
    return [
        "# Answers a minute",
        "",
        f"{date.today()}, {platform.system()}, Python {platform.python_version()}.",
        "Made by `python benchmarks/answers_a_minute.py --work WORK --data DATA --bursts BURSTS`.",
        "",
        "**The annotator** is a model, not a person, and always right. A picture takes him "
        f"{1000 * him.thought:.0f} ms of thought and a key {1000 * him.press:.0f} ms. To find a class among many, by its key",
        f"or to type it, takes {1000 * him.finding:.0f} ms more, a letter of its name {1000 * him.letter:.0f} ms; a guess has one of three keys and takes nothing more.",
        f"A class has a key if it is one of the first 35 that were found; a letter waits {1000 * LETTER_WAIT:.0f} ms for another one, as on the page.",
        f"To look over a strip takes {1000 * him.strip:.0f} ms, a thumbnail of a page of {PAGE} {1000 * him.thumbnail:.0f} ms, and to click it out "
        f"{1000 * him.click:.0f} ms. *Quick* finds a class among",
        "many in no time. To read three guesses takes neither of them any time, which no person can: real gains are smaller.",
    ]


def _on_the_page(driven: dict[str, Driven]) -> list[str]:
    return [
        "",
        "## On the real page",
        "",
        f"A headless Chromium that answers so, {DRIVEN} seconds from label {BEFORE} on, on a machine that others used too (*load*: processes that",
        "wanted one of its two cores). *Page*: from the key to the next image on the screen, without the wait of a letter. The",
        "driver needs time for its own steps that no person needs: compare the lines with one another.",
        "",
        "| | answers a minute | page, median | page, 95 % | load |",
        "|---|---|---|---|---|",
        *(
            f"| {way} | {60 * one.answers / one.seconds:.1f} | {1000 * np.median(one.waits):.0f} ms | "
            f"{1000 * np.percentile(one.waits, 95):.0f} ms | {one.load:.1f} |"
            for way, one in driven.items()
        ),
    ]


def _played(played: list[dict], page_time: float) -> list[str]:
    return [
        "",
        f"## {MINUTES} minutes on a virtual clock",
        "",
        f"The page takes {1000 * page_time:.0f} ms, the median of all that was measured. Mean of {len(SEEDS)} seeds: answers a minute, images that have a label in the end",
        "(with those of the same burst), classes found, and macro accuracy in percent on images that are in no pool (plain logistic",
        "regression, undiscovered classes counting 0; inherited labels are not trained on). caltech: 90 % of 7,098 images of 101",
        "classes; the test images are its own. Bursts: 330 bursts of 2 to 30 frames of caltech, as in [bursts.md](bursts.md), and the frames of 150 others. Confirm pages: five",
        "minutes one by one with guesses, then five of pages of what is surest to be of the class with the fewest labels.",
        "",
        "| | answers a minute | labelled images | classes | accuracy | quick: answers a minute | quick: accuracy |",
        "|---|---|---|---|---|---|---|",
        *(_way(played, *key) for key in dict.fromkeys((row["set"], row["way"]) for row in played)),
    ]


def _way(played: list[dict], set_name: str, way: str) -> str:
    here = [row for row in played if (row["set"], row["way"]) == (set_name, way)]
    slow, quick = ([row for row in here if row["who"] == who] for who in ("finding", "quick"))
    rates = [np.mean([row["answers"] / row["minutes"] for row in rows]) for rows in (slow, quick)]
    mean = {key: np.mean([row[key] for row in slow]) for key in ("images", "classes", "accuracy", "minutes")}
    sooner = f", after {mean['minutes']:.1f} minutes" if mean["minutes"] < MINUTES - 0.05 else ""
    accuracy = np.mean([row["accuracy"] for row in quick])
    return (
        f"| {set_name}, {way} | {rates[0]:.1f} | {mean['images']:.0f}{sooner} | {mean['classes']:.0f} | {mean['accuracy']:.1f} | "
        f"{rates[1]:.1f} | {accuracy:.1f} |"
    )


def _guessed(rows: list[dict]) -> list[str]:
    lines = ["", "## How often a guess is right", "", "caltech, the same runs:", "", "| labels | the first | one of the three |", "|---|---|---|"]  # fmt: skip
    for first, last in RANGES:
        hits = np.mean([row["hits"] for row in rows if row["labels"] == (first, last)], axis=0)
        lines.append(f"| {first + 1} to {last} | {hits[0]:.0%} | {hits[1]:.0%} |")
    return lines


if __name__ == "__main__":
    main()
