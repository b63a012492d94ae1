"""Runs the notebooks, and makes a site of what they showed, recorded and claimed.

``report`` is the way through it: ``execute`` runs notebooks, ``normalise`` gives them the form in
which they are committed, ``digests`` compares the run's bits with the committed run's, and
``site`` brings a run's numbers into ``docs/`` and the README.
"""

import sys

# nbformat's schemas would have 38 grammars compiled, for three seconds, to check addresses that no
# notebook holds.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
