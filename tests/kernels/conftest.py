"""What the tests of kernels share: instruction sets, a signal, and a test of goodness of fit."""

import contextlib
import signal

import numpy as np
import pytest
from scipy import special

from bigram import _core


@contextlib.contextmanager
def using_isa(level):
    before = _core.active_isa()
    _core.set_isa(level)
    try:
        yield _core.active_isa()
    finally:
        _core.set_isa(before)


@pytest.fixture(scope="session")
def use_isa():
    """Return a context in which an instruction set is used, or the best below it."""
    return using_isa


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def isa(request):
    """Run the test once with each instruction set of this machine."""
    with using_isa(request.param) as active:
        if active != request.param:
            pytest.skip(f"this machine does not have {request.param}")
        yield request.param


@pytest.fixture
def alarm():
    """Raise TimeoutError in 50 ms."""
    if not hasattr(signal, "SIGALRM"):
        pytest.skip("this system has no SIGALRM")

    def give_up(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def chi_square():
    """Return the p-value of draws from a row of weights; a draw of weight zero fails outright."""

    def p_value(drawn, weights):
        seen = np.bincount(drawn, minlength=len(weights))
        assert not seen[weights == 0].any()
        expected = weights / weights.sum() * len(drawn)
        rare = expected < 5  # one category together
        seen = np.append(seen[~rare], seen[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
        seen, expected = seen[expected > 0], expected[expected > 0]
        statistic = ((seen - expected) ** 2 / expected).sum()
        return float(special.chdtrc(len(seen) - 1, statistic)) if len(seen) > 1 else 1.0

    return p_value
