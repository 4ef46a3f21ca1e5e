"""Attributes of the nodes of NetworkX's graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import networkx as nx  # type: ignore[import-untyped]


def networkx_features(
    graphs: nx.Graph | Sequence[nx.Graph], names: str | Sequence[str]
) -> npt.NDArray[np.float64]:
    """Attributes of nodes as features, in the order in which `from_networkx` numbers the nodes.

    Needs networkx (``pip install recurra[networkx]``).

    Args:
        graphs: What `Graphs.from_networkx` or `Forest.from_networkx` was given.
        names: The attribute or attributes, each a number or a vector.

    Returns:
        (nodes, features) of all graphs, the attributes side by side.

    Raises:
        ValueError: a node has no such attribute.
        TypeError: something else than graphs, an attribute that is no number.
    """
    from recurra._networkx import node_features

    return node_features(graphs, names)
