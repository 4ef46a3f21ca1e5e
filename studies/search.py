"""Choose a setting by one run each on validation data, then run it with every seed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from studies.runs import SEARCH_SEED

Setting = TypeVar("Setting")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Found(Generic[Setting, Result]):
    """The setting with the least validation error, and what it gave, one result per seed."""

    name: str
    setting: Setting
    searched: Mapping[Setting, float]  # validation error by setting
    results: list[Result]


def search(
    name: str,
    settings: Sequence[Setting],
    train: Callable[[Setting, int], Result],
    error: Callable[[Result], float],
    seeds: Sequence[int],
) -> Found[Setting, Result]:
    """Train every setting with the search's seed, and the best one with the seeds that are reported.

    Args:
        name: What is trained.
        settings: What there is to choose from.
        train: A result, of a setting and a seed.
        error: Of a result on the validation data, the smaller the better.
        seeds: Of the runs to report; the search has one of its own.
    """

    def run(setting: Setting, seed: int) -> Result:
        print(f"{name}, {setting}, seed {seed}", file=sys.stderr, flush=True)
        return train(setting, seed)

    searched = {setting: error(run(setting, SEARCH_SEED)) for setting in settings}
    best = min(settings, key=lambda setting: searched[setting])
    return Found(name, best, searched, [run(best, seed) for seed in seeds])
