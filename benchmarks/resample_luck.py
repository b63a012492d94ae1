"""Measure the bands of notebook 09: draw its runs again and again, instead of making more.

    .venv/bin/python -m mnist_clust.numerics benchmarks/resample_luck.py --log runs.jsonl

The runs are those of the notebook and come from its cache; ten sets of ten are drawn from them,
with replacement. More runs would be better, and take an hour and a half.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pandas as pd
from measure_bands import log_option, write_down

from mnist_clust import embed, load_digits
from mnist_clust.experiments import seeds as repeats
from mnist_clust.numerics import in_force

SEEDS, DRAWS, SETS = range(10), 10_000, 10


def all_runs(data: str) -> dict[str, pd.DataFrame]:
    """Make, or find in the cache, what the notebook makes; a row a run."""
    digits = load_digits(data)
    train, test = digits.flatten()
    images, unseen = digits.train_images, digits.test_images
    _, rows = embed.pixel_components(images)
    graph = embed.find_neighbors(rows)
    members = repeats.draw_members(len(images), DRAWS, 0)
    runs = {
        "raw_start": repeats.repeat_on_pixels(train, test, 10, SEEDS),
        "plain": repeats.repeat_on_map(rows, graph, 10, SEEDS),
        "sharp": repeats.repeat_pipeline(images, unseen, SEEDS),
        "one": repeats.repeat_pipeline(images, unseen, SEEDS, members=members),
        "samples": repeats.repeat_on_samples(images, unseen, SEEDS, size=DRAWS),
    }
    return {
        kind: repeats.accuracies(made, digits.train_labels, digits.test_labels)
        for kind, made in runs.items()
    }


def numbers(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Sum runs up as the notebook does."""
    table = repeats.summarise(tables, "train")
    told = {f"{kind}_{which}": table.loc[kind, which] for kind in tables
            for which in ("mean", "worst", "best")}  # fmt: skip
    return told | {
        "sharp_mean_test": tables["sharp"].test.mean(),
        "seed_share_of_spread": table["std"]["one"] / table["std"]["samples"],
        "sharp_finds_ten": float(np.sum(tables["sharp"].n_clusters == 10)),
        "samples_find_ten": float(np.sum(tables["samples"].n_clusters == 10)),
    }


@click.command()
@click.option("--data", default="mnist", show_default=True)
@log_option
def main(data: str, log: Path) -> None:
    """Log each set as a run of its own."""
    tables = all_runs(data)
    rng = np.random.default_rng(0)
    for number in range(SETS):
        drawn = {
            kind: table.sample(len(table), replace=True, random_state=rng, ignore_index=True)
            for kind, table in tables.items()
        }
        write_down(log, data=data, notebook="09_measure_the_luck", seed=f"set {number}",
                   numerics=in_force(), numbers=numbers(drawn))  # fmt: skip


if __name__ == "__main__":
    main()
