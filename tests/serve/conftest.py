# SPDX-License-Identifier: MIT
"""What several tests of the daemon share."""
import pytest

from certificates import Certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))
