import numpy as np
import pytest

from mnist_clust.experiments.out_of_distribution import draw_letters


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (20, 33)])
def test_letters_are_images_of_the_size_asked_that_the_seed_decides(shape):
    drawn, again, other = (draw_letters(12, shape, random_state=s) for s in (3, 3, 4))
    assert drawn.shape == (12, *shape)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, again)
    assert (drawn != other).any()
    assert drawn.max() > 200, "there is ink"
