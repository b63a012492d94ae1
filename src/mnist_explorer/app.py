"""The page: what Streamlit runs, from top to bottom, at each change."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from matplotlib.colors import to_hex
from streamlit.delta_generator import DeltaGenerator

from mnist_clust.data import UNLABELLED, DataError, Digits, load_digits
from mnist_clust.plots.style import ACCENT, PALETTE, WARN
from mnist_explorer import components, photos, pictures
from mnist_explorer.results import COUNTS, KINDS, PIXELS, SHARP, Atlas, Clustering, Say

SELECTION, METRICS, MISTAKES, NEW, OWN = (
    "Selection", "Metrics", "Mistakes", "New digits", "Your own data",
)  # fmt: skip
A_PAGE = 60  # images of a gallery
EDGES = np.array([-0.2, 0, 0.2, 0.4, 0.6, 0.8])  # of the silhouette's colours
HEAT = ["#bd1f01", "#e76300", "#ffa90e", "#b9ac70", "#92dadd", "#3f90da", "#2a5fa5"]
SURE = 0.7  # of the nearest neighbours in one cluster; fewer is a doubt
NONE = "#8a8a8a"  # the colour of what has no label
EVERY = "all"
SHORT = {"adjusted mutual information": "AMI", "adjusted Rand index": "ARI"}


def main(source: str) -> None:
    """Show the page.

    Parameters
    ----------
    source : str
        What `load_digits` takes, given on the command line and nowhere else.
    """
    st.set_page_config("mnist-clust explorer", layout="wide")
    digits = st.session_state.get("own") or load(source)
    atlas = open_atlas(digits.digest, digits)
    st.html("<style>.stMainBlockContainer {padding-top: 3.75rem}</style>")
    st.header("Every digit behind its point", anchor=False)
    for notice in digits.notices:
        st.warning(notice)
    try:
        kind, dimensions, color, n_clusters = controls(digits)
    except OverflowError:  # ?digit=inf, which Streamlit lets through to its own conversion
        st.error("The address asks for an image that cannot be: take `digit` out of it.")
        st.stop()
    figure = st.container()
    progress = st.empty()  # below the map, which would jump when it goes

    def say(step: str, share: float) -> None:
        progress.progress(share, f"{step} …")

    try:
        shown = atlas.clustering(kind, dimensions, n_clusters, say)
    except ValueError as error:  # images that cannot be told apart, say
        progress.empty()
        st.error(str(error))
        own_data(digits)  # the way back
        st.stop()
    index: int | None = st.session_state["digit"]
    with st.sidebar:  # before the map: what a click asked for comes first
        silhouette = detail(digits, shown, index)
    with figure:
        components.draw_map(
            shown.embedding,
            colors_of(shown, color),
            f"{digits.digest[:8]} {'sharp' if kind == SHARP else 'plain'} {dimensions}",
            clicked=lambda: choose(components.chosen_on_map()),
            selected=select,
        )
    placed = place_new(atlas, kind, dimensions, n_clusters, say)
    mark(digits, shown, index, placed)
    with st.sidebar:
        neighbors(atlas, shown, index, say)
    found = atlas.model(say).n_clusters_ if kind == SHARP and dimensions == 2 else None
    tabs = st.tabs(
        [SELECTION, METRICS, MISTAKES, NEW, OWN], key="tab", on_change="rerun",
        bind="query-params",
    )  # fmt: skip
    shows: list[Callable[[], None]] = [
        lambda: selection(digits, shown),
        lambda: metrics(shown, kind, found),
        lambda: mistakes(digits, shown),
        lambda: new_digits(digits, shown, placed),
        lambda: own_data(digits),
    ]
    for tab, show in zip(tabs, shows, strict=True):
        if tab.open:
            with tab:
                show()
    if silhouette is not None:  # last, for a new clustering takes seconds to measure
        silhouette.metric("silhouette", f"{shown.silhouettes[index]:.2f}")
    progress.empty()


@st.cache_resource(show_spinner="Loading the digits …")
def load(source: str) -> Digits:
    """Load the data set named on the command line, once for all visitors."""
    digits = load_digits(source)
    gc.freeze()  # Streamlit looks through all objects after each run: not through the libraries'
    return digits


@st.cache_resource(max_entries=2, show_spinner=False)
def open_atlas(digest: str, _digits: Digits) -> Atlas:
    """Keep what was made of a data set; of the third one on, the oldest goes."""
    return Atlas(_digits)


def controls(digits: Digits) -> tuple[str, int, str, int]:
    """Ask which map, in how many dimensions, coloured by what, in how many clusters."""
    colors = ["cluster", "silhouette"]
    if digits.train_labels is not None:
        colors = ["cluster", "digit", "correctness", "silhouette"]
    with st.container(horizontal=True, gap="medium"):
        kind = st.radio(
            "Clusters of", KINDS, key="map", horizontal=True,
            bind="query-params",
            help="Plain map: t-SNE of the pixels. Sharpened map: t-SNE of oriented gradients, its "
            "groups drawn together. Raw pixels: KMeans on the pixels, shown on the plain map.",
        )  # fmt: skip
        space = st.radio(
            "Dimensions", ["2-D", "3-D"], key="dimensions", horizontal=True, bind="query-params"
        )
        color = st.radio("Colour", colors, key="color", horizontal=True, bind="query-params")
        last = len(digits.train_images) - 1
        most = min(COUNTS[-1], last)
        n_clusters = st.slider(
            "Clusters (k)", COUNTS[0], most, min(10, most), key="k", bind="query-params"
        )
        if (st.session_state.get("digit") or 0) > last:  # a click on a larger map, just replaced
            st.session_state["digit"] = None
        st.number_input(
            "Image number", 0, last, None, key="digit",
            bind="query-params", help="Of the training images, from 0. A click sets it, too.",
        )  # fmt: skip
    return kind, 3 if space == "3-D" else 2, color, n_clusters


def colors_of(
    shown: Clustering, color: str
) -> tuple[str, npt.NDArray[np.integer], list[str], list[str]]:
    """Group the points by what the colours shall show."""
    palette = [to_hex(value) for value in PALETTE]
    codes: npt.NDArray[np.integer]
    if color == "silhouette":
        ends = ["below −0.2", *(f"{edge:.1f} …" for edge in EDGES)]
        return color, np.digitize(shown.silhouettes, EDGES), ends, HEAT
    if color == "correctness" and shown.labels is not None and shown.right is not None:
        unknown = shown.labels == UNLABELLED
        codes = np.where(unknown, 2, ~shown.right).astype(np.uint8)
        n = 3 if unknown.any() else 2
        return color, codes, ["right", "wrong", "no label"][:n], [ACCENT, WARN, NONE][:n]
    if color == "digit" and shown.labels is not None:
        classes, codes = np.unique(shown.labels, return_inverse=True)
        names = [str(value) for value in classes]
    else:
        codes, names = shown.clusters, shown.titles
    return color, codes, names, [palette[i % len(palette)] for i in range(len(names))]


def choose(index: int | None) -> None:
    """Make a digit the chosen one, if there is such a digit."""
    if index is not None and index >= 0:
        st.session_state["digit"] = index


def select() -> None:
    """Keep a selection and show it."""
    st.session_state["selected"] = components.selected_on_map()
    st.session_state["tab"] = SELECTION


def words(digits: Digits, shown: Clustering, index: int) -> str:
    """Tell of an image what is known without a wait."""
    told = f"Image {index}"
    if shown.labels is not None:
        told += f", digit {shown.labels[index]}"
    return f"{told}, cluster {shown.titles[shown.clusters[index]]}"


def detail(digits: Digits, shown: Clustering, index: int | None) -> DeltaGenerator | None:
    """Show the chosen digit, large; return where its silhouette belongs."""
    st.header("The digit", anchor=False)
    if index is None:
        st.write("Click a point of the map, or give an image number.")
        return None
    told = words(digits, shown, index)
    st.image(pictures.shown(digits.train_images[index]), told, output_format="PNG")
    left, middle, right = st.columns(3)
    left.metric("cluster", shown.titles[shown.clusters[index]])
    middle.metric("digit", "-" if shown.labels is None else str(shown.labels[index]))
    return right.empty()


def neighbors(atlas: Atlas, shown: Clustering, index: int | None, say: Say) -> None:
    """Show the images most alike to the chosen one."""
    if index is None:
        return
    near = atlas.neighbors(say)[index]
    st.subheader("Nearest neighbours", anchor=False, help="By the 50 components of its pixels.")
    images = atlas.digits.train_images[near]
    components.draw_gallery(images, near, short(shown, near), "neighbors", choose)


def short(shown: Clustering, indices: npt.NDArray[np.integer]) -> list[str]:
    """Caption images by digit and cluster."""
    clusters = [shown.titles[cluster] for cluster in shown.clusters[indices]]
    if shown.labels is None:
        return clusters
    labels = shown.labels[indices]
    return [f"{label} in {name[0]}" for label, name in zip(labels, clusters, strict=True)]


def mark(digits: Digits, shown: Clustering, index: int | None, placed: pd.Series | None) -> None:
    """Mark the chosen digit on the map, and a new one."""
    place = None
    if placed is not None:
        point = placed[["x", "y"]].to_numpy(float)
        place = components.in_frame(point, shown.embedding).tolist()
    if index is None:
        components.draw_mark(-1, "No digit chosen yet.", None, place)
        return
    picture = pictures.as_url(255 - digits.train_images[index])
    components.draw_mark(index, words(digits, shown, index), picture, place)


def selection(digits: Digits, shown: Clustering) -> None:
    """Show the digits in the lasso or box, and offer them as a table."""
    chosen = st.session_state.get("selected", np.array([], np.int64))
    chosen = chosen[(chosen >= 0) & (chosen < len(shown.clusters))]
    if not len(chosen):
        st.write("Draw a lasso or a box on the map: the digits inside are shown here.")
        return

    def table() -> bytes:
        columns = {"index": digits.train_index[chosen], "cluster": shown.clusters[chosen]}
        if shown.labels is not None:
            columns |= {"label": shown.labels[chosen]}
        columns |= {"silhouette": shown.silhouettes[chosen].round(4)}
        columns |= dict(zip("xyz", shown.embedding[chosen].T, strict=False))
        return bytes(pd.DataFrame(columns).to_csv(index=False), "utf-8")

    st.write(f"{len(chosen):,} digits selected.")
    st.download_button("Download as CSV", table, "digits.csv", "text/csv", on_click="ignore")
    sheet = chosen[turn_pages(len(chosen), "selected_page")]
    components.draw_gallery(
        digits.train_images[sheet], sheet, short(shown, sheet), "selection", choose
    )


def turn_pages(n: int, key: str) -> slice:
    """Ask for a page of a gallery of n images."""
    pages = max(1, -(-n // A_PAGE))
    page = 1
    if pages > 1:
        if st.session_state.get(key, 1) > pages:
            st.session_state[key] = pages
        page = st.number_input(f"Page, of {pages:,}", 1, pages, key=key, width=200)
    return slice((page - 1) * A_PAGE, page * A_PAGE)


def metrics(shown: Clustering, kind: str, found: int | None) -> None:
    """Show the scores, the number of clusters found, their sizes and the confusion."""
    with st.container(horizontal=True, gap="large"):
        for name, value in shown.metrics.items():
            text = f"{100 * value:.2f}%" if "accuracy" in name else f"{value:.3f}"
            st.metric(SHORT.get(name, name), text, width="content")
    where = ", the silhouette of raw pixels on the plain map" if kind == PIXELS else ""
    st.caption(
        "Accuracy: each cluster stands for its most frequent digit, or each digit for one cluster. "
        "AMI and ARI: adjusted mutual information and adjusted Rand index. All scores are of the "
        f"training images{where}."
    )
    if found is not None:
        st.caption(f"The map itself finds {found} clusters.")
    left, right = st.columns(2)
    palette = [to_hex(value) for value in PALETTE]
    bars = go.Figure(layout={"title": "Images in each cluster", "height": 380})
    bars.add_bar(
        x=shown.titles, y=shown.sizes, marker_color=(palette * 2)[: shown.n_clusters],
        text=shown.sizes,
    )  # fmt: skip
    bars.update_xaxes(title="cluster: the digit it stands for", type="category")
    left.plotly_chart(bars, key="sizes", config={"displayModeBar": False})
    if shown.confusion is None:
        right.info("These images carry no labels, so there is no accuracy and no confusion.")
        return
    counts = shown.confusion
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    heat = go.Figure(layout={"title": "True digit against named digit, %", "height": 380})
    heat.add_heatmap(
        z=100 * shares, x=counts.columns.astype(str), y=counts.index.astype(str), zmin=0, zmax=100,
        colorscale="Blues", texttemplate="%{z:.0f}", showscale=False, customdata=counts,
        hovertemplate="true %{y}, named %{x}: %{customdata:,}<extra></extra>",
    )  # fmt: skip
    heat.update_xaxes(title="digit that the cluster stands for", type="category")
    heat.update_yaxes(title="true digit", type="category", autorange="reversed")
    right.plotly_chart(heat, key="confusion", config={"displayModeBar": False})


def mistakes(digits: Digits, shown: Clustering) -> None:
    """Show the digits in clusters that stand for another digit."""
    if shown.labels is None:
        st.info("These images carry no labels, so nobody can say which are mistaken.")
        return
    table = shown.mistakes
    classes = [EVERY, *(str(value) for value in np.unique(shown.labels))]
    letters = [EVERY, *(title[0] for title in shown.titles)]
    with st.container(horizontal=True):
        truth = st.selectbox("True digit", classes, key="truth", bind="query-params", width=160)
        letter = st.selectbox(
            "In cluster", letters, key="cluster", bind="query-params", width=160,
            format_func=lambda value: value if value == EVERY
            else shown.titles[letters.index(value) - 1],
        )  # fmt: skip
        if truth != EVERY:
            table = table[table.label == int(truth)]
        if letter != EVERY:
            table = table[table.cluster == letters.index(letter) - 1]
        part = table.iloc[turn_pages(len(table), "mistakes_page")]
    st.write(f"{len(table):,} mistakes, the deepest inside another digit's cluster first.")
    if len(part):
        indices = part.index.to_numpy()
        captions = [f"{row.label} → {row.named}" for row in part.itertuples()]
        components.draw_gallery(digits.train_images[indices], indices, captions, "wrong", choose)


def take(read: Callable[[], npt.NDArray[np.uint8]], shape: tuple[int, int]) -> None:
    """Take a new picture, and turn to the map that places it; or keep why not."""
    st.session_state.pop("new", None)
    st.session_state.pop("new_error", None)
    try:
        st.session_state["new"] = photos.cut_digit(read(), shape)
    except DataError as error:
        st.session_state["new_error"] = str(error)
        return
    st.session_state["map"], st.session_state["dimensions"] = SHARP, "2-D"


def place_new(
    atlas: Atlas, kind: str, dimensions: int, n_clusters: int, say: Say
) -> pd.Series | None:
    """Place the new digit, if there is one and the map shown is the one that places."""
    cut = st.session_state.get("new")
    if cut is None or cut.digit.shape != atlas.digits.image_shape:
        return None
    image = cut.digit
    if kind != SHARP or dimensions != 2:
        return None
    state, key = st.session_state, (atlas.digits.digest, image.tobytes(), n_clusters)
    if state.get("new_key") != key:
        places, near, unlike = atlas.place(image[None], n_clusters, say)
        state["new_key"], state["new_place"] = key, places.iloc[0].copy()
        state["new_near"], state["new_unlike"] = near[0], unlike
    return state["new_place"]


def new_digits(digits: Digits, shown: Clustering, placed: pd.Series | None) -> None:
    """Ask for a new digit, and say where it landed."""
    left, middle, right = st.columns([2, 2, 3])
    with left:
        st.write("Draw a digit,")
        components.draw_paper(
            lambda url: take(lambda: photos.read_drawing(url), digits.image_shape)
        )
    with middle:
        st.file_uploader(
            "or upload a photo of one (PNG, JPEG, HEIC).", ["png", "jpg", "jpeg", "heic", "heif"],
            key="upload", max_upload_size=photos.MAX_PHOTO_BYTES // 1024**2,
            on_change=lambda: uploaded_image(digits.image_shape),
        )  # fmt: skip
    with right:
        if "new_error" in st.session_state:
            st.error(st.session_state["new_error"])
        elif placed is not None:
            landed(digits, shown, placed)
        elif "new" in st.session_state:
            st.info(f"New digits are placed on the {SHARP} in 2-D: choose it above.")


def uploaded_image(shape: tuple[int, int]) -> None:
    """Take the image that was just uploaded."""
    file = st.session_state["upload"]
    if file is not None:
        take(lambda: photos.read_photo(file.getvalue()), shape)


def landed(digits: Digits, shown: Clustering, placed: pd.Series) -> None:
    """Say where the new digit landed and how sure that is."""
    cut, unlike = st.session_state["new"], st.session_state["new_unlike"]
    with st.container(horizontal=True, key="cut"):
        for step, picture in (("picture", cut.picture), ("crop", cut.crop)):
            st.image(picture, step, width=112)
        st.image(pictures.shown(cut.digit, 112), "as the map sees it", output_format="PNG")
    if placed.confidence < SURE or unlike:
        st.warning("Not sure: this may be no digit. " + (unlike or ""))
    st.write(
        f"It lands in cluster **{shown.titles[int(placed.cluster)]}**, at the cross on the map: "
        f"{placed.confidence:.0%} of its nearest neighbours are of that cluster."
    )
    near = st.session_state["new_near"]
    st.write("The digits nearest to that place:")
    components.draw_gallery(digits.train_images[near], near, short(shown, near), "near", choose)


def own_data(digits: Digits) -> None:
    """Ask for a file of images to explore instead."""
    st.write(
        "A file that `load_digits` takes: an `.npz` with `images` (and `labels`), an `.npy`, a "
        "table of pixels (`.csv`, `.parquet`), a `.mat`, or an IDX file; a folder of pictures is "
        "opened with `make explore DATA=FOLDER`. It stays on this machine, and shared addresses do "
        "not carry it."
    )
    st.file_uploader(
        "Images of your own", key="data_file", on_change=uploaded_data,
        max_upload_size=pictures.MAX_FILE_BYTES // 1024**2,
    )  # fmt: skip
    if "own_error" in st.session_state:
        st.error(st.session_state["own_error"])
    if "own" in st.session_state:
        st.success(f"Shown now: your own {len(digits.train_images):,} images.")
        st.button("Back to the digits", on_click=lambda: show_data(None))


def uploaded_data() -> None:
    """Turn to the data set that was just uploaded, or keep why not."""
    file = st.session_state["data_file"]
    st.session_state.pop("own_error", None)
    if file is None:
        return
    try:
        show_data(pictures.read_data(file.getvalue(), file.name))
    except DataError as error:
        st.session_state["own_error"] = str(error)


def show_data(digits: Digits | None) -> None:
    """Turn to another data set; what was chosen of the last one goes."""
    for key in ("own", "selected", "new", "new_error", "color", "k"):
        st.session_state.pop(key, None)
    st.session_state["digit"] = None  # without it, the address would choose its image again
    if digits is not None:
        st.session_state["own"] = digits


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "auto")
