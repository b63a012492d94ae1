"""Every claim has a narrow, measured band, and a run can break it."""

import math

import pytest

from mnist_clust.claims import Band, Claim, Verdict, check_claims, load_claims

CLAIMS = load_claims()
BANDS = [(claim.id, data, band) for claim in CLAIMS for data, band in claim.bands.items()]


def test_there_are_claims_for_both_data_sets():
    for data in ("mnist", "sample"):
        assert sum(data in claim.bands for claim in CLAIMS) >= 10


@pytest.mark.parametrize(("name", "data", "band"), BANDS, ids=lambda value: str(value)[:40])
def test_bands_are_as_narrow_as_the_measured_spread_allows(name, data, band):
    assert band.low <= band.lowest <= band.mean <= band.highest <= band.high
    assert band.seeds >= 5
    slack = max(band.highest - band.lowest, 0.01 * abs(band.highest))
    assert band.low >= band.lowest - slack, f"{name} on {data}: the band reaches too low"
    assert band.high <= band.highest + slack, f"{name} on {data}: the band reaches too high"


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
        assert "no band for this data" in str(verdict)


def test_a_verdict_prints_its_band_but_not_the_number():
    band = Band(0.5, 0.6, 5, 0.54, 0.55, 0.56)
    claim = Claim("a", "01_x", "It is about half.", {"mnist": band})
    assert str(Verdict(claim, band, 0.55)) == "held       a in [0.5, 0.6]: It is about half."
    assert str(Verdict(claim, band, 0.65)).startswith("broken")


def test_a_data_set_can_have_its_own_words():
    band = Band(0.4, 0.5, 5, 0.44, 0.45, 0.46, "On the sample it is less.")
    claim = Claim("a", "01_x", "It is about half.", {"sample": band})
    assert Verdict(claim, band, 0.45).sentence == "On the sample it is less."
    assert Verdict(claim, None, 0.45).sentence == "It is about half."
