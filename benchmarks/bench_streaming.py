"""Counting token shards, V = 50,257, Zipf: from 1M to 1G pairs, time should grow linearly."""

import numpy as np
import pytest
from tokens import unigram_counts

import bigram
from bigram import kernels

VOCAB_SIZE = 50_257
BLOCK = 1 << 24
WEIGHTS = 1.0 / np.arange(1, VOCAB_SIZE + 1)
# Pairs take 24 bytes each and more at once; beyond this the peer is left out.
PEER_LIMIT = 20_000_000


@pytest.fixture
def shard(tmp_path):
    """Return a function that writes a headerless file of n uint16 tokens."""

    def write(num_tokens: int):
        path = tmp_path / "tokens.bin"
        with open(path, "wb") as file:
            for start in range(0, num_tokens, BLOCK):
                size = min(BLOCK, num_tokens - start)
                kernels.multinomial(WEIGHTS, size, seed=start).astype(np.uint16).tofile(file)
        return path

    return write


def all_at_once(path) -> tuple:
    tokens = np.fromfile(path, np.uint16).astype(np.int64)
    return np.unique(tokens[:-1] * VOCAB_SIZE + tokens[1:], return_counts=True)


@pytest.mark.parametrize("memory_limit", [None, 1 << 28])
@pytest.mark.parametrize("step", range(4))
def test_count_shards(duel, shard, size, step, memory_limit):
    num_pairs = size(10 ** (6 + step), 10**6 * 4**step, 1000 * 4**step)
    path = shard(num_pairs + 1)
    corpus = bigram.Corpus.shards(path, vocab_size=VOCAB_SIZE)
    contenders = {
        "bigram": lambda: bigram.count(corpus, layout="sparse", memory_limit=memory_limit)
    }
    unigrams = unigram_counts(np.memmap(path, np.uint16)[1:], VOCAB_SIZE)
    if num_pairs <= PEER_LIMIT:
        keys, counts = all_at_once(path)
        contenders["numpy, all at once"] = lambda: all_at_once(path)

    def check(name, answer):
        if name.startswith("numpy"):
            assert answer[1].sum() == num_pairs
            return
        assert answer.total == num_pairs
        assert np.array_equal(answer.unigram_counts(), unigrams)
        if num_pairs <= PEER_LIMIT:
            matrix = answer.to_scipy()
            rows = np.repeat(np.arange(VOCAB_SIZE), np.diff(matrix.indptr))
            assert np.array_equal(rows * VOCAB_SIZE + matrix.indices, keys)
            assert np.array_equal(matrix.data, counts)

    limited = "" if memory_limit is None else ", in 256 MiB"
    duel(
        f"count shards, V = {VOCAB_SIZE}, {num_pairs:,} pairs{limited}",
        contenders,
        check=check,
        work=num_pairs,
        unit="pairs",
        curve=(f"count shards{limited}", "pairs", num_pairs),
    )
