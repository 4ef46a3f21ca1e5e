"""Estimators for scikit-learn: an extra, ``pip install recurra[sklearn]``.

What each takes and gives is in docs/sklearn.md. ``import recurra`` does not import this module.
"""

try:
    from sklearn.utils.validation import validate_data as _needed  # type: ignore[import-untyped] # noqa: F401
except ImportError as error:
    raise ImportError(
        "recurra.sklearn needs scikit-learn 1.6 or later, expected it installed: pip install recurra[sklearn]"
    ) from error

from recurra.sklearn._classifier import RecurrentClassifier
from recurra.sklearn._narx import NARXRegressor
from recurra.sklearn._regressor import RecurrentRegressor
from recurra.sklearn._tagger import SequenceTagger

__all__ = ["NARXRegressor", "RecurrentClassifier", "RecurrentRegressor", "SequenceTagger"]
