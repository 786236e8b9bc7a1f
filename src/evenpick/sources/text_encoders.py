"""Text encoders: the half of a CLIP-like pair that takes words, an ONNX file with the tokenizer that belongs to it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Singles
from ..errors import EvenpickError, MissingExtraError
from ..vectors import normalised
from .onnx_forms import fingerprint_of
from .onnx_networks import onnx_session

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# What exporters call the vector of a text, the best first.
_OUTPUTS = ("text_embeds", "text_features", "sentence_embedding", "pooler_output", "features")
_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_SCALE = 100.0  # of CLIP
_SIGLIP = "siglip"  # how `model_type` of its config.json begins
_WHOLE_NUMBERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_MOST_TOKENS = 1 << 20  # a limit above is what Hugging Face writes for none
_FACTS: dict[str, tuple[str, Callable[[Any], bool]]] = {  # what `FILE.json` may state, and the rule of each
    "features": ("the name of an output", lambda value: isinstance(value, str)),
    "scale": (
        "a number above 0 and up to 1,000,000",
        lambda value: isinstance(value, int | float) and 0 < value <= 1_000_000,
    ),
    "bias": (
        "a number from -1,000,000 to 1,000,000",
        lambda value: isinstance(value, int | float) and abs(value) <= 1_000_000,
    ),
    "length": ("a whole number from 1 to 65,536", lambda value: isinstance(value, int) and 1 <= value <= 65_536),
}


@dataclass(frozen=True, repr=False)
class TextEncoder:
    """A network from texts to vectors.

    Attributes
    ----------
    name : str
        As typed.
    width : int
        Numbers of a vector: those of the features of the image encoder of the same pair.
    fingerprint : str
        Hash of the weights, of the tokenizer, and of what is stated that makes other vectors.
    scale, bias : float or None
        What makes probabilities of cosines, see `Words`; no scale where it is of a SigLIP and does not state both.
    """

    name: str
    width: int
    fingerprint: str
    scale: float | None
    bias: float | None
    _tokens: "_Tokens"
    _session: Any

    def __call__(self, texts: Sequence[str]) -> Singles:
        """Vectors of length 1, shape (n, width)."""
        return normalised(np.stack([_encoded(self._session, self._tokens, self.name, text) for text in texts]))

    @classmethod
    def load(cls, name: str) -> "TextEncoder":
        """The text encoder `onnx:FILE`, with its `tokenizer.json` beside it or in the folder above.

        `FILE.json` may state `features` (the output), `scale`, `bias`, and `length`, the tokens that each text is filled up
        to. What else is known is read from `tokenizer_config.json` and `config.json`, as Hugging Face writes them.

        Raises
        ------
        EvenpickError
            If a file is missing or is no such network, or it takes other than tokens.
        MissingExtraError
            If the extra `words` is not installed.
        """
        file = check_at_hand(name)
        facts = _facts(file)
        session = _session_of(file, facts)
        tokens = _tokens_of(file, facts, session)
        used = (fingerprint_of(file), tokens.digest, session.output, tokens.filled, tokens.filler)
        digest = hashlib.sha256(repr(used).encode()).hexdigest()[:16]
        width = len(_encoded(session, tokens, name, "a"))
        return cls(name, width, digest, *_scale_and_bias(file, facts), tokens, session)


def check_at_hand(name: str) -> Path:
    """The file of a text encoder; refuses one of which something is missing, as far as can be told without reading it.

    Raises
    ------
    EvenpickError
        If it is no ONNX file, or this or its tokenizer is not there: with the file.
    MissingExtraError
        If the extra `words` is not installed.
    """
    kind, _, argument = name.partition(":")
    if kind != "onnx":
        raise EvenpickError(f"text encoder '{name}' does not exist; give an ONNX file as onnx:FILE")
    file = Path(argument)
    if not file.is_file():
        raise EvenpickError(
            f"text encoder file '{argument}' does not exist: put it there, or run `evenpick embed` with --text-encoder onnx:FILE"
        )
    if _found(file, "tokenizer.json") == file:
        raise EvenpickError(f"text encoder '{name}' needs its tokenizer.json beside it, or in the folder above")
    if find_spec("tokenizers") is None:
        raise MissingExtraError(f"text encoder '{name}'", "words")
    return file


def absolute_name(name: str) -> str:
    """The name of a text encoder as it holds in every directory."""
    kind, _, argument = name.partition(":")
    return f"onnx:{Path(argument).absolute()}" if kind == "onnx" else name


def text_encoder_beside(source: str) -> str | None:
    """The text encoder that lies beside an image encoder, as Hugging Face names them; None if there is none."""
    kind, _, argument = source.partition(":")
    file = Path(argument).parent / "text_model.onnx"
    return f"onnx:{file}" if kind == "onnx" and file.is_file() else None


@dataclass(frozen=True)
class _Tokens:
    """A tokenizer as the network needs it."""

    tokenizer: "Tokenizer"
    digest: str
    longest: int | None  # tokens that the network takes
    filled: int | None  # the number that every text is filled up to
    filler: int

    def of(self, name: str, text: str) -> tuple[list[int], list[int]]:
        """The numbers of a text, and 1 for each of them and 0 for what only fills it up."""
        ids = self.tokenizer.encode(text).ids
        if not ids:
            raise EvenpickError(f"text encoder '{name}' knows no part of '{text}'")
        if self.longest is not None and len(ids) > self.longest:
            raise EvenpickError(
                f"'{text:.60}' has {len(ids)} tokens, and text encoder '{name}' takes {self.longest} at most: shorten it"
            )
        missing = max(0, (self.filled or 0) - len(ids))
        return [*ids, *[self.filler] * missing], [1] * len(ids) + [0] * missing


def _scale_and_bias(file: Path, facts: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """As stated, or as CLIP has them. Each SigLIP was trained to its own, which its config.json does not tell.

    A bias is of a SigLIP, also where no config.json says so: with CLIP's scale it would make other probabilities.
    """
    is_siglip = "bias" in facts or _is_siglip(_beside(file, "config.json"))
    if is_siglip and not {"scale", "bias"} <= facts.keys():
        return None, None
    return facts.get("scale", _SCALE), facts.get("bias")


def _is_siglip(config: Mapping[str, Any]) -> bool:
    return str(config.get("model_type", "")).startswith(_SIGLIP)


def _facts(file: Path) -> dict[str, Any]:
    """What `FILE.json` states, checked."""
    beside = file.with_suffix(".json")
    facts = _json(beside)
    for key, value in facts.items():
        if key not in _FACTS:
            raise EvenpickError(f"'{beside}' states '{key}', which is not known; known are {', '.join(_FACTS)}")
        rule, holds = _FACTS[key]
        if isinstance(value, bool) or not holds(value):
            raise EvenpickError(f"'{beside}': '{key}' must be {rule}; got {value!r:.60}")
    return facts


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes()) if file.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise EvenpickError(f"'{file}' is no JSON") from error
    if not isinstance(found, dict):
        raise EvenpickError(f"'{file}' must hold names and values")
    return found


def _found(file: Path, name: str) -> Path:
    """A file beside the network, or in the folder above it, as in Hugging Face's `onnx/text_model.onnx`."""
    return next((folder / name for folder in (file.parent, file.parent.parent) if (folder / name).is_file()), file)


