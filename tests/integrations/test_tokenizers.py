"""Tokenizers of other packages keep their public names among the integrations."""

import importlib

import pytest


@pytest.mark.parametrize(
    ("package", "module", "name"),
    [
        ("tokenizers", "huggingface", "HuggingFaceTokenizer"),
        ("tiktoken", "tiktoken", "TiktokenTokenizer"),
    ],
)
def test_an_integration_offers_the_tokenizer_of_its_package(package, module, name):
    pytest.importorskip(package)
    public = importlib.import_module(f"bigram.integrations.{module}")
    assert public.__all__ == [name]
    assert getattr(public, name).__name__ == name
