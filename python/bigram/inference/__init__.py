"""All that a table answers: evaluating, scoring, sampling, and the model class that offers it."""
