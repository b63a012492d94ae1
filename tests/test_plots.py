"""Each figure draws on labelled, unlabelled, tiny and odd data, and says what it shows."""

import inspect
import itertools
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from bench_tsne import speed_by_size
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from sklearn.cluster import KMeans

from mnist_clust import plots, scores
from mnist_clust.claims import published_results
from mnist_clust.experiments.steps import STEPS, Trial, compare_variants
from mnist_clust.plots.style import PALETTE, SHEET, class_colors, cluster_colors, shrink
from mnist_clust.scores import UNNAMED

RNG = np.random.default_rng(0)


def figures(images, labels):
    """Every figure of the package, on one data set."""
    rows = images.reshape(len(images), -1).astype(np.float32) / 255
    model = KMeans(5, n_init=1, random_state=0).fit(rows)
    n = len(images)
    flat = RNG.normal(size=(n, 2)).astype("f4")
    groups = np.array(["A", "B", "C"])[np.arange(n) % 3]
    means = np.stack([images[model.labels_ == c].mean(axis=0) for c in range(5)])
    medoids = images[:5]
    return {
        "frames": plots.small_maps({f"iteration {i}": flat for i in (1, 50, 100, 250)}, labels),
        "plane": plots.small_maps({"plane": flat, "map": flat}, labels, columns=2),
        "gaps": plots.small_maps({"data": flat, "map": flat}, groups, legend="group"),
        "drawn": plots.map_of_images(images, flat, labels),
        "kept": plots.bars(
            pd.DataFrame({"plane": (0.1, 0.6), "map": (0.4, 0.3)}).T.set_axis(["a", "b"], axis=1),
            xlabel="share kept",
        ),
        "medoids": plots.cluster_gallery({"mean": means, "medoid": medoids}, model.labels_),
        "gallery": plots.gallery(images[:13], ["caption"] * 13, note="note"),
        "empty gallery": plots.gallery(images[:0], []),
        "sheet": plots.contact_sheet(images[:33]),
        "moved": plots.gallery(images[:3], ["a", "b", "c"], columns=3),
        **({} if labels is None else figures_of_labels(images, labels, model.labels_)),
        **later_figures(images, labels, flat, model.labels_),
    }


def figures_of_labels(images, labels, clusters):
    confusion = scores.confusion_by_majority(labels, clusters, 5)
    return {
        "two tables": plots.confusion_heatmaps({"before": confusion, "after": confusion}),
        "confusion": plots.confusion_heatmaps({"test digits": confusion}),
        "confused": plots.confused_pairs(images, labels, clusters),
    }


def later_figures(images, labels, flat, clusters):
    """Those of notebooks 07 to 09."""
    n = len(images)
    tried = [
        (variant, [Trial(np.arange(n), clusters.astype(np.int32), 0.5, 5)] * 2) for variant in STEPS
    ]
    settings = pd.DataFrame({"n_clusters": [10, 11], "accuracy": [0.9, np.nan]}, index=["a", "b"])
    return {
        "exaggerated": plots.small_maps({f"by {by}": flat for by in range(4)}, labels, columns=4),
        "normalised": plots.gallery(images[:10], columns=5, rows=["as written", "after"]),
        "variants": plots.sensitivity(compare_variants(tried, labels), STEPS[-1].name),
        "sensitivity": plots.sensitivity(settings),
        "published": plots.sensitivity(published_results()[["accuracy"]], ["DEC", "DDC"]),
    }


@pytest.fixture(scope="module", params=["labelled", "unlabelled", "two odd classes", "tiny"])
def drawn(request, sample):
    images, labels = sample.train_images[::20], sample.train_labels[::20]
    if request.param == "unlabelled":
        return figures(images, None)
    if request.param == "two odd classes":
        return figures(images, (labels > 4) * 1000 - 7)
    if request.param == "tiny":
        return figures(RNG.integers(0, 255, (50, 1, 3), dtype=np.uint8), None)
    return figures(images, labels)


def test_every_figure_has_a_title_and_draws(drawn):
    for name, figure in drawn.items():
        assert isinstance(figure, Figure), name
        assert len(figure.get_suptitle()) > 8, name
        figure.canvas.draw()
        assert figure.get_size_inches()[0] <= 10, f"{name} is too wide to be read at half its width"