def _beside(file: Path, name: str) -> dict[str, Any]:
    """What such a file holds; nothing where there is none."""
    return _json(found) if (found := _found(file, name)) != file else {}


def _session_of(file: Path, facts: Mapping[str, Any]) -> Any:
    try:
        session = onnx_session(str(file))
    except Exception as error:
        raise EvenpickError(f"text encoder '{file}' is no ONNX network: {str(error).splitlines()[0][:160]}") from error
    inputs = [value.name for value in session.get_inputs()]
    if "input_ids" not in inputs or set(inputs) - {*_KNOWN_INPUTS}:
        raise EvenpickError(
            f"'{file}' is no text encoder: it must take input_ids, and at most {_KNOWN_INPUTS}; has {inputs}"
        )
    outputs = [value.name for value in session.get_outputs()]
    wanted = [facts["features"]] if "features" in facts else _OUTPUTS
    if not any(name in outputs for name in wanted):
        raise EvenpickError(
            f"'{file}' has no output for the vector of a text ({', '.join(wanted)}); has {outputs}: name one in "
            f'\'{file.with_suffix(".json").name}\' as {{"features": "NAME"}}'
        )
    return _Session(session, next(name for name in wanted if name in outputs))


@dataclass(frozen=True)
class _Session:
    """A session, and the output that is the vector."""

    run: Any
    output: str

    @property
    def length(self) -> int | None:
        """The tokens of every text, where the network takes so many and no other number."""
        shape = next(value.shape for value in self.run.get_inputs() if value.name == "input_ids")
        return shape[1] if len(shape) == 2 and isinstance(shape[1], int) else None


