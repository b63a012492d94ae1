"""Every kernel at work on little data; run as a script, it saves what came out."""

import sys

import numpy as np

from mnist_clust.features import OrientedGradients
from mnist_clust.silhouettes import map_silhouettes
from numba_tsne import TSNE, nearest_neighbors
from numba_tsne._parallel import Pool
from numba_tsne.repulsion import Repulsion


def results() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    X = random.integers(9, size=(110, 4)).astype(np.float32)  # with ties
    X[:20] = X[0]
    found = {"distances": nearest_neighbors(X, 20).distances}
    steps = {"early_exaggeration_iter": 1, "n_iter": 2, "learning_rate": 1e4}  # long: some are cut
    for d in (1, 2, 3):
        tsne = TSNE(d, perplexity=5, init=3 * random.normal(size=(len(X), d)), **steps).fit(X)
        found[f"map in {d}"] = tsne.embedding_
        found[f"divergence in {d}"] = np.array(tsne.kl_divergence_)
        found[f"new points in {d}"] = tsne.transform(X[-3:] + 0.25)
        found[f"silhouettes in {d}"] = map_silhouettes(tsne.embedding_, (X[:, 0] > 4).astype(int))
        points = (1e4 * random.normal(size=(d, 30))).astype(np.float32)
        with Pool(1) as pool:
            repulsion = Repulsion(points, 0.8, pool)
            repulsion.update(points)
        found[f"far apart in {d}"] = repulsion.similarity
    images = random.random((2, 5, 6)).astype(np.float32)
    images[:, :, :3] = 0
    found["edges"] = OrientedGradients(5).fit_transform(images)
    return found


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())
