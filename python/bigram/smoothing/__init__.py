"""Smoothing: from counts to probabilities, also for pairs that were never seen.

Conventions. One id stands for both ends of a sequence: as a context it is the start, as a token the
end. So there are V successors, the start is not one of them, and the unigram base is the column
sums of the counts over their total. nltk.lm counts ``<s>``, ``</s>`` and ``<UNK>`` as words, and
``<s>`` among the unigrams; its scores are the same on counts over its vocabulary with its unigram
frequencies as ``base=``. KenLM's lmplz agrees with `ModifiedKneserNey` if the tokenizer has an
unknown symbol.
"""
