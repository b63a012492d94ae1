"""Scores against hand counts and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    completeness_score,
    homogeneity_score,
)

from mnist_clust import scores
from mnist_clust.data import UNLABELLED
from mnist_clust.scores import UNNAMED, name_by_majority, name_one_to_one

LABELS = np.array([4, 4, 4, 7, 7, 7, 9, 9])
CLUSTERS = np.array([0, 0, 1, 1, 1, 0, 2, 2])


def test_images_that_nobody_labelled_change_no_score():
    labels = np.array([4, 4, 7, 7, 7, 4])
    clusters = np.array([0, 0, 1, 1, 0, 2])
    more_labels = np.concatenate([labels, [UNLABELLED] * 4])
    more = np.concatenate([clusters, [0, 1, 3, 3]])  # of cluster 3 no label is known
    for name in (name_by_majority, name_one_to_one):
        names = name(clusters, labels, 4)
        assert name(more, more_labels, 4).tolist() == names.tolist()
        assert scores.accuracy(labels, clusters, names) == scores.accuracy(more_labels, more, names)
    pd.testing.assert_frame_equal(
        scores.score_clustering((labels, clusters), (None, clusters), 4),
        scores.score_clustering((more_labels, more), (None, more), 4),
    )
    names = name_by_majority(clusters, labels, 4)
    pd.testing.assert_frame_equal(
        scores.confusion(labels, clusters, names), scores.confusion(more_labels, more, names)
    )
    mistakes = scores.find_mistakes(more_labels, names[more], np.zeros(10))
    assert mistakes.index.tolist() == [4]
    nobody = np.full(3, UNLABELLED)
    assert np.isnan(scores.accuracy(nobody, np.zeros(3, int), np.array([1])))


def test_accuracy_known_answer():
    assert scores.accuracy(LABELS, CLUSTERS, np.array([4, 7, 9])) == 6 / 8
    assert scores.accuracy(LABELS, CLUSTERS, np.array([4, 7, UNNAMED])) == 4 / 8


def test_table_names_clusters_on_the_training_part_alone():
    test_labels = np.array([7, 7, 7])  # in cluster 0, which training says is a 4
    table = scores.score_clustering((LABELS, CLUSTERS), (test_labels, np.array([0, 0, 0])), 3)
    assert table.test["accuracy, by majority"] == table.test["accuracy, one-to-one"] == 0
    assert table.train.to_dict() == pytest.approx(
        {
            "accuracy, by majority": 6 / 8,
            "accuracy, one-to-one": 6 / 8,
            "homogeneity": homogeneity_score(LABELS, CLUSTERS),
            "completeness": completeness_score(LABELS, CLUSTERS),
            "adjusted mutual information": adjusted_mutual_info_score(LABELS, CLUSTERS),
            "adjusted Rand index": adjusted_rand_score(LABELS, CLUSTERS),
        }
    )


def test_one_to_one_names_no_two_clusters_alike():
    table = scores.score_clustering((np.repeat(4, 8), CLUSTERS), (np.repeat(4, 8), CLUSTERS), 3)
    assert table.train.iloc[:2].tolist() == table.test.iloc[:2].tolist() == [1, 3 / 8]


def test_table_is_one_for_a_perfect_clustering():
    _, perfect = np.unique(LABELS, return_inverse=True)
    table = scores.score_clustering((LABELS, perfect), (LABELS, perfect), 3)
    np.testing.assert_allclose(table.to_numpy(), 1)


def test_without_labels_there_is_nothing_to_score():
    table = scores.score_clustering((None, CLUSTERS), (None, CLUSTERS), 3)
    assert list(table.columns) == ["train", "test"]
    assert table.empty
    assert table.dtypes.tolist() == [float, float]
    half = scores.score_clustering((LABELS, CLUSTERS), (None, CLUSTERS), 3)
    assert half.test.isna().all()
    assert half.test.dtype == float
    assert half.train.notna().all()


def test_confusion_counts_by_name():
    counts = scores.confusion(LABELS, CLUSTERS, np.array([4, 7, UNNAMED]))
    expected = pd.DataFrame([[2, 1, 0], [1, 2, 0], [0, 0, 0]], index=[4, 7, 9], columns=[4, 7, 9])
    pd.testing.assert_frame_equal(counts, expected, check_index_type=False, check_dtype=False)


def test_confusion_has_a_column_for_a_name_that_no_image_has():
    counts = scores.confusion([1, 1, 1], np.array([0, 1, 1]), np.array([0, 1, UNNAMED]))
    assert counts.index.tolist() == counts.columns.tolist() == [0, 1]
    assert counts.to_numpy().tolist() == [[0, 0], [1, 2]]


def test_pair_confusion_counts_both_ways():
    labels = [0] * 10 + [1] * 10 + [2] * 20
    named = [0] * 8 + [1] * 2 + [1] * 9 + [0] + [2] * 19 + [0]
    pairs = scores.pair_confusion(scores.confusion(labels, np.array(named), np.arange(3)))
    assert pairs.index.tolist() == [(0, 1), (0, 2), (1, 2)]
    assert pairs.tolist() == [3 / 20, 1 / 30, 0]


def test_pairs_as_confused_as_each_other_keep_their_order():
    counts = pd.DataFrame(np.zeros((10, 10), int))
    counts.loc[8, 9] = 1
    pairs = scores.pair_confusion(counts)
    assert pairs.index[0] == (8, 9)
    assert pairs.iloc[0] == 1
    assert pairs.index[1:].tolist() == [(a, b) for a in range(8) for b in range(a + 1, 10)]
    assert not pairs.iloc[1:].any(), "classes without images are not confused"


def test_mistakes_are_those_named_otherwise_the_deepest_first():
    table = scores.find_mistakes([1, 2, 3, 4], [1, 3, 3, 5], [0.9, 0.2, 0.8, 0.7])
    expected = pd.DataFrame({"label": [4, 2], "named": [5, 3], "margin": [0.7, 0.2]}, index=[3, 1])
    pd.testing.assert_frame_equal(table, expected)
    assert scores.find_mistakes(None, [1, 2], [0.1, 0.2]).empty
    alike = scores.find_mistakes([1] * 40, [2] * 40, [0.5, 0.6] * 20)
    assert alike.index.tolist() == [*range(1, 40, 2), *range(0, 40, 2)]


def test_confusion_by_majority_names_clusters_itself():
    labels, clusters = np.array([3, 3, 5, 5, 5]), np.array([1, 1, 0, 0, 1])
    table = scores.confusion_by_majority(labels, clusters, 2)
    pd.testing.assert_frame_equal(table, scores.confusion(labels, clusters, np.array([5, 3])))