def test_titles_come_from_the_notebook_and_else_assert_nothing(sample):
    images = sample.train_images[:50]
    for name in (name for name, plot in vars(plots).items() if callable(plot)):
        title = inspect.signature(getattr(plots, name)).parameters["title"]
        assert title.kind is title.KEYWORD_ONLY, name
        assert not re.search(r"\d", title.default), f"{name} tells a number without data"
    assert plots.contact_sheet(images, title="A finding").get_suptitle() == "A finding"
    long = "A finding that is longer than the figure is wide, and so stands in more lines than one"
    assert plots.contact_sheet(images, title=long).get_suptitle().count("\n") == 1


def test_every_chart_labels_its_axes(sample):
    drawn = figures(sample.train_images[::20], sample.train_labels[::20])
    for name in ("confusion", "two tables"):
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
    figure = speed_by_size(times, 2)
    figure.canvas.draw()
    assert figure.get_suptitle() == "10,000 points in 3-D: 20 s, and 10 min with openTSNE"
    [axes] = figure.axes
    ours, theirs, others = axes.texts
    assert (ours.get_text(), theirs.get_text()) == ("this engine, 3-D", "openTSNE, 3-D")
    assert ours.xyann[1] < theirs.xyann[1] < others.xyann[1], "20 s and 22 s are close"


def test_the_readers_own_style_is_left_alone(sample):
    before = dict(mpl.rcParams)
    plots.contact_sheet(sample.train_images[:50])
    assert dict(mpl.rcParams) == before


def test_large_images_are_averaged_for_a_map_and_small_ones_left():
    images = np.random.default_rng(0).integers(0, 256, (9, 100, 512), dtype=np.uint8)
    small = shrink(images, 56)
    assert small.shape == (9, 10, 52)
    assert small[0, 0, 0] == pytest.approx(images[0, :10, :10].mean(), abs=1)
    digits = images[:, :28, :28]
    np.testing.assert_array_equal(shrink(digits, 56), digits)


def test_notebooks_own_figures_take_the_same_look():
    with mpl.style.context("mnist_clust.plots.digits"):
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == PALETTE
    assert SHEET.name == "digits.mplstyle"


# What people without green or red cones see, in linear light (Machado et al. 2009).
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]


def oklab(linear):
    """Björn Ottosson's Oklab, in which equal distances look about equally far."""
    cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    opponents = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.cbrt(linear @ np.transpose(cones)) @ np.transpose(opponents)


@pytest.mark.parametrize(
    ("seen_as", "ten", "twenty"),
    [(np.eye(3), 20, 13.5), (DEUTERANOPIA, 13.5, 6), (PROTANOPIA, 13.5, 6)],
    ids=["all cones", "deuteranopia", "protanopia"],
)
def test_colors_are_told_apart_by_all(seen_as, ten, twenty):
    colors = np.array([to_rgb(color) for color in PALETTE])
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    lab = 100 * oklab(np.clip(linear @ np.transpose(seen_as), 0, 1))
    for n, least in ((10, ten), (20, twenty)):
        distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(lab[:n], 2)]
        assert min(distances) > least


def test_a_digit_has_its_color_whatever_else_is_there():
    assert [to_hex(color) for color in class_colors([3, 9])] == [PALETTE[3], PALETTE[9]]
    odd = class_colors([993, -7, 993])  # no digits: by order
    assert [to_hex(color) for color in odd] == [PALETTE[1], PALETTE[0], PALETTE[1]]
    assert to_hex(class_colors(["b"], ["a", "b"])[0]) == PALETTE[1]


def test_a_cluster_has_the_color_of_its_digit_and_twins_have_shades():
    colors = [to_hex(color) for color in cluster_colors(np.array([7, 2, 7, UNNAMED]), 4)]
    assert colors[:2] == [PALETTE[7], PALETTE[2]]
    assert len(set(colors)) == 4
    assert not {colors[2], colors[3]} & set(PALETTE)
    assert len({to_hex(color) for color in cluster_colors(None, 20)}) == 20
    letters = cluster_colors(np.array([66, 65]), 2, classes=[65, 66])
    assert [to_hex(color) for color in letters] == [PALETTE[1], PALETTE[0]]
