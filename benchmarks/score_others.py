"""Score how well other engines keep the neighbours of 10,000 digits.

    python benchmarks/score_others.py --out results/other_engines.json

Tests make this engine's map anew and hold it against what is stored, for the others take three
minutes on two cores. All start from principal components, with perplexity 30, 250 iterations of
early exaggeration and 500 after it.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from image_files.writing import to_json, write_atomically
from mnist_clust import load_digits
from mnist_clust.data import Digits
from numba_tsne import nearest_neighbors

POINTS, SEED = 10_000, 0


def components(digits: Digits) -> tuple[np.ndarray, np.ndarray]:
    """Reduce training and test images to the same fifty components."""
    train, test = digits.flatten()
    pca = PCA(50, random_state=0).fit(train)
    return pca.transform(train).astype(np.float32), pca.transform(test).astype(np.float32)


def quality(X: np.ndarray, embedding: np.ndarray) -> dict[str, float]:
    """Measure the share of the ten nearest that stay so, and, on some, the trustworthiness."""
    truth, found = (nearest_neighbors(rows, 10).indices for rows in (X, embedding))
    kept = sum(len(np.intersect1d(a, b)) for a, b in zip(truth, found, strict=True))
    some = np.random.default_rng(0).choice(len(X), 4_000, replace=False)
    return {
        "recall": kept / truth.size,
        "trustworthiness": float(trustworthiness(X[some], embedding[some], n_neighbors=10)),
    }


def map_by_opentsne(X: np.ndarray) -> np.ndarray:
    import openTSNE

    options = {"n_jobs": -1, "random_state": SEED}
    affinities = openTSNE.affinity.PerplexityBasedNN(X, perplexity=30, **options)
    start = openTSNE.initialization.pca(X, random_state=SEED)
    embedding = openTSNE.TSNEEmbedding(start, affinities, **options)
    return np.asarray(embedding.optimize(250, exaggeration=12).optimize(500))


def map_by_scikit_learn(X: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE

    return TSNE(max_iter=750, random_state=SEED, n_jobs=-1).fit_transform(X)


ENGINES = {"openTSNE": map_by_opentsne, "scikit-learn": map_by_scikit_learn}


def score_others(digits: Digits) -> dict[str, Any]:
    """Score each engine's map; say of what and by which versions."""
    X = components(digits)[0][:POINTS]
    return {
        "command": "benchmarks/score_others.py",
        "digest": digits.digest,
        "points": len(X),
        "seed": SEED,
        "versions": {engine: version(engine) for engine in ENGINES},
        "scores": {engine: quality(X, make(X)) for engine, make in ENGINES.items()},
    }


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default="results/other_engines.json")
def main(out: Path) -> None:
    """Score the other engines on full MNIST and store that in a file."""
    scored = score_others(load_digits("mnist"))
    write_atomically(out, to_json(scored))
    for engine, scores in scored["scores"].items():
        click.echo(f"{engine}: {scores}")


if __name__ == "__main__":
    main()
