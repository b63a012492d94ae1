import numpy as np

from mnist_clust.islands import agreement
from mnist_clust.student import predict_in_parts, train_student
from numba_tsne import nearest_neighbors


def two_clusters():
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (400, 5)).astype(np.float32)
    rows[200:, 0] += 20
    return rows, np.repeat([0, 1], 200)


def test_agreement_counts_neighbours_of_the_same_cluster():
    rows, clusters = two_clusters()
    graph = nearest_neighbors(rows, 10)
    assert agreement(clusters, graph).min() == 1
    alternating = np.arange(400) % 2
    expected = (alternating[graph.indices] == alternating[:, None]).sum(axis=1) / 10
    np.testing.assert_allclose(agreement(alternating, graph), expected)


def test_the_student_corrects_a_teacher_who_hesitates():
    rows, truth = two_clusters()
    clusters = truth.copy()
    clusters[:5] = 1  # among neighbours of the other cluster
    student = train_student(rows, clusters, nearest_neighbors(rows, 10))
    np.testing.assert_array_equal(
        predict_in_parts(student, np.tile(rows, (6, 1))), np.tile(truth, 6)
    )


def test_no_cluster_is_forgotten_though_none_is_sure():
    rows, clusters = two_clusters()
    clusters[:3] = 2  # three points cannot have ten neighbours of their own
    student = train_student(rows, clusters, nearest_neighbors(rows, 10))
    assert set(student.classes_) == {0, 1, 2}


def test_of_one_cluster_there_is_nothing_to_learn():
    rows, clusters = two_clusters()
    student = train_student(rows, np.zeros_like(clusters), nearest_neighbors(rows, 10))
    assert not predict_in_parts(student, rows).any()
