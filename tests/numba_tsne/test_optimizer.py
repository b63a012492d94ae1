import definitions
import numpy as np
import pytest

from numba_tsne import nearest_neighbors
from numba_tsne.affinities import perplexity_affinities
from numba_tsne.optimizer import Descent, Phase, optimize


@pytest.fixture
def affinities(random, pool):
    return perplexity_affinities(nearest_neighbors(random.normal(size=(300, 5)), 45), 15, pool)


def descent_of(affinities, start, pool, theta=0.8):
    return Descent(affinities, start.astype(np.float32), theta, pool)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("scale", [0.01, 1, 20])
def test_a_step_follows_the_exact_gradient(random, pool, affinities, d, scale):
    start = random.normal(scale=scale, size=(300, d)).astype(np.float32)
    descent = descent_of(affinities, start, pool)
    descent.step(Phase("", 1, exaggeration=1, learning_rate=10, momentum=0))
    moved = descent.embedding() - (start - start.mean(axis=0))
    expected = -10 * 0.81 * definitions.gradient(affinities, start)  # 0.81: the first gain
    assert np.linalg.norm(moved - expected) < 0.02 * np.linalg.norm(expected)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-4, 1, 20])
def test_the_divergence_is_that_of_the_definition(random, pool, affinities, d, scale):
    descent = descent_of(affinities, random.normal(scale=scale, size=(300, d)), pool)
    exact = definitions.divergence(affinities, descent.embedding())
    assert descent.kl_divergence() == pytest.approx(exact, rel=1e-4)


def test_renumbering_changes_nothing(random, pool, affinities):
    start = random.normal(size=(300, 2)).astype(np.float32)
    once, twice = (descent_of(affinities, start, pool, theta=0) for _ in range(2))
    np.testing.assert_allclose(once.embedding(), start - start.mean(axis=0), atol=1e-6)
    phase = Phase("", 1, exaggeration=1, learning_rate=10, momentum=0.5)
    for _ in range(5):
        once.step(phase)
        twice.step(phase)
        twice.reorder()
    np.testing.assert_allclose(once.embedding(), twice.embedding(), atol=1e-3)


def test_the_divergence_falls(random, pool, affinities):
    descent = descent_of(affinities, random.normal(scale=1e-4, size=(300, 2)), pool)
    seen = []
    optimize(
        descent,
        [Phase("early", 100, 2, 150, 0.5), Phase("late", 200, 1, 300, 0.8)],
        lambda progress: seen.append(
            (progress.iteration, progress.phase, progress.kl_divergence())
        ),
    )
    assert [iteration for iteration, _, _ in seen] == list(range(1, 301))
    assert [phase for _, phase, _ in seen] == ["early"] * 100 + ["late"] * 200
    late = [kl for _, _, kl in seen][120:]
    assert all(later < sooner + 1e-3 for sooner, later in zip(late[:-20], late[20:], strict=True))
