"""What the tests of inference share: two models by counting."""

import pytest

import bigram


@pytest.fixture(scope="session")
def texts_fitted() -> list[str]:
    """Return the texts that the model was fitted on."""
    return ["emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia"]


@pytest.fixture(scope="session")
def model(texts_fitted) -> bigram.CountModel:
    """Return a model under which every pair of its symbols is possible."""
    return bigram.CountModel(bigram.AddK(0.1)).fit(texts_fitted)


@pytest.fixture(scope="session")
def makemore() -> bigram.CountModel:
    """Return the model of the makemore lecture, by maximum likelihood."""
    return bigram.CountModel.from_counts(bigram.datasets.load_makemore_counts(), bigram.MLE())
