"""Millions of images, placed on a finished map by any number of machines.

``many`` assigns them in parts that can be gone on with, ``distributed`` holds what it needs of
Dask, and ``deform`` makes as many digits as one wants to try it on.
"""
