"""One function a figure; each returns a Matplotlib Figure and touches nothing else."""

from mnist_clust.plots.charts import bars as bars
from mnist_clust.plots.charts import sensitivity as sensitivity
from mnist_clust.plots.clusters import confused_pairs as confused_pairs
from mnist_clust.plots.clusters import confusion_heatmaps as confusion_heatmaps
from mnist_clust.plots.density import density_map as density_map
from mnist_clust.plots.images import cluster_gallery as cluster_gallery
from mnist_clust.plots.images import contact_sheet as contact_sheet
from mnist_clust.plots.images import gallery as gallery
from mnist_clust.plots.maps import map_of_images as map_of_images
from mnist_clust.plots.maps import small_maps as small_maps
from mnist_clust.plots.style import SHEET as SHEET
