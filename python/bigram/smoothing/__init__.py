"""Smoothing: from counts to probabilities, also for pairs that were never seen.

Conventions. One id stands for both ends of a sequence: as a context it is its start, as a token its
end. So there are V successors, the start is none of them, and the unigram base is the column sums
of the counts. nltk.lm counts ``<s>``, ``</s>`` and ``<UNK>`` as words of their own, ``<s>`` among
the unigrams; on counts over its vocabulary, with ``base=`` its unigram frequencies, the scores are
the same. KenLM's lmplz agrees with `ModifiedKneserNey` where the tokenizer has an unknown symbol.
"""
