"""Every method against its formula in exact fractions, on corpora where something is degenerate."""

from fractions import Fraction

import numpy as np
import pytest

from bigram.smoothing.additive import MLE, AddK, Dirichlet
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey, ModifiedKneserNey
from bigram.smoothing.interpolated import JelinekMercer, StupidBackoff, WittenBell
from bigram.smoothing.katz import Katz

HUGE = 2**63 - 1
F = Fraction

CORPORA = {
    "nothing": [[0, 0], [0, 0]],
    "one symbol": [[7]],
    "one pair": [[0, 1, 0], [0, 0, 0], [0, 0, 0]],
    "each pair once": [[1, 1], [1, 1]],
    "a chain": [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]],
    "an unknown symbol": [[0, 3, 1, 0], [2, 0, 5, 0], [1, 1, 0, 0], [0, 0, 0, 0]],
    "a token that is only a context": [[0, 2, 1], [0, 4, 1], [0, 1, 0]],
    "a full row": [[3, 1, 2, 1], [0, 0, 4, 0], [1, 0, 0, 0], [0, 0, 0, 0]],
    "no pair counted once": [[2, 2], [4, 0]],
    "counts of counts": [
        [1, 1, 1, 1, 0, 0],
        [2, 2, 2, 0, 0, 0],
        [3, 3, 0, 0, 0, 0],
        [4, 0, 9, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ],
    "the largest total": [[0, HUGE - 3, 0], [1, 0, 2], [0, 0, 0]],
    "the largest count": [[0, HUGE, 0], [0, 0, 0], [0, 0, 0]],
}


def token_counts(c, continuation):
    return [sum(min(row[j], 1) if continuation else row[j] for row in c) for j in range(len(c))]


def base(c, weight, continuation=False):
    """Counts of tokens, with the weight of uniform that `weight(counts)` gives."""
    n = token_counts(c, continuation)
    if sum(n) == 0:
        return [F(1, len(c))] * len(c)
    w = weight(n)
    return [(1 - w) * F(x, sum(n)) + w * F(1, len(c)) for x in n]


def interpolated(c, q, kept, backoff):
    """Rows of ``kept(count, row) + backoff(row) q``; a context never seen has the base."""
    return [
        [kept(row[j], row) + backoff(row) * q[j] if sum(row) else q[j] for j in range(len(c))]
        for row in c
    ]


def seen(row):
    return sum(x > 0 for x in row)


def mle(c):
    return [[F(x, max(sum(row), 1)) for x in row] for row in c]


def add_k(k):
    return lambda c: [[(x + F(k)) / (sum(row) + F(k) * len(c)) for x in row] for row in c]


def jelinek_mercer(w, uniform=None):
    w = F(w)

    def rows(c):
        q = base(c, lambda _: w if uniform is None else F(uniform))
        return interpolated(c, q, lambda x, row: (1 - w) * F(x, sum(row)), lambda row: w)

    return rows


def dirichlet(mu):
    mu = F(mu)

    def rows(c):
        q = base(c, lambda n: mu / (sum(n) + mu))
        return interpolated(
            c, q, lambda x, row: x / (sum(row) + mu), lambda row: mu / (sum(row) + mu)
        )

    return rows


def witten_bell(c):
    q = base(c, lambda n: F(seen(n), sum(n) + seen(n)))
    return interpolated(
        c,
        q,
        lambda x, row: F(x, sum(row) + seen(row)),
        lambda row: F(seen(row), sum(row) + seen(row)),
    )


def discounted(d, continuation):
    d = F(d)

    def rows(c):
        q = base(c, lambda n: d * seen(n) / sum(n), continuation)
        return interpolated(
            c, q, lambda x, row: max(x - d, 0) / sum(row), lambda row: d * seen(row) / sum(row)
        )

    return rows


def estimated(continuation):
    """One discount, n1 / (n1 + 2 n2), or 1/2 without a pair counted once."""

    def rows(c):
        ones, twos = (sum(x == k for row in c for x in row) for k in (1, 2))
        d = F(ones, ones + 2 * twos) if ones else F(1, 2)
        return discounted(d, continuation)(c)

    return rows


