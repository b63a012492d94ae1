"""What others have published on MNIST without labels, to compare with."""

from __future__ import annotations

import pandas as pd

_RESULTS = [
    # name, accuracy, how the number of clusters was come by, source
    ("DEC", 0.843, "given", "Xie, Girshick and Farhadi, ICML 2016"),
    ("DDC", 0.965, "found", "Ren, Wang, Li and Xu, Knowledge-Based Systems 2020"),
    ("N2D", 0.979, "given", "McConville et al., ICPR 2020"),
    ("IMSAT", 0.984, "given", "Hu et al., ICML 2017"),
    ("IIC, mean of sub-heads", 0.984, "given", "Ji, Henriques and Vedaldi, ICCV 2019"),
    ("ADEC", 0.986, "given", "Mrabah et al., IEEE TKDE 2022"),
    ("IIC, sub-head of lowest loss", 0.992, "given", "Ji, Henriques and Vedaldi, ICCV 2019"),
]


def published_results() -> pd.DataFrame:
    """Return published accuracies, clusters matched one-to-one with the digits.

    Returns
    -------
    DataFrame
        Indexed by ``name``; columns ``accuracy``, ``clusters`` (whether ten was given or found)
        and ``source``. All were fitted to the 70,000 train and test digits together and scored on
        them: their test digits were not unseen. The figures are quoted, not run again.
    """
    columns = ["name", "accuracy", "clusters", "source"]
    return pd.DataFrame(_RESULTS, columns=columns).set_index("name")
