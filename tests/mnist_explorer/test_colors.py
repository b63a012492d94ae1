"""Colours that stay."""

import colorsys
import itertools

import numpy as np
from matplotlib.colors import to_rgb

from mnist_clust.scores import UNNAMED
from mnist_explorer import colors

DIGITS = range(10)


def test_twenty_colours_differ_and_none_is_grey():
    assert len(set(colors.PALETTE)) == 20
    for one, other in itertools.combinations(map(to_rgb, colors.PALETTE), 2):
        assert np.linalg.norm(np.subtract(one, other)) > 0.12
    for color in map(to_rgb, colors.PALETTE):
        assert colorsys.rgb_to_hsv(*color)[1] > 0.35
    assert len(set(colors.cluster_colors(None, 20))) == 20


def test_a_cluster_has_its_digits_colour_and_a_shade_where_two_share_one():
    names = np.array([4, 0, 4, UNNAMED, 9])
    shown = colors.cluster_colors(names, 5, DIGITS)
    own = [colors.class_color(digit, DIGITS) for digit in DIGITS]
    assert shown[1] == own[0]
    assert shown[0] == own[4]
    assert shown[4] == own[9]
    assert shown[3] == colors.NO_DATA
    hues = [colorsys.rgb_to_hsv(*to_rgb(color))[0] for color in (shown[0], shown[2])]
    assert abs(hues[0] - hues[1]) < 0.06
    assert shown[2] not in own
    assert len(set(shown)) == 5


def test_classes_that_are_no_digits_have_colours_in_their_order():
    classes = [-2, 5, 1000]
    assert [colors.class_color(value, classes) for value in classes] == colors.PALETTE[:3]


def test_a_ramp_grows_lighter():
    light = [np.dot(to_rgb(color), [0.299, 0.587, 0.114]) for color in colors.ramp(7)]
    assert light == sorted(light)
