"""A pair of encoders that really goes together: the default network, and a bag of words fitted to its head.

The image encoder is EfficientNet-Lite0 without its classes. The text encoder adds up a vector for each word of a text. These
are fitted by least squares, so that the name of an ImageNet class gets the weights of that class in the network's head.
It knows the words of a few dozen names, also in names that it has not seen.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from evenpick.sources.efficientnet_lite import onnx_network, read_weights

CLASSES = {
    1: "goldfish", 2: "great white shark", 9: "ostrich", 22: "bald eagle", 107: "jellyfish", 153: "maltese dog",
    207: "golden retriever", 281: "tabby cat", 282: "tiger cat", 285: "egyptian cat", 291: "lion", 292: "tiger",
    309: "bee", 323: "monarch butterfly", 335: "fox squirrel", 340: "zebra", 385: "indian elephant",
    386: "african elephant", 404: "airliner", 417: "balloon", 430: "basketball", 483: "castle", 504: "coffee mug",
    530: "digital clock", 555: "fire truck", 657: "missile", 663: "monastery", 668: "mosque", 698: "palace",
    779: "school bus", 812: "space shuttle", 817: "sports car", 852: "tennis ball", 933: "cheeseburger",
    947: "mushroom", 949: "strawberry", 954: "banana", 963: "pizza", 967: "espresso", 968: "cup", 985: "daisy",
}  # fmt: skip
CONTEXT = 16  # tokens


def write_word_pair(folder: Path) -> Path:
    """Write `vision_model.onnx`, `text_model.onnx` and `tokenizer.json` as Hugging Face names them; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_image_encoder(), folder / "vision_model.onnx")
    facts = {"size": 224, "crop": 0.875, "interpolation": "bicubic", "mean": [127 / 255] * 3, "std": [128 / 255] * 3}
    (folder / "vision_model.json").write_text(json.dumps(facts))
    vectors, words = _fitted()
    onnx.save(text_encoder(vectors), folder / "text_model.onnx")
    tokenizer_of(words).save(str(folder / "tokenizer.json"))
    return folder


def tokenizer_of(words):
    """Whole words, small letters, at most `CONTEXT` of them; word number i + 1 is that of the list."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {"[UNK]": 0} | {word: i for i, word in enumerate(words, start=1)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(CONTEXT)
    return tokenizer


def text_encoder(vectors, length="t", output="text_embeds"):
    """The network that adds up the vectors (n_words, d) of a text's tokens."""
    nodes = [
        helper.make_node("Gather", ["vectors", "input_ids"], ["each"], axis=0),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["each", "wide"], ["heard"]),
        helper.make_node("ReduceSum", ["heard", "middle"], [output], keepdims=0),
    ]
    constants = [
        numpy_helper.from_array(np.asarray(vectors, np.float32), "vectors"),
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "middle"),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", length])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", vectors.shape[1]])]
    graph = helper.make_graph(nodes, "words", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _image_encoder():
    model = onnx.load_from_string(onnx_network(0))
    model.graph.output[0].name = "image_embeds"
    for node in model.graph.node:
        if node.output[0] == "features":
            node.output[0] = "image_embeds"
    kept = [node for node in model.graph.node if node.output[0] != "logits"]
    del model.graph.node[:], model.graph.output[1:]
    model.graph.node.extend(kept)
    return model


def _fitted():
    """The vectors of all words, of an unknown one first, and the words."""
    head = read_weights(0)["_fc.weight"]
    wanted = (head - head.mean(axis=0))[[*CLASSES]]
    words = sorted({word for name in CLASSES.values() for word in name.split()})
    counts = np.array([[name.split().count(word) for word in words] for name in CLASSES.values()], float)
    vectors = np.linalg.lstsq(counts, wanted, rcond=None)[0]
    return np.vstack([np.zeros(vectors.shape[1]), vectors]), words
