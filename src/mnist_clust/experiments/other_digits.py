"""Notebook 10: the pipeline as it stands on other digits, on no digits, and with other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import delayed
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

from mnist_clust import scores
from mnist_clust.cache import cached, fit
from mnist_clust.components import Components
from mnist_clust.data import Images, Labels
from mnist_clust.features import Deskew, NormalizeSize, OrientedGradients, describe
from mnist_clust.islands import SMALLEST_CLUSTER, find_clusters, second_view
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.silhouettes import map_silhouettes
from numba_tsne import TSNE, nearest_neighbors
from numba_tsne._parallel import side_by_side

Rows = npt.NDArray[np.float32]
Labelled = tuple[Images, Labels | None]
FONTS = ("Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "Serif", "Serif-Bold", "Serif-Italic")


def no_digits(n: int = 3_000, *, seed: int = 0) -> dict[str, Labelled]:
    """Make images that are no digits: printed letters, and patches of two photographs.

    Returns
    -------
    dict of str to (images, labels)
        Letters carry their place in the alphabet; patches the number of their photograph.
    """
    rng = np.random.default_rng(seed)
    letters = rng.integers(26, size=n)
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # the same on every machine
    fonts = [str(folder / f"DejaVu{name}.ttf") for name in FONTS]
    printed = [_print(chr(65 + letter), fonts, rng) for letter in letters]
    photographs = [photo.mean(axis=2) for photo in load_sample_images().images]
    origin = rng.integers(len(photographs), size=n)
    patches = [_cut(photographs[number], rng) for number in origin]
    return {
        "printed letters": (np.stack(printed), letters),
        "patches of photographs": (np.stack(patches), origin),
    }


def _print(letter: str, fonts: list[str], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    picture = Image.new("L", (56, 56))
    font = ImageFont.truetype(fonts[rng.integers(len(fonts))], int(rng.integers(30, 42)))
    ImageDraw.Draw(picture).text((28, 28), letter, 255, font, anchor="mm")
    turned = picture.rotate(float(rng.normal(0, 6)), Image.Resampling.BILINEAR)
    return np.asarray(turned.resize((28, 28), Image.Resampling.BOX))


def _cut(photograph: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    y, x = (rng.integers(size - 28) for size in photograph.shape)
    return photograph[y : y + 28, x : x + 28].astype(np.uint8)


def try_sets(sets: Mapping[str, Labelled]) -> pd.DataFrame:
    """Run the pipeline, no setting changed, on several data sets.

    Returns
    -------
    DataFrame
        A row a data set: ``images``, ``classes``, ``n_clusters`` found, accuracy ``one_to_one``
        and by ``majority``, ``silhouette``, the lowest share of links that a cluster keeps inside
        (``kept``) and the highest that a merged island did (``merged``).
    """
    rows = side_by_side(delayed(_try_set)(*labelled) for labelled in sets.values())
    return pd.DataFrame(rows, index=pd.Index(list(sets), name="digits"))


@cached
def _try_set(images: Images, labels: Labels | None) -> dict[str, float]:
    model = fit(ImageClusterer(), images)  # kept: the notebook draws some of them
    return _judge(model.embedding_, model.labels_, model.islands_, labels)


def _judge(
    embedding: Rows, clusters: npt.NDArray[np.int32], islands: pd.DataFrame, labels: Labels | None
) -> dict[str, float]:
    n_clusters = int(clusters.max()) + 1
    kept = islands["joins"] == islands.index
    large = islands["size"] >= SMALLEST_CLUSTER * len(clusters)
    row = {
        "images": len(clusters),
        "classes": np.nan if labels is None else len(np.unique(labels)),
        "n_clusters": n_clusters,
        "one_to_one": np.nan,
        "majority": np.nan,
        "silhouette": float(map_silhouettes(embedding, clusters).mean()),
        "kept": islands["share"][kept].min(),
        "merged": islands["share"][large & ~kept].max(),
    }
    if labels is not None:
        table = scores.score_clustering((labels, clusters), (None, clusters), n_clusters).train
        row |= {"one_to_one": table[scores.ONE_TO_ONE], "majority": table[scores.MAJORITY]}
    return row


# --- the constants that people chose -------------------------------------------------------------

_SIZE, _GRADIENTS, _PIPELINE = NormalizeSize(), OrientedGradients(), ImageClusterer()


@dataclass(frozen=True)
class Settings:
    """What was chosen by people; lengths are in pixels of a 28×28 image."""

    down: float = _SIZE.down
    across: float = _SIZE.across
    most: float = _SIZE.most
    blur: float = _GRADIENTS.blur
    spacing: float = _GRADIENTS.spacing
    n_orientations: int = _GRADIENTS.n_orientations
    n_neighbors: int = _PIPELINE.n_neighbors
    exaggeration: float = _PIPELINE.exaggeration
    n_components: int = _PIPELINE.n_components


def other_settings(n_random: int = 30, *, seed: int = 0) -> dict[str, Settings]:
    """List the chosen settings, each a quarter down, a third up, and all at once at random."""
    chosen = Settings()
    settings = {"chosen": chosen}
    for field in fields(chosen):
        for factor in (0.75, 1.33):
            value = type(getattr(chosen, field.name))(getattr(chosen, field.name) * factor)
            settings[f"{field.name} {value:.3g}"] = replace(chosen, **{field.name: value})
    rng = np.random.default_rng(seed)
    for number in range(n_random):
        factors = np.exp(rng.uniform(-np.log(1.33), np.log(1.33), len(fields(chosen))))
        drawn = {
            name: type(value)(value * factor)
            for (name, value), factor in zip(asdict(chosen).items(), factors, strict=True)
        }
        settings[f"random {number + 1}"] = Settings(**drawn)
    return settings


@cached
def try_settings(
    images: Images, labels: Labels | None, settings: Mapping[str, Settings]
) -> pd.DataFrame:
    """Cluster images with each of several settings; columns as from `try_sets`."""
    pixels = second_view(images, 15)
    upright = Deskew().transform(images)

    def once(chosen: Settings) -> dict[str, float]:
        steps = (
            NormalizeSize(chosen.down, chosen.across, chosen.most),
            OrientedGradients(chosen.n_orientations, chosen.blur, chosen.spacing),
        )
        rows = Components(chosen.n_components).fit_transform(describe(upright, steps))
        near = nearest_neighbors(rows, chosen.n_neighbors)
        tsne = TSNE(
            n_neighbors=chosen.n_neighbors, exaggeration=chosen.exaggeration, random_state=0
        )
        embedding = tsne.fit_transform(rows, neighbors=near)
        return _judge(embedding, *find_clusters(embedding, near, pixels), labels)

    found = side_by_side(delayed(once)(each) for each in settings.values())
    return pd.DataFrame(found, index=pd.Index(list(settings), name="settings"))
