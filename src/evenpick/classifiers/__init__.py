"""Classifiers on fixed features: linear heads, the folds that judge them, self-training, and the probe."""

from .cross_validation import (
    N_FOLDS,
    TUNED_TAUS,
    Choice,
    CrossValidation,
    Validated,
    choose,
    cross_validate,
    deal_folds,
    held_out_scores,
    log_prior,
    macro_with_error,
    validated,
)
from .heads import SHALLOW_HEADS, ShallowHead
from .linear_head import LinearHead, in_own_basis
from .probe import Probe, fit_probe
from .self_training import SUFFIX, head_of, self_trained

__all__ = [
    "N_FOLDS",
    "SHALLOW_HEADS",
    "SUFFIX",
    "TUNED_TAUS",
    "Choice",
    "CrossValidation",
    "LinearHead",
    "Probe",
    "ShallowHead",
    "Validated",
    "choose",
    "cross_validate",
    "deal_folds",
    "fit_probe",
    "head_of",
    "held_out_scores",
    "in_own_basis",
    "log_prior",
    "macro_with_error",
    "self_trained",
    "validated",
]
