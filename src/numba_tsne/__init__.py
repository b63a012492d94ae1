"""t-SNE: a map of many points in one, two or three dimensions, made in seconds on two cores.

What it does
------------
Points with hundreds of coordinates are to be drawn on paper so that each keeps its neighbours.
t-SNE (van der Maaten and Hinton 2008) turns both sides into probabilities. In the data, the pair
of points ``i`` and ``j`` has the affinity ``p_ij``, large for near neighbours and zero for all
others. On the map, it has the similarity ``q_ij = w_ij / Z`` with ``w_ij = 1 / (1 + |y_i -
y_j|²)`` and ``Z`` the sum of ``w`` over all pairs. The map is moved until the two agree, that is,
until their Kullback-Leibler divergence ``sum p log(p / q)`` is small. Its gradient at one point is
a tug of war::

    sum over j of  p_ij w_ij (y_i - y_j)   towards the neighbours: attraction
                 - w_ij² (y_i - y_j) / Z   away from everybody:    repulsion

(times four, which the learning rate absorbs). ``w`` falls off slowly, so points that are not
neighbours need not be at their true distance; they are free to be far away. That is why clusters
come apart, and why distances between clusters mean little.

How it is done
--------------
Data flows one way through the modules:

1. `exact`, `cells` and `neighbors`. The nearest neighbours of each point. Blocks of squared
   distances come out of matrix products, and nearly all are dismissed by one comparison. For
   very many points, and for new ones, only the nearest cells of the data are looked through.
   Where rounding may have hidden a neighbour, a tree finds it in double precision.
2. `affinities`. Each point weighs its neighbours by a Gaussian, whose width is chosen such that
   there are, in effect, ``perplexity`` neighbours, few where data are sparse and dense alike; or it
   weighs ``n_neighbors`` of them equally, which makes nearly the same map with fewer edges (Böhm,
   Berens and Kobak 2022). Weights are averaged over both directions.
3. `tree` and `repulsion`. All pairs of 60,000 points are 3.6 billion, 750 times over. From afar,
   a group of points is as good as one heavy point (Barnes and Hut 1986; for t-SNE: van der Maaten
   2014). A k-d tree supplies groups of all sizes. Instead of one walk over the tree for each point,
   there is one for each 60 neighbouring points, and it leaves a list that they all share. Summing
   a list is arithmetic without branches, eight or sixteen numbers at a time. Heavy points carry
   their spread besides their centre, which removes the bias of the approximation.
4. `optimizer`. Attraction is a sparse matrix times the map. Both forces make the gradient, and
   points move by it with momentum and a gain each (Jacobs 1988). In the first 250 iterations
   the attraction is twelve times stronger, so that neighbours find each other before the map
   spreads; the learning rate is the number of points divided by that factor (Belkina et al. 2019),
   and `start` begins at the first principal components (Kobak and Berens 2019), so that the large
   shape of the map means something. From time to time all points are renumbered in the
   order of the tree: what is close on the map is then close in memory.
5. `transform`. A new point starts at that one of its nearest neighbours on the map where its own
   divergence is lowest, and moves down from there, with the map at rest (Poličar, Stražar and
   Zupan 2023).

All the rest is in single precision. Sums are made in an order that does not depend on the number of
threads, so the same data and seed give the same bits on one core and on many.

Sharing work
------------
>>> from numba_tsne import TSNE, nearest_neighbors
>>> graph = nearest_neighbors(X, 90)                                      # doctest: +SKIP
>>> flat = TSNE(n_components=2).fit(X, neighbors=graph)                   # doctest: +SKIP
>>> solid = TSNE(n_components=3).fit(X, neighbors=graph)                  # doctest: +SKIP
>>> uniform = TSNE(n_neighbors=15).fit(X, neighbors=graph)                # doctest: +SKIP
>>> places = flat.transform(X_new)                                        # doctest: +SKIP
>>> flat.save("map.npz")                                                  # doctest: +SKIP
>>> again = TSNE.load("map.npz")                                          # doctest: +SKIP

References
----------
- J. Barnes and P. Hut, "A hierarchical O(N log N) force-calculation algorithm", Nature 324, 1986.
- R. A. Jacobs, "Increased rates of convergence through learning rate adaptation", Neural
  Networks 1, 1988.
- L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008.
- L. van der Maaten, "Accelerating t-SNE using Tree-Based Algorithms", JMLR 15, 2014.
- D. Kobak and P. Berens, "The art of using t-SNE for single-cell transcriptomics", Nature
  Communications 10, 2019.
- A. C. Belkina et al., "Automated optimized parameters for T-distributed stochastic neighbor
  embedding improve visualization and analysis of large datasets", Nature Communications 10, 2019.
- J. N. Böhm, P. Berens and D. Kobak, "Attraction-Repulsion Spectrum in Neighbor Embeddings",
  JMLR 23, 2022.
- P. G. Poličar, M. Stražar and B. Zupan, "Embedding to reference t-SNE space addresses batch
  effects in single-cell classification", Machine Learning 112, 2023; and "openTSNE: A Modular
  Python Library for t-SNE Dimensionality Reduction and Embedding", Journal of Statistical
  Software 109, 2024.
"""

from numba_tsne.estimator import TSNE
from numba_tsne.graph import NeighborGraph
from numba_tsne.memory import estimate_memory
from numba_tsne.neighbors import nearest_neighbors
from numba_tsne.optimizer import Progress

__all__ = ["TSNE", "NeighborGraph", "Progress", "estimate_memory", "nearest_neighbors"]
