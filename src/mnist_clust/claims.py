"""What the prose claims of a run's numbers, and what became of it."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Band:
    """Where a number must lie, both ends included, and the runs over which that was measured."""

    low: float
    high: float
    seeds: int  # how many the runs had
    numerics: int  # numerical codes, each of which adds up in an order of its own
    lowest: float
    mean: float
    highest: float
    sentence: str | None = None  # what the claim says of this data set, where that differs

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class Claim:
    """One sentence about one recorded number; ``id`` is the name that a notebook records it by."""

    id: str
    notebook: str
    sentence: str
    bands: Mapping[str, Band]  # by name of the data set; on others the claim is unverified
    found: str | None = None  # what the site opens with, for any data, with ``{value}`` in it
    needs: str | None = None  # another data set that the number comes from; not all have it


@dataclass(frozen=True)
class Verdict:
    """A claim beside the number a run gave, and what became of it; made by `judge`."""

    claim: Claim
    band: Band | None
    value: float | None
    state: str  # "held", "broken" or, without a band or data that it needs, "unverified"
    lacking: str | None = None  # the data set that it needs and the run had not at hand

    @property
    def sentence(self) -> str:
        """The claim in words, those for this data set where it has its own."""
        return (self.band and self.band.sentence) or self.claim.sentence

    @property
    def finding(self) -> str | None:
        """What this run found, in words, where the claim is one that the site opens with."""
        if self.value is None or self.claim.found is None:
            return None
        return self.claim.found.format(value=self.value)

    def __str__(self) -> str:
        where = "no band for this run" if self.band is None else f"in {self.band}"
        if self.lacking is not None:
            where = f"without {self.lacking}"
        return f"{self.state:10} {self.claim.id} {where}: {self.sentence}"


@functools.cache
def load_claims() -> tuple[Claim, ...]:
    """Read ``claims.toml``, in the file's order."""
    return tuple(_parse(name, entry) for name, entry in _read("claims.toml").items())


def published_results() -> pd.DataFrame:
    """Return accuracies that others have published on MNIST without labels, matched one-to-one.

    Returns
    -------
    DataFrame
        Indexed by ``name``; columns ``accuracy`` or else ``ari`` (the adjusted Rand index),
        ``clusters`` (whether ten was given or found)
        and ``source``. Most were scored on the 70,000 digits that they were fitted to.
    """
    return pd.DataFrame(_read("published.toml")["works"]).set_index("name")


def _read(name: str) -> dict[str, Any]:
    text = resources.files("mnist_clust").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _parse(name: str, entry: dict[str, Any]) -> Claim:
    bands = {data: _parse_band(band) for data, band in entry.items() if isinstance(band, dict)}
    told = entry["notebook"], entry["sentence"]
    return Claim(name, *told, bands, entry.get("found"), entry.get("needs"))


def _parse_band(entry: dict[str, Any]) -> Band:
    ends, measured = entry["band"], entry["measured"]
    values = [*ends, entry["seeds"], entry["numerics"], *measured, entry.get("sentence")]
    return Band(*values)


def judge(claim: Claim, band: Band | None, value: float | None) -> Verdict:
    """Tell what became of a claim; a number that is missing or NaN breaks it."""
    known = None if value is None or math.isnan(value) else float(value)
    held = band is not None and known is not None and known in band
    state = "unverified" if band is None else "held" if held else "broken"
    return Verdict(claim, band, known, state)


def check_claims(
    numbers: Mapping[str, float | None],
    notebook: str,
    data: str | None,
    lacking: Collection[str] = (),
) -> tuple[Verdict, ...]:
    """Judge a notebook's claims by the numbers it recorded.

    Parameters
    ----------
    numbers : mapping of str to float or None
        By the names of the claims.
    notebook : str
        Name of the notebook, without its ending.
    data : str or None
        Name of the data set; None if the run was not one that bands were measured for.
    lacking : collection of str
        Other data sets that were not at hand; claims that need one of them are unverified.

    Returns
    -------
    tuple of Verdict
        In the order of the claims.
    """
    verdicts = []
    for claim in load_claims():
        if claim.notebook == notebook:
            value = numbers.get(claim.id)
            if claim.needs in lacking:
                verdicts.append(Verdict(claim, None, value, "unverified", claim.needs))
            else:
                verdicts.append(
                    judge(claim, None if data is None else claim.bands.get(data), value)
                )
    return tuple(verdicts)


def read_verdicts(metrics: Mapping[str, Any], notebook: str | None = None) -> list[Verdict]:
    """Return the verdicts in a run's ``metrics.json``, those of one notebook or all."""
    verdicts = []
    for claim in load_claims():
        state = metrics["verdicts"].get(claim.id)
        if state is not None and notebook in (None, claim.notebook):
            band = None if state == "unverified" else claim.bands.get(metrics["data"])
            lacking = claim.needs if claim.needs in metrics.get("lacking", ()) else None
            verdicts.append(Verdict(claim, band, metrics["numbers"].get(claim.id), state, lacking))
    return verdicts
