"""One function a figure; each returns a Matplotlib Figure and touches nothing else."""

from mnist_clust.plots.benchmark import speed_by_size
from mnist_clust.plots.clusters import centroids, confusion_heatmap, look_alikes
from mnist_clust.plots.counts import (
    accuracy_against_count,
    cluster_count_criteria,
    elbow,
    knee_against_range,
)
from mnist_clust.plots.luck import by_perplexity, counts_found, scores_by_seed
from mnist_clust.plots.map_clusters import (
    accuracy_bars,
    clusters_on_map,
    confusion_pair,
    counts_on_map,
    means_and_medoids,
    pair_changes,
)
from mnist_clust.plots.maps import (
    map_frames,
    map_in_space,
    map_of_images,
    neighbor_embedding,
    perplexity_comparison,
    plane_and_map,
    what_is_kept,
)
from mnist_clust.plots.mistakes import (
    cluster_makeup,
    confused_pairs,
    contact_sheet,
    gallery,
    margins_right_and_wrong,
    silhouette_by_cluster,
)
from mnist_clust.plots.new_digits import (
    calibration,
    displacements,
    new_digits_on_map,
    strangeness,
    unfamiliar_on_map,
)
from mnist_clust.plots.pixels import (
    class_counts,
    digit_grid,
    flattening,
    pca_glance,
    pixel_statistics,
    shifted_neighbors,
)
from mnist_clust.plots.sharpening import (
    beside_published,
    exaggerated_maps,
    normalised_images,
    oriented_gradients,
    silhouette_peak,
    variants_compared,
)

__all__ = [
    "accuracy_against_count",
    "accuracy_bars",
    "beside_published",
    "by_perplexity",
    "calibration",
    "centroids",
    "class_counts",
    "cluster_count_criteria",
    "cluster_makeup",
    "clusters_on_map",
    "confused_pairs",
    "confusion_heatmap",
    "confusion_pair",
    "contact_sheet",
    "counts_found",
    "counts_on_map",
    "digit_grid",
    "displacements",
    "elbow",
    "exaggerated_maps",
    "flattening",
    "gallery",
    "knee_against_range",
    "look_alikes",
    "map_frames",
    "map_in_space",
    "map_of_images",
    "margins_right_and_wrong",
    "means_and_medoids",
    "neighbor_embedding",
    "new_digits_on_map",
    "normalised_images",
    "oriented_gradients",
    "pair_changes",
    "pca_glance",
    "perplexity_comparison",
    "pixel_statistics",
    "plane_and_map",
    "scores_by_seed",
    "shifted_neighbors",
    "silhouette_by_cluster",
    "silhouette_peak",
    "speed_by_size",
    "strangeness",
    "unfamiliar_on_map",
    "variants_compared",
    "what_is_kept",
]
