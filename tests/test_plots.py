"""Each figure draws on labelled, unlabelled, tiny and odd data, and says what it shows."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from mnist_clust import plots, repeats, scores
from mnist_clust.cluster import (
    compare_counts,
    find_medoids,
    fit_counts,
    fit_kmeans,
    margin,
    name_by_majority,
)
from mnist_clust.features import OrientedGradients
from mnist_clust.plots.style import shrink
from mnist_clust.published import published_results
from mnist_clust.repeats import Clustering
from mnist_clust.silhouettes import map_silhouettes
from mnist_clust.variants import STEPS, Trial, compare_variants

RNG = np.random.default_rng(0)


def figures(images, labels, test_labels):
    """Every figure of the package, on one data set."""
    rows = images.reshape(len(images), -1).astype(np.float32) / 255
    model = fit_kmeans(rows, 5, n_init=1)
    names = None if labels is None else name_by_majority(model.labels_, labels, 5)
    confusion = None if labels is None else scores.confusion(labels, model.labels_, names)
    models = fit_counts(rows, range(2, 12))
    curves = compare_counts(rows, models)
    accuracies = scores.accuracy_by_count(models, labels, rows, labels)
    shape = images.shape[1:]
    n = len(images)
    flat, solid = RNG.normal(size=(n, 2)).astype("f4"), RNG.normal(size=(n, 3)).astype("f4")
    on_map = fit_kmeans(flat, 5, n_init=1)
    pairs = scores.pair_confusion(confusion)
    named = model.labels_ if names is None else names[model.labels_]
    margins = margin(flat, on_map.labels_, on_map.cluster_centers_)
    table = (
        None
        if labels is None
        else pd.DataFrame({"by majority": [0.5, 0.6], "one-to-one": [0.4, 0.5]}, index=["a", "b"])
    )
    return {
        "frames": plots.map_frames({1: flat, 50: flat, 100: flat}, labels),
        "perplexity": plots.perplexity_comparison({5: flat, 30: flat}, labels),
        "plane": plots.plane_and_map(flat, flat, labels),
        "drawn": plots.map_of_images(images, flat, labels),
        "space": plots.map_in_space(solid, labels),
        "kept": plots.what_is_kept({"plane": (0.1, 0.6), "map": (0.4, 0.3)}),
        "gaps": plots.neighbor_embedding(flat, flat, np.arange(n) % 3),
        "borders": plots.clusters_on_map(flat, on_map, labels),
        "bars": plots.accuracy_bars(table, 0.82),
        "two tables": plots.confusion_pair(confusion, confusion, ("before", "after")),
        "medoids": plots.means_and_medoids(
            images, model.labels_, find_medoids(rows, model.labels_, 5), names
        ),
        "counts on map": plots.counts_on_map(curves, curves, curves),
        "pairs": plots.pair_changes(pairs, pairs.iloc[::-1]),
        "bands": plots.silhouette_by_cluster(
            map_silhouettes(flat, on_map.labels_), on_map.labels_, names
        ),
        "makeup": plots.cluster_makeup(labels, model.labels_, names),
        "gallery": plots.gallery(images[:13], ["caption"] * 13, "A gallery of some", note="note"),
        "empty gallery": plots.gallery(images[:0], [], "A gallery of none"),
        "confused": plots.confused_pairs(images, labels, named, pairs),
        "margins": plots.margins_right_and_wrong(
            margins, None if labels is None else named == labels
        ),
        "grid": plots.digit_grid(images, labels),
        "counts": plots.class_counts(labels, test_labels),
        "pixels": plots.pixel_statistics(images),
        "flat": plots.flattening(images[0], RNG.permutation(rows.shape[1])),
        "moved": plots.shifted_neighbors(images[:3], [0, 1, 2], ["a", "b", "c"]),
        "pca": plots.pca_glance(rows[:, :2], labels, np.array([0.5, 0.3, 0.2])),
        "centroids": plots.centroids(model.cluster_centers_, shape, model.labels_, names, labels),
        "confusion": plots.confusion_heatmap(confusion, "Who is who"),
        "alike": plots.look_alikes(images, labels, model.labels_),
        "elbow": plots.elbow(curves.inertia, None),
        "indices": plots.cluster_count_criteria(curves),
        "knee": plots.knee_against_range(pd.Series({10: 5, 11: 6})),
        "accuracy": plots.accuracy_against_count(accuracies),
        **later_figures(images, labels, flat, model.labels_),
    }


def later_figures(images, labels, flat, clusters):
    """Those of notebooks 07 to 09."""
    n = len(images)
    some = {"new digits": RNG.random(20), "noise": 2 + RNG.random(9)}
    tried = [
        (variant, [Trial(np.arange(n), clusters.astype(np.int32), 0.5, 5)] * 2) for variant in STEPS
    ]
    runs = [Clustering(clusters, np.empty(0, int), 5, pd.Series({5: 0.4, 6: 0.3}))] * 3
    scored = repeats.accuracies(runs, labels, None)
    curve = pd.Series([0.3, 0.5, 0.4], index=[2, 3, 4])
    row = OrientedGradients().transform(images[:1])[0]
    by_perplexity = scored.set_index(pd.Index([5, 30, 30])).assign(found=[9, 10, 11])
    return {
        "new_digits": plots.new_digits_on_map(
            flat, flat[:30], None if labels is None else labels[:30]
        ),
        "moves": plots.displacements(RNG.random(n), RNG.random(30)),
        "confidence": plots.calibration(
            np.linspace(0.1, 1, n), None if labels is None else labels == labels[0]
        ),
        "unfamiliar": plots.unfamiliar_on_map(flat, {"noise": flat[:9]}, {"noise": images[:9]}),
        "strangeness": plots.strangeness({"in components": some, "in pixels": some}),
        "exaggerated": plots.exaggerated_maps({1.0: flat, 2.5: flat}, labels),
        "normalised": plots.normalised_images({"as written": images[:5], "after": images[:5]}),
        "gradients": plots.oriented_gradients(images[0], row),
        "variants": plots.variants_compared(compare_variants(tried, labels), STEPS[-1].name),
        "peak": plots.silhouette_peak({"plain": curve, "sharp": curve}),
        "published": plots.beside_published(
            published_results(),
            scores.score_clustering((labels, clusters), (labels, clusters), 5),
        ),
        "seeds": plots.scores_by_seed({"one": scored, "two": scored}, {"one": 0.6}),
        "found": plots.counts_found({"plain": [9, 11, 11], "sharp": [10, 10, 10]}),
        "by perplexity": plots.by_perplexity(by_perplexity),
    }


@pytest.fixture(scope="module", params=["labelled", "unlabelled", "two odd classes", "tiny"])
def drawn(request, sample):
    images, labels = sample.train_images[::20], sample.train_labels[::20]
    if request.param == "unlabelled":
        return figures(images, None, None)
    if request.param == "two odd classes":
        return figures(images, (labels > 4) * 1000 - 7, labels[:3])
    if request.param == "tiny":
        return figures(RNG.integers(0, 255, (50, 1, 3), dtype=np.uint8), None, None)
    return figures(images, labels, labels)


def test_every_figure_has_a_title_and_draws(drawn):
    for name, figure in drawn.items():
        assert isinstance(figure, Figure), name
        assert len(figure.get_suptitle()) > 8, name
        figure.canvas.draw()


def test_every_chart_labels_its_axes(sample):
    drawn = figures(sample.train_images[::20], sample.train_labels[::20], sample.test_labels)
    for name in ("counts", "pca", "elbow", "indices", "knee", "accuracy", "confusion"):
        for axes in drawn[name].axes:
            if axes.get_label() == "<colorbar>":
                continue
            assert axes.get_xlabel(), name
            assert axes.get_ylabel() or axes.get_title(loc="left"), name


def test_speed_is_drawn_for_every_engine_with_labels_apart():
    seconds = {"mnist_clust": (1, 20), "openTSNE": (30, 600), "umap-learn": (2, 22)}
    times = pd.DataFrame(
        [
            (engine, "3-D", points, float(taken), engine == "openTSNE")
            for engine, pair in seconds.items()
            for points, taken in zip((1000, 10_000), pair, strict=True)
        ],
        columns=["engine", "task", "points", "seconds", "extrapolated"],
    )
    figure = plots.speed_by_size(times, 2)
    figure.canvas.draw()
    assert figure.get_suptitle() == "10,000 points in 3-D: 20 s, and 10 min with openTSNE"
    [axes] = figure.axes
    ours, theirs, others = axes.texts
    assert (ours.get_text(), theirs.get_text()) == ("this engine, 3-D", "openTSNE, 3-D")
    assert ours.xyann[1] < theirs.xyann[1] < others.xyann[1], "20 s and 22 s are close"


def test_the_readers_own_style_is_left_alone(sample):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.pixel_statistics(sample.train_images[:50])
    assert dict(mpl.rcParams) == before


def test_missing_labels_are_said_in_the_figure(sample):
    figure = plots.class_counts(None, None)
    assert any("carry no labels" in text.get_text() for text in figure.texts)


def test_large_images_are_averaged_for_a_map_and_small_ones_left():
    images = np.random.default_rng(0).integers(0, 256, (9, 100, 512), dtype=np.uint8)
    small = shrink(images, 56)
    assert small.shape == (9, 10, 52)
    assert small[0, 0, 0] == pytest.approx(images[0, :10, :10].mean(), abs=1)
    digits = images[:, :28, :28]
    np.testing.assert_array_equal(shrink(digits, 56), digits)
