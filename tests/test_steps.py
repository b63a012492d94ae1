from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits as small_digits

from mnist_clust.experiments import steps
from mnist_clust.experiments.steps import Trial
from mnist_clust.pipeline import ImageClusterer


@pytest.fixture(scope="module")
def small():
    digits = small_digits()
    return (digits.images[:400] * 15).astype(np.uint8), digits.target[:400]


@pytest.mark.parametrize("variant", steps.STEPS + steps.OTHERS, ids=lambda v: v.name)
def test_every_variant_describes_images_of_any_size(small, variant):
    rows = variant.rows(small[0])
    assert rows.dtype == np.float32
    assert rows.shape == (400, min(variant.n_components, rows.shape[1]))
    assert np.isfinite(rows).all()


def test_steps_add_one_thing_each_and_names_are_different():
    for before, after in zip(steps.STEPS, steps.STEPS[1:], strict=False):
        changed = {key for key, value in vars(after).items() if getattr(before, key) != value}
        changed -= {"name"}
        assert len(changed) == 1, (before.name, after.name, changed)
    names = [variant.name for variant in steps.STEPS + steps.OTHERS]
    assert len(set(names)) == len(names)
    for other in steps.OTHERS:
        assert other != replace(steps.SHARP, name=other.name), f"{other.name} changes nothing"


@pytest.fixture(scope="module")
def trials(small):
    return steps.try_variants(small[0], steps.STEPS[2:3], n_trials=2, seed=3)[0]


def test_trials_draw_samples_of_their_own_and_repeat_to_the_bit(small, trials):
    assert [len(trial.members) for trial in trials] == [320, 320]
    assert len(np.intersect1d(trials[0].members, trials[1].members)) < 300
    beside = steps.try_variants(small[0], steps.STEPS[1:3], n_trials=1, seed=3)
    again = beside[1][0]
    np.testing.assert_array_equal(again.clusters, trials[0].clusters)
    for trial in trials:
        assert trial.n_clusters == trial.clusters.max() + 1
        assert -1 <= trial.silhouette <= 1


def test_the_table_tells_what_was_found_and_labels_only_score(small, trials):
    given = [(steps.STEPS[2], trials)]
    table = steps.compare_variants(given, small[1])
    row = table.loc[steps.STEPS[2].name]
    assert row.silhouette == np.mean([trial.silhouette for trial in trials])
    assert row.n_clusters == tuple(trial.n_clusters for trial in trials)
    assert 0.5 < row.accuracy <= 1
    unlabelled = steps.compare_variants(given, None).loc[row.name]
    assert np.isnan(unlabelled.accuracy)
    assert unlabelled.silhouette == row.silhouette


def test_agreement_compares_shared_images_whatever_clusters_are_called():
    first = Trial(np.arange(6), np.array([0, 0, 1, 1, 2, 2]), 0.5, 3)
    renamed = Trial(np.arange(2, 8), np.array([0, 0, 1, 1, 2, 2]), 0.5, 3)
    assert steps.agreement([first, renamed]) == 1
    mixed = Trial(np.arange(6), np.array([0, 1, 0, 1, 0, 1]), 0.5, 2)
    assert steps.agreement([first, mixed]) < 0.1


def test_a_silhouette_is_had_for_each_possible_count():
    points = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    assert list(steps.silhouette_curve(points).index) == [2, 3, 4], "of nine points"


def test_data_without_clusters_show_none():
    rows = np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32)
    curve = steps.control_curve(rows)
    assert list(curve.index) == list(range(2, 21))
    assert curve.max() < 0.5, curve


def test_the_chosen_variant_is_the_pipeline(small):
    """Its recipe stands once: what is tried in notebook 08 is what `ImageClusterer` does."""
    model = ImageClusterer().fit(small[0])
    rows = steps.SHARP.rows(small[0])
    np.testing.assert_array_equal(rows, model.rows_)
    np.testing.assert_array_equal(steps.SHARP.embed(rows, 0), model.embedding_)
