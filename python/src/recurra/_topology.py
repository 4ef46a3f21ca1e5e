"""What a network runs over instead of sequences: the trees of a `Forest`, or `Graphs`."""

from __future__ import annotations

from typing import TypeAlias

from recurra._forest import Forest
from recurra._graphs import Graphs

Topology: TypeAlias = Forest | Graphs
