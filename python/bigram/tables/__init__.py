"""The table of P(next | context): what everything right of it needs to know.

Every model ends in a table, and evaluating, scoring, sampling, plotting and saving are written
against `Table`, whatever that is made of: an array (`DenseTable`), the pairs seen with a backoff
(`BackoffTable`), or a weighted sum of tables (`MixtureTable`).
"""
