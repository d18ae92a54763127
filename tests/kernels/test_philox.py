"""The generator behind every sampler: its words are fixed for good."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram import _core, reference
from bigram.kernels.philox import philox

words = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("seed", "block", "sequence", "words"),
    [  # kat_vectors of Random123 (D. E. Shaw Research), philox4x32 10
        (0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            0x299F31D0A4093822,
            0x85A308D3243F6A88,
            0x0370734413198A2E,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_blocks_equal_the_known_answers_of_random123(seed, block, sequence, words):
    wanted = [int(word, 16) for word in words.split()]
    assert philox(seed, block, sequence).tolist() == wanted
    assert reference.philox(seed, block, sequence) == wanted


@given(seed=words, block=words, sequence=words)
def test_blocks_equal_the_twin(seed, block, sequence):
    got = philox(seed, block, sequence)
    assert got.dtype == np.uint32
    assert got.tolist() == reference.philox(seed, block, sequence)


@pytest.mark.parametrize("name", ["seed", "block", "sequence"])
def test_arguments_outside_64_bits_are_named(name):
    for value, error in ((-1, ValueError), (2**64, ValueError), (0.5, TypeError)):
        with pytest.raises(error, match=name):
            philox(**{"seed": 0, "block": 0, "sequence": 0, name: value})


@pytest.mark.parametrize("bad", [-1, 2**64, 0.5, "a", None])
@pytest.mark.parametrize("place", range(3))
def test_the_raw_extension_refuses_numbers_outside_64_bits(bad, place):
    arguments = [0, 0, 0]
    arguments[place] = bad
    with pytest.raises(TypeError):
        _core.philox(*arguments)
