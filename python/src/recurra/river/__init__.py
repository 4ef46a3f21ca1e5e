"""Online estimators for river: an extra, ``pip install recurra[river]``.

They learn from one sample after the other and remember those before. docs/online.md shows them at work.
``import recurra`` does not import this module.
"""

try:
    from river import base as _needed  # noqa: F401
except ImportError as error:
    raise ImportError(
        "recurra.river needs river, expected it installed: pip install recurra[river]"
    ) from error

from recurra.river._classifier import RecurrentClassifier
from recurra.river._regressor import RecurrentRegressor

__all__ = ["RecurrentClassifier", "RecurrentRegressor"]
