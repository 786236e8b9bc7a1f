"""evenpick chooses which images to label first, when classes are imbalanced and there are no labels yet."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .acquisition import ACQUISITIONS, select
    from .errors import EvenpickError
    from .estimator import EvenpickClassifier
    from .images import Preprocessing
    from .metrics import g_al, imbalance_ratio, macro_accuracy
    from .paper import induce_imbalance
    from .pool import EmbedOptions, Pool, embed
    from .session import BALANCINGS, Session, simulate
    from .sources import SourceModel
    from .training import Model, train
    from .workspace import Workspace

# Names are imported on first use, so that `import evenpick` loads none of the heavy libraries.
_MODULES = {
    "ACQUISITIONS": "acquisition", "BALANCINGS": "session", "EmbedOptions": "pool", "EvenpickClassifier": "estimator", "EvenpickError": "errors", "Model": "training",
    "Pool": "pool", "Preprocessing": "images", "Session": "session", "SourceModel": "sources",
    "embed": "pool", "g_al": "metrics", "imbalance_ratio": "metrics", "induce_imbalance": "paper",
    "Workspace": "workspace", "macro_accuracy": "metrics", "select": "acquisition", "simulate": "session",
    "train": "training",
}  # fmt: skip

__all__ = [
    "ACQUISITIONS", "BALANCINGS", "EmbedOptions", "EvenpickClassifier", "EvenpickError", "Model", "Pool", "Preprocessing", "Session", "SourceModel",
    "Workspace", "__version__", "embed", "g_al", "imbalance_ratio", "induce_imbalance", "macro_accuracy", "select",
    "simulate", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'evenpick' has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
