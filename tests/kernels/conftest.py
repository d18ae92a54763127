"""What the tests of kernels share: the instruction sets, and a signal to stop a long call."""

import signal

import pytest

from bigram import _core


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def isa(request):
    """Run the test once with each instruction set that this machine has."""
    before = _core.active_isa()
    _core.set_isa(request.param)
    try:
        if _core.active_isa() != request.param:
            pytest.skip(f"this machine has no {request.param}")
        yield request.param
    finally:
        _core.set_isa(before)


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
