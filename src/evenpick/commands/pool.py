"""The commands about what a source model sees: sources, embed, diagnose, find."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..progress import progress_bars
from .options import FILE, JSON, RAY, WORKSPACE
from .terminal import print_json, print_left_out, print_notes, print_paragraphs, print_table


def _numbers(kind: type[int] | type[float], counts: tuple[int, ...]) -> Callable[..., tuple[float, ...] | None]:
    """A callback for an option of so many numbers with commas between them."""

    def read(context: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...] | None:
        if text is None:
            return None
        try:
            numbers = tuple(kind(part) for part in text.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) not in counts:
            raise click.BadParameter(
                f"must be {' or '.join(map(str, counts))} numbers with commas between them; got '{text}'"
            )
        return numbers

    return read


if TYPE_CHECKING:
    from ..sources import SourceKind
    from ..workspace import Workspace


@click.command()
def sources() -> None:
    """List the source models."""
    from ..sources import SOURCES

    rows = [[row.usage, "\n".join(_facts(row))] for row in SOURCES.values()]
    columns = ["--source", "trained on, features and classes; preprocessing; licence of weights"]
    print_table("Source models; any torch.nn.Module too, through SourceModel.from_torch", columns, rows)
    click.echo("Several side by side: NAME+NAME, or --source more than once (docs/several.md).")


def _facts(row: "SourceKind") -> list[str]:
    if not row.features.isdigit():
        return [f"everything: {row.features}", row.preprocessing]
    return [f"{row.trained_on}, {row.features} features, {row.classes} classes", row.preprocessing, row.licence]


@click.command()
@WORKSPACE
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--source",
    metavar="NAME",
    multiple=True,
    default=["efficientnet_lite0"],
    show_default=True,
    help="Source model; given several times, or NAME+NAME, they look at each image side by side; see `evenpick sources`.",
)
@click.option(
    "--reduced-jpeg", is_flag=True, help="Decode large JPEG files at a part of their size: faster, not quite the same."
)
@click.option(
    "--fit",
    metavar="crop|squash|pad",
    help="What is seen of an image that is no square: its centre (crop), or all of it, squeezed (squash) or with borders "
    "(pad).  [default: as the source was trained]",
)
@click.option(
    "--views",
    type=click.IntRange(1, 8),
    metavar="K",
    help="See K parts of each image, some mirrored, and take the mean: K times the time; see docs/several.md.  [default: 1]",
)
@click.option(
    "--exclude", metavar="PATTERN", multiple=True, help="Leave out what matches, as in .gitignore; may be repeated."
)
@click.option(
    "--group-by",
    metavar="auto|time|folder|sequence|REGEX|FILE.csv:COLUMN|none",
    help="Which images show the same thing and are labelled together; see docs/groups.md.  [default: as before, or auto]",
)
@click.option(
    "--gap", metavar="SECONDS", type=float, help="Between two photographs of a group.  [default: as before, or 60]"
)
@click.option(
    "--bands",
    callback=_numbers(int, (1, 3)),
    metavar="N,N,N",
    help="Of a TIFF of more than three bands, red, green and blue; or one.",
)
@click.option(
    "--depth",
    callback=_numbers(float, (2,)),
    metavar="LOW,HIGH",
    help="Values of more than 8 bits that are black and white.  [default: the range of a sample of FOLDER]",
)
@click.option(
    "--pages", metavar="first|all", help="Of files with several pages or frames.  [default: as before, or first]"
)
@click.option("--max-pixels", type=click.IntRange(min=1), help="Leave out larger images.  [default: 200,000,000]")
@click.option("--moved", is_flag=True, help="FOLDER is the one of before at another place; files are compared.")
@click.option(
    "--boxes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Each row is a box: MegaDetector's output, COCO, CSV with image,x,y,width,height, or Camtrap DP; see docs/boxes.md.",
)
@click.option("--box-confidence", type=float, metavar="NUMBER", help="Pass over boxes below.  [default: 0.2]")
@click.option("--box-category", metavar="NAME", multiple=True, help="Take boxes of this category; may be repeated.")
@click.option("--box-margin", type=float, metavar="NUMBER", help="Around a box, of its longer side.  [default: 0.1]")
@click.option(
    "--without-boxes", metavar="keep|leave", help="Images without a box, whole or not at all.  [default: keep]"
)
@click.option(
    "--class-names",
    type=FILE,
    metavar="FILE",
    help="Words in place of the source's classes, one a line, for a CLIP-like source; see docs/words.md.  [default: as before]",
)
@click.option(
    "--text-encoder",
    metavar="onnx:FILE",
    help="The other half of that source, for class names and to find images by words.  [default: as before, or "
    "text_model.onnx beside it]",
)
@click.option(
    "--prompt",
    "prompts",
    metavar="TEXT",
    multiple=True,
    help="What class names, and words that are looked for, stand in, at {}; may be repeated.  [default: as before, or "
    "'a photo of a {}' for class names and nothing for words]",
)
@click.option(
    "--features",
    type=FILE,
    metavar="FILE",
    help="Features made elsewhere (.npy, .npz, .parquet), in place of looking at images; FOLDER need not be given.",
)
@click.option("--ids", type=FILE, metavar="FILE.csv", help="With --features: the image of each row, in column image.")
@click.option("--probabilities", type=FILE, metavar="FILE", help="With --features: source probabilities of each row.")
@RAY
def embed(workspace: Path, folder: Path | None, **options: Any) -> None:
    """Look at every image of FOLDER with a source model (the long part; can be stopped and run again).

    Several --source are one source: all of them look at each image, and their features stand side by side.
    """
    from ..counting import counted
    from ..pool import groups_in_words, hint_of
    from ..workspace import Workspace

    ready_made = [options.pop(name) for name in ("features", "ids", "probabilities")]
    if any(ready_made):
        if options["class_names"] or options["text_encoder"] or options["prompts"]:
            raise click.UsageError(
                "--features bring no network for words: give --probabilities in place of --class-names"
            )
        _take_features(workspace, folder, *ready_made)
        return
    if folder is None:
        raise click.UsageError("Missing argument 'FOLDER'.")
    work, reading = Workspace(workspace), {name: options.pop(name) for name in ("bands", "depth", "max_pixels")}
    with progress_bars() as begin:
        result = work.embed(folder, progress=begin("embedding", "images"), reading=reading, **options)
    print_left_out([(image.image_id, image.reason) for image in result.skipped], see=work.paths.skipped)
    print_notes(result.notes, work.paths.notes)
    depth = result.pool.source and result.pool.source.preprocessing.depth
    if depth:
        click.echo(
            f"Of values of more than 8 bits, {depth[0]:,g} is black and {depth[1]:,g} white, in every file (--depth)."
        )
    for sentence in result.said:
        click.echo(sentence)
    click.echo(f"{counted(len(result.pool), 'image')} in the pool of '{workspace}'.")
    if (source := result.pool.source) and source.words:
        click.echo(f"{'Source classes:' if source.words.names else 'Images can be found by'} {source.words!r}.")
    if source and source.predictions_in_words:
        click.echo(f"{source.predictions_in_words}.")
    if any(
        (result.counts.replaced, result.counts.moved, result.counts.gone, result.counts.back, result.counts.unchanged)
    ):
        click.echo(f"Of the folder: {result.counts}, {len(result.skipped):,} left out.")
    if again := _to_look_at_again(work):
        click.echo(again)
    if said := groups_in_words(result.pool):
        click.echo(f"{said}; see '{work.paths.groups}'.")
    if hint := hint_of(workspace, result.pool):
        click.echo(f"{hint}.")


def _to_look_at_again(work: "Workspace") -> str:
    """Which labelled images were replaced; what was embedded stays, whatever is wrong with the record of labels."""
    from ..counting import counted
    from ..errors import EvenpickError, first_few

    try:
        again = work.labels.replaced_since
    except EvenpickError as error:
        return f"Whether labelled images were replaced cannot be told: {error}."
    images = counted(len(again), "labelled image that was replaced", "labelled images that were replaced")
    return f"Look again at {images}: {first_few(again)}." if again else ""


def _take_features(
    workspace: Path, folder: Path | None, features: Path | None, ids: Path | None, probabilities: Path | None
) -> None:
    from ..workspace import Workspace

    if features is None or ids is None:
        raise click.UsageError("--features and --ids go together")
    pool = Workspace(workspace).take_features(features, ids, probabilities, folder)
    click.echo(f"{len(pool):,} images in the pool of '{workspace}', of ready-made features.")
    if pool.present is not None:
        click.echo(f"{int((~pool.present).sum()):,} of them are not in '{folder}' and will not be asked for.")


@click.command()
@WORKSPACE
@JSON
def diagnose(workspace: Path, as_json: bool) -> None:
    """Say how well the source model knows these images, and which methods follow from it."""
    from ..workspace import Workspace

    found = Workspace(workspace).diagnose()
    if as_json:
        print_json(found.facts)
        return
    print_paragraphs([found.advice.method, found.advice.finding])
    print_table("The source is the pretrained network that looked at every image.", None, found.rows)


@click.command()
@WORKSPACE
@click.argument("words")
@click.option("--count", type=click.IntRange(min=1), default=20, show_default=True, help="Images at most.")
def find(workspace: Path, words: str, count: int) -> None:
    """List the images that are nearest to WORDS, by a CLIP-like source with its text encoder; see docs/words.md."""
    from ..names import shown
    from ..workspace import Workspace

    for image_id in Workspace(workspace).find(words, count).image_ids:
        click.echo(shown(image_id))
