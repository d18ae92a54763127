"""The table of P(next | context), and the kinds of it.

Every model ends in a table. Evaluating, scoring, sampling, plotting and saving are written
against `Table`, whether that is an array (`DenseTable`), the pairs seen with a backoff
(`BackoffTable`), or a weighted sum of tables (`MixtureTable`).
"""
