"""What a benchmark ran on: the machine and the versions, in the form that results/ holds."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import joblib
import psutil

from mnist_clust.numerics import processor


def surroundings(packages: Iterable[str]) -> dict[str, Any]:
    """Describe this machine and name the versions of packages."""
    return {
        "machine": {
            "platform": platform.platform(),
            "processor": processor(),
            "cores": joblib.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1024**3, 1),
        },
        "versions": {name: version(name) for name in packages}
        | {"python": platform.python_version()},
    }
