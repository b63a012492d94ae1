"""Every claim has a narrow, measured band, and a run can break it."""

import json
import math

import pytest
from measure_bands import SHARES_OF_TEST, TWO_DIGITS
from scipy.stats import binomtest

from mnist_clust import claims, project_root
from mnist_clust.claims import Band, Claim, Verdict, check_claims, judge, load_claims, read_verdicts
from mnist_clust.data import NAMED

CLAIMS = load_claims()
BANDS = [(claim.id, data, band) for claim in CLAIMS for data, band in claim.bands.items()]


ENTRIES = """
[blank]
notebook = "01_x"
sentence = "Most of it is blank."
found = "{value:.0%} of it was blank."

[blank.mnist]
band = [0.5, 0.6]
seeds = 7
numerics = 3
measured = [0.54, 0.55, 0.56]

[blank.sample]
band = [0.4, 0.5]
seeds = 5
numerics = 3
measured = [0.44, 0.45, 0.46]
sentence = "On the sample it is less."

[plain]
notebook = "02_y"
sentence = "It is plain."
needs = "usps"
"""


def test_the_file_is_read_as_written(monkeypatch, tmp_path):
    (tmp_path / "claims.toml").write_text(ENTRIES)
    monkeypatch.setattr(claims.resources, "files", lambda package: tmp_path)
    assert load_claims.__wrapped__() == (
        Claim(
            "blank",
            "01_x",
            "Most of it is blank.",
            {
                "mnist": Band(0.5, 0.6, 7, 3, 0.54, 0.55, 0.56),
                "sample": Band(0.4, 0.5, 5, 3, 0.44, 0.45, 0.46, "On the sample it is less."),
            },
            "{value:.0%} of it was blank.",
        ),
        Claim("plain", "02_y", "It is plain.", {}, needs="usps"),
    )


def test_a_notebook_is_held_against_its_own_claims(monkeypatch):
    band = Band(0.5, 0.6, 5, 3, 0.54, 0.55, 0.56)
    here, there = (Claim(name, name, "", {"mnist": band}, "{value} here") for name in "ab")
    monkeypatch.setattr(claims, "load_claims", lambda: (here, there))
    found = check_claims({"a": 0.55, "b": 0.55}, "b", "mnist")
    assert found == (Verdict(there, band, 0.55, "held"),)
    assert check_claims({"b": 1}, "b", "mine") == (Verdict(there, None, 1.0, "unverified"),)
    assert check_claims({"b": math.nan}, "b", "mnist") == (Verdict(there, band, None, "broken"),)


def test_there_are_claims_for_both_data_sets():
    for data in ("mnist", "sample"):
        assert sum(data in claim.bands for claim in CLAIMS) >= 10


@pytest.mark.parametrize(("name", "data", "band"), BANDS, ids=lambda value: str(value)[:40])
def test_bands_are_as_narrow_as_the_measured_spread_allows(name, data, band):
    assert band.low <= band.lowest <= band.mean <= band.highest <= band.high
    assert band.seeds >= 5 or band.lowest == band.highest, "what holds no chance needs no seeds"
    if name.endswith("_ten"):
        assert band.numerics >= 2
        return  # a count of ten: see the next test
    assert band.numerics == 3, "run `make numerics`"
    least = 1.1 * TWO_DIGITS[data] if name in SHARES_OF_TEST else 2e-5 * abs(band.highest)
    slack = max(1.1 * (band.highest - band.lowest), least)
    if name in SHARES_OF_TEST:  # runs may have agreed by chance
        assert min(band.lowest - band.low, band.high - band.highest) > 0.99 * TWO_DIGITS[data]
    assert band.low >= band.lowest - slack, f"{name} on {data}: the band reaches too low"
    assert band.high <= band.highest + slack, f"{name} on {data}: the band reaches too high"


@pytest.mark.parametrize(("name", "data", "band"), [b for b in BANDS if b[0].endswith("_ten")])
def test_counts_of_ten_may_be_what_a_binomial_leaves_possible(name, data, band):
    worst, best = (binomtest(int(end), 10).proportion_ci() for end in (band.lowest, band.highest))
    assert (band.low, band.high) == (round(10 * worst.low), round(10 * best.high))
    assert 0 < band.low < band.high <= 10


