"""The same scores as nltk.lm, on counts of its own vocabulary.

nltk counts ``<s>``, ``</s>`` and ``<UNK>`` as words, and ``<s>`` among the unigrams. So the counts
here are over its vocabulary, and the base is given. With a tokenizer of this package, one id stands
for both ends of a sentence, ``<s>`` is not a unigram, and V is one less.
"""

import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import bigram

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lm = pytest.importorskip("nltk.lm")
    preprocessing = pytest.importorskip("nltk.lm.preprocessing")

words = st.lists(st.lists(st.sampled_from("abcde"), max_size=6), min_size=1, max_size=8)

METHODS = [
    (lm.MLE, {}, lambda base: bigram.MLE()),
    (lm.Lidstone, {"gamma": 0.3}, lambda base: bigram.AddK(0.3)),
    (lm.Laplace, {}, lambda base: bigram.AddK(1)),
    (lm.WittenBellInterpolated, {}, bigram.WittenBell),
    (
        lm.AbsoluteDiscountingInterpolated,
        {"discount": 0.6},
        lambda base: bigram.AbsoluteDiscount(0.6, base),
    ),
    (lm.KneserNeyInterpolated, {"discount": 0.4}, lambda base: bigram.KneserNey(0.4, base)),
    (lm.StupidBackoff, {"alpha": 0.4}, lambda base: bigram.StupidBackoff(0.4, base)),
]


@pytest.mark.parametrize(
    ("theirs", "options", "ours"), METHODS, ids=lambda x: getattr(x, "__name__", "")
)
@settings(deadline=None, max_examples=12)
@given(sentences=words, sparse=st.booleans())
def test_scores_equal_nltk(theirs, options, ours, sentences, sparse):
    train, padded = preprocessing.padded_everygram_pipeline(2, sentences)
    model = theirs(order=2, **options)
    model.fit(train, padded)
    vocab = sorted(model.vocab)
    ids = {word: k for k, word in enumerate(vocab)}
    counts = np.zeros((len(vocab), len(vocab)), np.int64)
    for sentence in sentences:
        chain = ["<s>", *sentence, "</s>"]
        for first, second in itertools.pairwise(chain):
            counts[ids[first], ids[second]] += 1
    base = [model.score(word) for word in vocab]
    matrix = scipy.sparse.csr_array(counts) if sparse else counts
    table = ours(base).table(bigram.BigramCounts(matrix))
    got = np.exp(table.log_probs(np.arange(len(vocab))))
    wanted = [[model.score(word, [context]) for word in vocab] for context in vocab]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
