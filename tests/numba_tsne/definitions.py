"""The definitions, over all pairs and in double precision."""

import numpy as np


def field(places, points):
    """Sums of q and of q² (y - z) at some places, over all points z."""
    apart = places[:, None, :].astype(np.float64) - points[None, :, :]
    q = 1 / (1 + (apart**2).sum(axis=2))
    return q.sum(axis=1), (q[:, :, None] ** 2 * apart).sum(axis=1)


def divergence(affinities, embedding):
    """Kullback-Leibler divergence of a map from its affinities, in nats."""
    p = affinities.toarray().astype(np.float64)
    similarity, _ = field(embedding, embedding)
    total = similarity.sum() - len(embedding)
    apart = embedding[:, None, :].astype(np.float64) - embedding[None, :, :]
    q = 1 / (1 + (apart**2).sum(axis=2)) / total
    some = p > 0
    return (p[some] * np.log(p[some] / q[some])).sum()


def gradient(affinities, embedding):
    """A quarter of the gradient of the divergence."""
    p = affinities.toarray().astype(np.float64)
    similarity, push = field(embedding, embedding)
    apart = embedding[:, None, :].astype(np.float64) - embedding[None, :, :]
    q = 1 / (1 + (apart**2).sum(axis=2))
    pull = ((p * q)[:, :, None] * apart).sum(axis=1)
    return pull - push / (similarity.sum() - len(embedding))