def test_the_committed_run_is_one_of_those_measured():
    numbers = json.loads((project_root() / "results" / "metrics.json").read_text())["numbers"]
    for claim in CLAIMS:
        band, value = claim.bands.get("mnist"), numbers[claim.id]
        if band is not None:
            rounding = 1e-8 * abs(value)
            within = band.lowest - rounding <= value <= band.highest + rounding
            assert within, f"{claim.id}: {value} was not measured; run `make numerics`"


def test_every_claim_breaks_when_its_number_leaves_the_band_or_is_missing():
    for claim in CLAIMS:
        for data, band in claim.bands.items():
            outside = band.high + abs(band.high) * 1e-6 + 1e-9
            for value, state in (
                (band.mean, "held"),
                (outside, "broken"),
                (None, "broken"),
                (math.nan, "broken"),
            ):
                verdicts = {
                    verdict.claim.id: verdict.state
                    for verdict in check_claims({claim.id: value}, claim.notebook, data)
                }
                assert verdicts[claim.id] == state, (claim.id, data, value)


def test_other_data_leaves_claims_unverified():
    for verdict in check_claims({}, CLAIMS[0].notebook, "somebody's images"):
        assert verdict.state == "unverified"
        assert "no band for this run" in str(verdict)


def test_a_claim_is_unverified_without_the_data_that_it_needs_and_no_other_is():
    band = Band(0.5, 0.6, 5, 3, 0.54, 0.55, 0.56)
    needs = Claim("a", "01_x", "It is about half.", {"mnist": band}, needs="usps")
    plain = Claim("b", "01_x", "It is about half.", {"mnist": band})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "load_claims", lambda: (needs, plain))
        without, missing = check_claims({"a": None}, "01_x", "mnist", {"usps"})
        with_it = check_claims({"a": 0.7}, "01_x", "mnist", set())
    assert (without.state, missing.state) == ("unverified", "broken")
    assert str(without) == "unverified a without usps: It is about half."
    assert (without.lacking, missing.lacking) == ("usps", None)
    assert [verdict.state for verdict in with_it] == ["broken", "broken"]


def test_claims_need_only_data_sets_that_have_a_name():
    assert {claim.needs for claim in CLAIMS} == {None, "usps"} <= {None, *NAMED}


def test_a_verdict_prints_its_band_but_not_the_number():
    band = Band(0.5, 0.6, 5, 3, 0.54, 0.55, 0.56)
    claim = Claim("a", "01_x", "It is about half.", {"mnist": band})
    assert str(judge(claim, band, 0.55)) == "held       a in [0.5, 0.6]: It is about half."
    assert str(judge(claim, band, 0.65)).startswith("broken")
    assert str(judge(claim, None, 0.55)) == "unverified a no band for this run: It is about half."


def test_both_ends_belong_to_the_band():
    band = Band(0.5, 0.6, 5, 3, 0.54, 0.55, 0.56)
    assert [value in band for value in (0.49, 0.5, 0.6, 0.61)] == [False, True, True, False]


def test_a_finding_has_the_number_of_the_run_in_any_data():
    claim = Claim("a", "01_x", "It is half.", {}, "It is {value:.0%}.")
    assert judge(claim, None, 0.42).finding == "It is 42%."
    assert judge(claim, None, None).finding is None
    assert judge(Claim("a", "01_x", "It is half.", {}), None, 0.42).finding is None


def test_a_data_set_can_have_its_own_words():
    band = Band(0.4, 0.5, 5, 3, 0.44, 0.45, 0.46, "On the sample it is less.")
    claim = Claim("a", "01_x", "It is about half.", {"sample": band})
    assert judge(claim, band, 0.45).sentence == "On the sample it is less."
    assert judge(claim, None, 0.45).sentence == "It is about half."


def test_verdicts_are_read_as_a_run_recorded_them(monkeypatch):
    """Whatever the bands say by now: they are made once, by the run."""
    band = Band(0.5, 0.6, 5, 3, 0.54, 0.55, 0.56)
    known = tuple(Claim(name, f"0{place}", "", {"mnist": band}) for place, name in enumerate("abc"))
    monkeypatch.setattr(claims, "load_claims", lambda: known)
    recorded = {"a": "broken", "b": "unverified", "gone": "held"}
    metrics = {"data": "mnist", "numbers": {"a": 0.55, "b": 0.55}, "verdicts": recorded}
    first, second = (
        Verdict(known[0], band, 0.55, "broken"),
        Verdict(known[1], None, 0.55, "unverified"),
    )
    assert read_verdicts(metrics) == [first, second]
    assert read_verdicts(metrics, "01") == [second]