def _tokens_of(file: Path, facts: Mapping[str, Any], session: _Session) -> _Tokens:
    from tokenizers import Tokenizer

    place = _found(file, "tokenizer.json")
    content = place.read_bytes()
    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # tokenizers raises Exception itself
        raise EvenpickError(f"'{place}' is no tokenizer: {str(error).splitlines()[0][:120]}") from error
    stated = [_beside(file, part) for part in ("tokenizer_config.json", "config.json")]
    padding, truncation = tokenizer.padding or {}, tokenizer.truncation or {}
    tokenizer.no_padding()
    tokenizer.no_truncation()
    of_tokenizer = (truncation.get("max_length"), stated[0].get("model_max_length"))
    longest = _longest(
        session.length, _positions(stated[1]), *([facts["length"]] if "length" in facts else of_tokenizer)
    )
    # SigLIP was trained on texts of full length, whatever fills them.
    always = session.length or facts.get("length") or padding.get("length")
    if always is None and _is_siglip(stated[1]):
        always = longest or 64
    filler = padding.get("pad_id", tokenizer.token_to_id(_content(stated[0].get("pad_token"))) or 0)
    return _Tokens(tokenizer, hashlib.sha256(content).hexdigest(), longest, always, filler)


def _positions(config: Mapping[str, Any]) -> Any:
    text = config.get("text_config")
    return (text if isinstance(text, dict) else config).get("max_position_embeddings")


def _longest(*limits: Any) -> int | None:
    """The smallest of those that are known."""
    return min((int(one) for one in limits if isinstance(one, int | float) and 0 < one < _MOST_TOKENS), default=None)


def _content(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _encoded(session: _Session, tokens: _Tokens, name: str, text: str) -> Singles:
    """The vector of one text. One at a time: so none is filled up to the length of another, which some exports heed."""
    ids, mask = tokens.of(name, text)
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": [0] * len(ids)}
    feeds = {
        one.name: np.array([given[one.name]], _WHOLE_NUMBERS.get(one.type, np.int64))
        for one in session.run.get_inputs()
    }
    try:
        (vector,) = session.run.run([session.output], feeds)
    except Exception as error:  # ONNX Runtime raises its own kinds
        reason = str(error).splitlines()[0][:160]
        raise EvenpickError(
            f"text encoder '{name}' does not take '{text:.60}' ({len(ids)} tokens): {reason}"
        ) from error
    vector = np.asarray(vector, np.float32)
    if vector.ndim != 2 or len(vector) != 1 or not np.isfinite(vector).all():
        raise EvenpickError(
            f"text encoder '{name}' must give a vector of finite numbers; its output '{session.output}' has shape {vector.shape}"
        )
    return np.asarray(vector[0])
