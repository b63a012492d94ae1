"""Millions of images, placed on a finished map by any number of machines.

``many`` says what is done with a part of them, ``distributed`` deals the parts out by Dask and goes
on where a killed run stopped, and ``deform`` makes as many digits as one wants to try it on.
"""