def modified(c):
    """Chen and Goodman 1999, equation 26, with lmplz's fallback; see docs/smoothing.md."""

    def taken(counts):
        n = [counts.count(k) for k in range(5)]
        d = [F(1, 2), F(1), F(3, 2)]
        if min(n[1:4]) > 0:
            y = F(n[1], n[1] + 2 * n[2])
            found = [k - (k + 1) * y * F(n[k + 1], n[k]) for k in (1, 2, 3)]
            if all(0 < x <= k for k, x in enumerate(found, 1)):
                d = found
        return lambda x: d[min(x, 3) - 1] if x else F(0)

    n = token_counts(c, True)
    if sum(n) == 0:
        return [base(c, None)] * len(c)
    d1, d2 = taken(n), taken([x for row in c for x in row])
    free = sum(d1(x) for x in n) / sum(n)
    q = [(x - d1(x)) / sum(n) + free / len(c) for x in n]
    return interpolated(
        c,
        q,
        lambda x, row: (x - d2(x)) / sum(row),
        lambda row: sum(d2(x) for x in row) / sum(row),
    )


def katz(k, uniform=None):
    def taken(counts):
        n = [counts.count(r) for r in range(k + 2)]
        for most in range(k, 0, -1):
            a = F((most + 1) * n[most + 1], n[1]) if n[1] else F(1)
            if min(n[1 : most + 2]) == 0 or a >= 1:
                continue
            ratios = [(F((r + 1) * n[r + 1], r * n[r]) - a) / (1 - a) for r in range(1, most + 1)]
            if all(0 < d <= 1 for d in ratios):
                return lambda x, d=ratios: x * (1 - d[x - 1]) if 1 <= x <= len(d) else F(0)
        return lambda x: F(1, 2) if 1 <= x <= k else F(0)

    def share(n):
        return max(sum(map(taken(n), n)) / sum(n), F(1, sum(n) + 1))

    def rows(c):
        q = base(c, share if uniform is None else lambda _: F(uniform))
        d, out = taken([x for row in c for x in row]), []
        for row in c:
            unseen = sum(q[j] for j, x in enumerate(row) if x == 0)
            free = sum(map(d, row)) if unseen else F(0)
            total = sum(row) + (1 if unseen and not free else 0)
            if sum(row) == 0:
                out.append(q)
                continue
            backoff = (free + total - sum(row)) / (total * unseen) if unseen else F(0)
            out.append(
                [
                    (x - (d(x) if unseen else 0)) / F(total) if x else backoff * q[j]
                    for j, x in enumerate(row)
                ]
            )
        return out

    return rows


def stupid(a):
    def rows(c):
        q = base(c, lambda n: F(1, sum(n) + 1))
        return [[F(x, sum(row)) if x else F(a) * q[j] for j, x in enumerate(row)] for row in c]

    return rows


ORACLES = [
    (MLE(), mle),
    (AddK(1), add_k(1)),
    (AddK(0.25), add_k(0.25)),
    (AddK(1e308), add_k(1e308)),
    (AddK(5e-324), add_k(5e-324)),
    (JelinekMercer(0.125), jelinek_mercer(0.125)),
    (JelinekMercer(0.125, base_uniform=0.0), jelinek_mercer(0.125, 0)),
    (JelinekMercer(1.0), jelinek_mercer(1.0)),
    (Dirichlet(3.0), dirichlet(3.0)),
    (Dirichlet(1e308), dirichlet(1e308)),
    (WittenBell(), witten_bell),
    (AbsoluteDiscount(0.75), discounted(0.75, False)),
    (AbsoluteDiscount(1.0), discounted(1.0, False)),
    (KneserNey(0.75), discounted(0.75, True)),
    (AbsoluteDiscount(), estimated(False)),
    (KneserNey(), estimated(True)),
    (ModifiedKneserNey(), modified),
    (Katz(), katz(5)),
    (Katz(2), katz(2)),
    (Katz(1, base_uniform=0.5), katz(1, 0.5)),
    (StupidBackoff(0.4), stupid(0.4)),
]


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize(("method", "oracle"), ORACLES, ids=lambda x: repr(x)[:40])
def test_probabilities_are_the_fractions_of_the_formula(
    dense_counts, sparse_counts, method, oracle, corpus
):
    matrix = CORPORA[corpus]
    wanted = np.array([[float(p) for p in row] for row in oracle(matrix)])
    ids = np.arange(len(matrix))
    for counts in (sparse_counts(matrix), dense_counts(matrix)):
        got = np.exp(method.table(counts).log_probs(ids))
        np.testing.assert_allclose(got, wanted, rtol=1e-13)
    if isinstance(method, (MLE, StupidBackoff)):
        return
    assert got.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    if method not in (AddK(5e-324), JelinekMercer(0.125, base_uniform=0.0)):
        assert got.min() > 0.0  # the unknown symbol included
