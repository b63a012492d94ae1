import definitions
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numba_tsne._parallel import Pool
from numba_tsne.repulsion import THETA, Repulsion


def clumped(random, n, d):
    centres = random.normal(scale=30, size=(20, d))
    return centres[random.integers(20, size=n)] + random.normal(scale=2, size=(n, d))


def spread(random, n, d):
    return random.normal(scale=20, size=(n, d))


def early(random, n, d):
    return random.normal(scale=0.3, size=(n, d))


def start(random, n, d):
    return random.normal(scale=1e-4, size=(n, d))


def far_cluster(random, n, d):
    points = random.normal(scale=3, size=(n, d))
    points[: n // 3] += 1e4
    return points


def field_of(points, theta, pool):
    repulsion = Repulsion(np.ascontiguousarray(points.T, np.float32), theta, pool)
    repulsion.update(np.ascontiguousarray(points.T, np.float32))
    return repulsion.force.T, repulsion.normalization


def errors(points, theta, pool):
    force, total = field_of(points, theta, pool)
    similarity, push = definitions.field(points, points)
    exact_total = similarity.sum() - len(points)
    return np.linalg.norm(force - push) / np.linalg.norm(push), abs(total / exact_total - 1)


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("shape", [clumped, spread, early, start, far_cluster])
@pytest.mark.parametrize("n", [300, 3000])
def test_error_is_below_two_percent_at_the_default_theta(random, pool, d, shape, n):
    points = shape(random, n, d).astype(np.float32)
    force, total = errors(points, THETA, pool)
    assert force < 0.02
    assert total < 0.005


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2, 3])
def test_error_falls_with_theta(random, pool, d):
    points = clumped(random, 3000, d).astype(np.float32)
    found = [errors(points, theta, pool)[0] for theta in (1.0, 0.7, 0.4, 0.2)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0] / 10


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(2, 200),
    d=st.integers(1, 3),
    levels=st.integers(1, 30),
    scale=st.sampled_from([1e-3, 1.0, 100.0]),
    seed=st.integers(0, 9),
)
def test_theta_zero_is_exact(n, d, levels, scale, seed):
    points = np.random.default_rng(seed).integers(levels, size=(n, d)).astype(np.float32) * scale
    points = points.astype(np.float32)
    with Pool(1) as pool:
        force, total = field_of(points, 0.0, pool)
    similarity, push = definitions.field(points, points)
    np.testing.assert_allclose(force, push, atol=1e-5 * max(1, np.abs(push).max()))
    np.testing.assert_allclose(total, similarity.sum() - n, rtol=1e-4, atol=1e-4)


def test_points_that_have_moved_since_the_division_are_seen_where_they_are(random, pool):
    points = clumped(random, 2000, 2)
    repulsion = Repulsion(np.ascontiguousarray(points.T, np.float32), THETA, pool)
    for _ in range(30):
        points += random.normal(scale=1, size=points.shape)
        repulsion.update(np.ascontiguousarray(points.T, np.float32))
    _, push = definitions.field(points, points)
    assert np.linalg.norm(repulsion.force.T - push) < 0.02 * np.linalg.norm(push)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_bits_do_not_depend_on_threads(random, d):
    points = clumped(random, 5000, d)
    results = []
    for jobs in (1, 2):
        with Pool(jobs) as pool:
            results.append(field_of(points, THETA, pool))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
