"""The claims the prose makes, each with the band it must stay in, checked on every run."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Band:
    """Where a number must lie, and the runs over which that was measured.

    Attributes
    ----------
    low, high : float
        The band, both ends included.
    seeds : int
        Of the runs that it was measured on.
    numerics : int
        Numerical codes, each of which adds up in an order of its own, that it was measured with.
    lowest, mean, highest : float
        What those runs gave.
    sentence : str or None
        What the claim says of this data set, where that differs.
    """

    low: float
    high: float
    seeds: int
    numerics: int
    lowest: float
    mean: float
    highest: float
    sentence: str | None = None

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class Claim:
    """One sentence about one recorded number.

    Attributes
    ----------
    id : str
        The name under which a notebook records the number.
    notebook : str
        That notebook, without its ending.
    sentence : str
        The claim, as prose about MNIST.
    bands : mapping of str to Band
        By name of the data set; on others the claim is unverified.
    found : str or None
        For claims that the report opens with: the same for any data, with ``{value}`` in it.
    """

    id: str
    notebook: str
    sentence: str
    bands: Mapping[str, Band]
    found: str | None = None


@dataclass(frozen=True)
class Verdict:
    """A claim beside the number a run gave.

    Attributes
    ----------
    claim : Claim
    band : Band or None
        The claim's band for the data of the run.
    value : float or None
        The number; None if the run did not give one.
    """

    claim: Claim
    band: Band | None
    value: float | None

    @property
    def state(self) -> str:
        """``"held"``, ``"broken"`` or, where no band is known, ``"unverified"``."""
        if self.band is None:
            return "unverified"
        return "held" if self.value is not None and self.value in self.band else "broken"

    @property
    def sentence(self) -> str:
        """The claim in words, those for this data set where it has its own."""
        return (self.band and self.band.sentence) or self.claim.sentence

    @property
    def finding(self) -> str | None:
        """What this run found, in words, where the claim is one that the report opens with."""
        if self.value is None or self.claim.found is None:
            return None
        return self.claim.found.format(value=self.value)

    def __str__(self) -> str:
        where = "no band for this run" if self.band is None else f"in {self.band}"
        return f"{self.state:10} {self.claim.id} {where}: {self.sentence}"


@functools.cache
def load_claims() -> tuple[Claim, ...]:
    """Read ``claims.toml``.

    Returns
    -------
    tuple of Claim
        In the file's order.
    """
    text = resources.files("mnist_clust").joinpath("claims.toml").read_text(encoding="utf-8")
    return tuple(_parse(name, entry) for name, entry in tomllib.loads(text).items())


def _parse(name: str, entry: dict[str, object]) -> Claim:
    bands = {data: _parse_band(band) for data, band in entry.items() if isinstance(band, dict)}
    found = entry.get("found")
    return Claim(
        name,
        str(entry["notebook"]),
        str(entry["sentence"]),
        bands,
        None if found is None else str(found),
    )


def _parse_band(entry: dict[str, Any]) -> Band:
    low, high = entry["band"]
    lowest, mean, highest = entry["measured"]
    return Band(
        low, high, entry["seeds"], entry["numerics"], lowest, mean, highest, entry.get("sentence")
    )


def check_claims(
    numbers: Mapping[str, float | None], notebook: str, data: str | None
) -> tuple[Verdict, ...]:
    """Hold what a notebook recorded against its claims.

    Parameters
    ----------
    numbers : mapping of str to float
        What was recorded. A number that is missing or NaN breaks its claim.
    notebook : str
        Name of the notebook, without its ending.
    data : str or None
        Name of the data set; None if the run was not one that bands were measured for.

    Returns
    -------
    tuple of Verdict
        One for each claim of the notebook.
    """
    verdicts = []
    for claim in load_claims():
        if claim.notebook == notebook:
            value = numbers.get(claim.id)
            known = None if value is None or math.isnan(value) else float(value)
            band = None if data is None else claim.bands.get(data)
            verdicts.append(Verdict(claim, band, known))
    return tuple(verdicts)
