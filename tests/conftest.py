# SPDX-License-Identifier: MIT
"""A test that hangs fails: after 120 s, or what its mark `limit(seconds)` says."""
import signal

import pytest

LIMIT_SECONDS = 120


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the test may take longer than others")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    mark = item.get_closest_marker("limit")
    seconds = mark.args[0] if mark else LIMIT_SECONDS

    def stop(*_):
        pytest.fail(f"not done after {seconds} s", pytrace=True)

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)
