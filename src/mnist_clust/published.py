"""What others have published on MNIST without labels, to compare with."""

from __future__ import annotations

import pandas as pd

_RESULTS = [
    # name, accuracy, images it was fitted to, source
    ("DEC", 0.863, "train and test", "Xie, Girshick and Farhadi, ICML 2016"),
    ("DDC", 0.965, "train and test", "Ren, Wang, Li and Xu, Knowledge-Based Systems 2020"),
    ("N2D", 0.979, "train and test", "McConville et al., ICPR 2020"),
    ("IIC, mean of runs", 0.984, "train and test", "Ji, Henriques and Vedaldi, ICCV 2019"),
    ("ADEC", 0.986, "train and test", "Mrabah et al., IEEE TKDE 2022"),
    ("IIC, best run", 0.992, "train and test", "Ji, Henriques and Vedaldi, ICCV 2019"),
]
COLUMNS = ["name", "accuracy", "fitted to", "source"]


def published_results() -> pd.DataFrame:
    """Return published accuracies with ten clusters, matched one-to-one with the digits.

    Returns
    -------
    DataFrame
        Indexed by ``name``; columns ``accuracy``, ``fitted to`` and ``source``. What was fitted
        to train and test digits together was also scored on them: its test digits were not
        unseen.
    """
    return pd.DataFrame(_RESULTS, columns=COLUMNS).set_index("name")
