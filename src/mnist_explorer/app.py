"""The page: what Streamlit runs, from top to bottom, at each change."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from matplotlib import colormaps
from matplotlib.colors import to_hex
from streamlit.delta_generator import DeltaGenerator

from mnist_clust.data import UNLABELLED, DataError, Digits, known_only, load_digits
from mnist_clust.plots.style import ACCENT, MUTED, RAMP, WARN, class_colors, cluster_colors
from mnist_explorer import components, photos, pictures
from mnist_explorer.components import Colors
from mnist_explorer.results import COUNTS, KINDS, PIXELS, SHARP, Atlas, Clustering, Say

METRICS, SELECTION, MISTAKES, NEW, OWN = (
    "Metrics", "Selection", "Mistakes", "New digits", "Your own data",
)  # fmt: skip
CSS = Path(__file__).with_name("web") / "page.css"
A_PAGE = 60  # images of a gallery
NEIGHBORS = 6  # shown, in one row
EDGES = np.array([-0.2, 0, 0.2, 0.4, 0.6, 0.8])  # of the silhouette's colours
SURE = 0.7  # of the nearest neighbours in one cluster; fewer is a doubt
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
    st.html(CSS)
    digits = st.session_state.get("own") or load(source)
    atlas = open_atlas(digits.digest, digits)
    st.title("Every digit behind its point", anchor=False)
    try:
        kind, dimensions, color, n_clusters = controls(digits)
    except OverflowError:  # ?digit=inf, which Streamlit lets through to its own conversion
        st.error("The address asks for an image that cannot be: take `digit` out of it.")
        st.stop()
    left, right = st.container(key="screen").columns([3, 2], gap="medium")
    strip = left.container(key="strip").empty()
    stage = left.container(key="stage")
    progress = stage.container(key="progress").empty()
    panel = right.container(key="panel")
    about = panel.container(key="detail")
    for notice in digits.notices:
        st.warning(notice)

    def say(step: str, share: float) -> None:
        progress.progress(share, f"{step} …")

    try:
        shown = atlas.clustering(kind, dimensions, n_clusters, say)
    except ValueError as error:  # images that cannot be told apart, say
        progress.empty()
        with panel:
            st.error(str(error))
            own_data(digits)  # the way back
        st.stop()
    index: int | None = st.session_state["digit"]
    with about:  # before the map: what a click asked for comes first
        silhouette = detail(digits, shown, index)
    summarise(strip, digits, shown, "…")
    sheets, size = atlas.sheets()
    chosen = selected_of(shown)
    with stage:
        components.draw_map(
            shown, size, colors_of(shown, color),
            f"{digits.digest[:8]} {'sharp' if kind == SHARP else 'plain'} {dimensions}",
            clicked=lambda: choose(components.chosen_on_map()), selected=select,
        )  # fmt: skip
        if len(chosen):
            selection_bar(digits, shown, chosen)
        placed = place_new(atlas, kind, dimensions, n_clusters, say)
        mark(digits, shown, index, placed)
        components.put_sheets(sheets, size[0])
    with about:
        neighbors(atlas, shown, index, say)
    found = atlas.model(say).n_clusters_ if kind == SHARP and dimensions == 2 else None
    tabs = panel.tabs(
        [METRICS, SELECTION, MISTAKES, NEW, OWN], key="tab", on_change="rerun",
        bind="query-params",
    )  # fmt: skip
    shows: list[Callable[[], None]] = [
        lambda: metrics(digits, shown, kind, found),
        lambda: selection(digits, shown, chosen),
        lambda: mistakes(digits, shown),
        lambda: new_digits(digits, shown, placed),
        lambda: own_data(digits),
    ]
    for tab, show in zip(tabs, shows, strict=True):
        if tab.open:
            with tab:
                show()
    # Last, for a new clustering takes seconds to measure.
    summarise(strip, digits, shown, f"{shown.silhouettes.mean():.3f}")
    if silhouette is not None:
        silhouette.metric("silhouette", f"{shown.silhouettes[index]:.2f}")
    progress.empty()


@st.cache_resource(show_spinner="Loading the digits …")
def load(source: str) -> Digits:
    """Load the data set named on the command line, once for all visitors."""
    digits = pictures.all_in_order(load_digits(source))
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
    with st.container(horizontal=True, gap="medium", key="controls"):
        kind = st.radio(
            "Clusters of", KINDS, key="map", horizontal=True,
            bind="query-params",
            help="Plain map: t-SNE of the pixels. Sharp map: t-SNE of oriented gradients, its "
            "clusters drawn together. Raw pixels: KMeans on the pixels, shown on the plain map.",
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
            bind="query-params", help="Of the images shown, from 0. A click sets it, too.",
        )  # fmt: skip
    return kind, 3 if space == "3-D" else 2, color, n_clusters


def summarise(strip: DeltaGenerator, digits: Digits, shown: Clustering, silhouette: str) -> None:
    """Say in a line what is shown and how good it is."""
    name = "your own data" if "own" in st.session_state else digits.name
    parts = [f"{name}: {len(shown.clusters):,} images"]
    if shown.labels is not None and shown.right is not None:
        parts.append(f"accuracy **{known_only(shown.labels, shown.right)[1].mean():.2%}**")
    parts += [f"silhouette **{silhouette}**", f"k **{shown.n_clusters}**"]
    strip.markdown(" · ".join(parts))


def colors_of(shown: Clustering, color: str) -> Colors:
    """Group the points by what the colours shall show."""
    codes: npt.NDArray[np.integer]
    if color == "silhouette":
        ends = ["below −0.2", *(f"{edge:.1f} …".replace("-", "−") for edge in EDGES)]
        return Colors(
            color,
            np.digitize(shown.silhouettes, EDGES),
            ends,
            as_hex(colormaps[RAMP](np.linspace(0, 0.95, len(ends)))),
        )
    if color == "correctness" and shown.labels is not None and shown.right is not None:
        unknown = shown.labels == UNLABELLED
        codes = np.where(unknown, 2, ~shown.right).astype(np.uint8)
        n = 3 if unknown.any() else 2
        shades = [ACCENT, WARN, MUTED]
        return Colors(color, codes, ["right", "wrong", "no label"][:n], shades[:n])
    if color == "digit" and shown.labels is not None:
        classes, codes = np.unique(shown.labels, return_inverse=True)
        shades = as_hex(class_colors(classes, known_only(shown.labels)[0]))
        if classes[0] == UNLABELLED:
            shades[0] = MUTED
        return Colors(color, codes, [str(value) for value in classes], shades)
    order = np.argsort(shown.letters)  # of the legend
    shades = cluster_shades(shown)
    codes = np.argsort(order)[shown.clusters]
    return Colors(color, codes, [shown.titles[i] for i in order], [shades[i] for i in order])


def cluster_shades(shown: Clustering) -> list[str]:
    """Colour each cluster like the digit it stands for."""
    classes = None if shown.labels is None else known_only(shown.labels)[0]
    return as_hex(cluster_colors(shown.names, shown.n_clusters, classes))


def as_hex(shades: npt.NDArray[np.floating]) -> list[str]:
    """Write colours as the browser reads them."""
    return [to_hex(shade) for shade in shades]


def choose(index: int | None) -> None:
    """Make a digit the chosen one, if there is such a digit."""
    if index is not None and index >= 0:
        st.session_state["digit"] = index


def select() -> None:
    """Keep a selection."""
    st.session_state["selected"] = components.selected_on_map()


def selected_of(shown: Clustering) -> npt.NDArray[np.int64]:
    """Return the indices selected, of images that there are."""
    chosen = st.session_state.get("selected", np.array([], np.int64))
    return np.asarray(chosen[(chosen >= 0) & (chosen < len(shown.clusters))], np.int64)


def selection_bar(digits: Digits, shown: Clustering, chosen: npt.NDArray[np.int64]) -> None:
    """Say at the map how many are selected, and what can be done with them."""
    state = st.session_state
    with st.container(horizontal=True, key="chosen", gap="small", vertical_alignment="center"):
        st.markdown(f"**{len(chosen):,}** selected", width="content")
        st.button("View", key="view", on_click=lambda: state.update(tab=SELECTION))
        st.download_button(
            "CSV", lambda: table_of(digits, shown, chosen), "digits.csv", "text/csv",
            on_click="ignore",
        )  # fmt: skip
        st.button("Clear", key="clear", on_click=lambda: state.pop("selected", None))


def table_of(digits: Digits, shown: Clustering, chosen: npt.NDArray[np.int64]) -> bytes:
    """Write down all that is known of some images, as CSV."""
    columns: dict[str, object] = {"index": digits.train_index[chosen]}
    if digits.files:
        columns["file"] = np.array(digits.files, object)[chosen]
    if digits.split is not None and digits.name != "sample":
        columns["held_out"] = np.isin(chosen, digits.split[1])
    columns["cluster"] = shown.clusters[chosen]
    if shown.labels is not None:
        columns["label"] = shown.labels[chosen]
    columns["silhouette"] = shown.silhouettes[chosen].round(4)
    columns |= dict(zip("xyz", shown.embedding[chosen].T, strict=False))
    text = pd.DataFrame(columns).to_csv(index=False)
    return bytes(text.encode(errors="surrogateescape"))  # a file's name need not be text


def words(digits: Digits, shown: Clustering, index: int) -> str:
    """Tell of an image what is known without a wait."""
    told = f"Image {index}"
    if shown.labels is not None:
        told += f", digit {shown.label_of(index)}"
    return f"{told}, cluster {shown.titles[shown.clusters[index]]}"


def detail(digits: Digits, shown: Clustering, index: int | None) -> DeltaGenerator | None:
    """Show the chosen digit, large; return where its silhouette belongs."""
    if index is None:
        st.write("Click a point of the map, or give an image number: the digit is shown here.")
        return None
    with st.container(horizontal=True):
        large = pictures.shown(digits.train_images[index], 140)
        st.image(large, words(digits, shown, index), output_format="PNG")
        st.metric("cluster", shown.titles[shown.clusters[index]], width="content")
        st.metric("digit", shown.label_of(index), width="content")
        return st.empty()


def neighbors(atlas: Atlas, shown: Clustering, index: int | None, say: Say) -> None:
    """Show the images most alike to the chosen one."""
    if index is None:
        return
    near = atlas.neighbors(say)[index, :NEIGHBORS]
    st.caption("Nearest neighbours, by the 50 components of their pixels")
    images = atlas.digits.train_images[near]
    components.draw_gallery(images, near, short(shown, near), "neighbors", choose)


def short(shown: Clustering, indices: npt.NDArray[np.integer]) -> list[str]:
    """Caption images by digit and cluster."""
    clusters = [shown.titles[cluster] for cluster in shown.clusters[indices]]
    if shown.labels is None:
        return clusters
    labels = map(shown.label_of, indices.tolist())
    return [f"{label} in {name[0]}" for label, name in zip(labels, clusters, strict=True)]


def mark(digits: Digits, shown: Clustering, index: int | None, placed: pd.Series | None) -> None:
    """Mark the chosen digit on the map, and a new one."""
    place, selected = None, len(selected_of(shown)) > 0
    if placed is not None:
        point = placed[["x", "y"]].to_numpy(float)
        place = components.in_frame(point, shown.embedding).tolist()
    if index is None:
        components.draw_mark(-1, "No digit chosen yet.", None, place, selected=selected)
        return
    picture = pictures.as_url(255 - digits.train_images[index])
    components.draw_mark(index, words(digits, shown, index), picture, place, selected=selected)


def selection(digits: Digits, shown: Clustering, chosen: npt.NDArray[np.int64]) -> None:
    """Show the digits in the lasso or box."""
    if not len(chosen):
        st.write("Draw a lasso or a box on the map: the digits inside are shown here.")
        return
    st.write(f"{len(chosen):,} digits selected.")
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


def metrics(digits: Digits, shown: Clustering, kind: str, found: int | None) -> None:
    """Show the scores, the number of clusters found, their sizes and the confusion."""
    with st.container(horizontal=True, gap="small"):
        for name, value in shown.metrics.items():
            text = f"{100 * value:.2f}%" if "accuracy" in name else f"{value:.3f}"
            st.metric(SHORT.get(name, name), text, width="content")
    where = ", the silhouette of raw pixels on the plain map" if kind == PIXELS else ""
    st.caption(
        "Accuracy: each cluster stands for its most frequent digit, or each digit for one cluster. "
        "AMI and ARI: adjusted mutual information and adjusted Rand index. All scores are of the "
        f"images shown{where}."
    )
    if found is not None:
        st.caption(f"The map itself finds {found} clusters.")
    st.download_button(
        "CSV of all images", lambda: table_of(digits, shown, np.arange(len(shown.clusters))),
        "clusters.csv", "text/csv", on_click="ignore", key="table",
    )  # fmt: skip
    order, shades = np.argsort(shown.letters), cluster_shades(shown)
    bars = go.Figure(layout={"title": "Images in each cluster", "height": 300})
    bars.add_bar(
        x=[shown.titles[i] for i in order], y=shown.sizes[order], text=shown.sizes[order],
        marker_color=[shades[i] for i in order],
    )  # fmt: skip
    bars.update_xaxes(title="cluster: the digit it stands for", type="category")
    st.plotly_chart(bars, key="sizes", config={"displayModeBar": False})
    if shown.confusion is None:
        st.info("These images carry no labels, so there is no accuracy and no confusion.")
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
    st.plotly_chart(heat, key="confusion", config={"displayModeBar": False})


def mistakes(digits: Digits, shown: Clustering) -> None:
    """Show the digits in clusters that stand for another digit."""
    if shown.labels is None:
        st.info("These images carry no labels, so nobody can say which are mistaken.")
        return
    table = shown.mistakes
    classes = [EVERY, *(str(value) for value in np.unique(known_only(shown.labels)[0]))]
    letters = [EVERY, *shown.letters]
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
    result = st.container()
    st.write("Draw a digit,")
    components.draw_paper(lambda url: take(lambda: photos.read_drawing(url), digits.image_shape))
    st.file_uploader(
            "or upload a photo of one (PNG, JPEG, HEIC).", ["png", "jpg", "jpeg", "heic", "heif"],
            key="upload", max_upload_size=photos.PHOTOS.n_bytes // 1024**2,
            on_change=lambda: uploaded_image(digits.image_shape),
        )  # fmt: skip
    with result:
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
        "A zip of PNG or JPEG pictures (with a folder for each class, if they have labels), an "
        "`.npz` with `images` (and `labels`), an `.npy`, a table of pixels (`.csv`, `.parquet`), a "
        "`.mat`, or an IDX file; a folder is opened with `make explore DATA=FOLDER`. All images "
        "are shown, in your order. They stay on this machine, and shared addresses do not carry "
        "them."
    )
    st.number_input(
        "Side in pixels, for pictures of several sizes", 2, 256, None, key="size", width=330
    )
    st.file_uploader(
        "Images of your own", key="data_file", on_change=uploaded_data,
        max_upload_size=pictures.MAX_FILE_BYTES // 1024**2,
    )  # fmt: skip
    if "own_error" in st.session_state:
        st.error(st.session_state["own_error"])
    if "own" in st.session_state:
        st.success(f"Shown now: your own {len(digits.train_images):,} images.")
        st.button("Back to the digits", key="back", on_click=lambda: show_data(None))


def uploaded_data() -> None:
    """Turn to the data set that was just uploaded, or keep why not."""
    file = st.session_state["data_file"]
    st.session_state.pop("own_error", None)
    if file is None:
        return
    try:
        size = st.session_state.get("size")
        show_data(pictures.read_data(file.getvalue(), file.name, size))
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
