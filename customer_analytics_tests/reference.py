"""The reference data, whose figures are known; they are not part of the repository."""

from pathlib import Path

import pytest

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"
ABSENT = "the reference data are not beside this checkout"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason=ABSENT)
