"""Classifiers on fixed features: linear heads, the folds that judge them, self-training, and the probe."""

from .choice import TUNED_TAUS, Choice, choose, fit_temperature, log_prior, macro_with_error
from .cross_validation import CrossValidation, FoldJudge, Validated, cross_validate, validated
from .folds import N_FOLDS, NestedFolds, deal_folds, deal_nested_folds, held_out_scores
from .heads import SHALLOW_HEADS, ShallowHead
from .linear_head import LinearHead, in_own_basis
from .probe import Probe, fit_probe
from .self_training import MOST_SHARE, SUFFIX, head_of, self_trained

__all__ = [
    "MOST_SHARE",
    "N_FOLDS",
    "SHALLOW_HEADS",
    "SUFFIX",
    "TUNED_TAUS",
    "Choice",
    "CrossValidation",
    "FoldJudge",
    "LinearHead",
    "NestedFolds",
    "Probe",
    "ShallowHead",
    "Validated",
    "choose",
    "cross_validate",
    "deal_folds",
    "deal_nested_folds",
    "fit_probe",
    "fit_temperature",
    "head_of",
    "held_out_scores",
    "in_own_basis",
    "log_prior",
    "macro_with_error",
    "self_trained",
    "validated",
]
