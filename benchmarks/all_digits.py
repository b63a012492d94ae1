"""Cluster all 70,000 digits, as others score themselves; and thirty samples, for the number found.

    python benchmarks/all_digits.py --out results/all_digits.json

Nothing is set for it: it is the sharp map of notebook 08 with its defaults. Labels score.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from surroundings import surroundings

from image_files.writing import to_json, write_atomically
from mnist_clust.data import load_digits
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.scores import accuracy, name_one_to_one

PACKAGES = ("numba", "numpy", "scikit-learn", "scipy")


def cluster(images, labels, seed):
    """Cluster images and score that, each cluster standing for one digit and each digit for one."""
    model = ImageClusterer(random_state=seed).fit(images)
    names = name_one_to_one(model.labels_, labels, model.n_clusters_)
    scored = {
        "seed": seed,
        "n_clusters": model.n_clusters_,
        "one_to_one": round(accuracy(labels, model.labels_, names), 5),
        "nmi": round(normalized_mutual_info_score(labels, model.labels_), 5),
        "ari": round(adjusted_rand_score(labels, model.labels_), 5),
    }
    click.echo(scored)
    return scored


@click.command()
@click.option("--seeds", default=10, show_default=True)
@click.option("--samples", default=30, show_default=True)
@click.option("--size", default=10_000, show_default=True, help="Digits of a sample.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(seeds: int, samples: int, size: int, out: Path | None) -> None:
    """Measure, and write it to a file."""
    digits = load_digits("mnist")
    images = np.concatenate([digits.train_images, digits.test_images])
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    whole = [cluster(images, labels, seed) for seed in range(seeds)]
    drawn = []
    for seed in range(samples):
        rng = np.random.default_rng(seed)
        members = rng.choice(len(digits.train_images), size, replace=False)
        drawn.append(cluster(digits.train_images[members], digits.train_labels[members], seed))
    written = {
        "digits": len(images),
        "runs": whole,
        "sample_size": size,
        "samples": drawn,
        **surroundings(PACKAGES),
    }
    if out:
        write_atomically(out, to_json(written))


if __name__ == "__main__":
    main()
