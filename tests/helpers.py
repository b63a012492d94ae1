"""What several tests need."""

import struct

import numpy as np

NO_MNIST = "full MNIST is not on this machine: set MNIST_CLUST_DATA to a folder with its four files"


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()
