"""The examples of a tokenizer that wraps another package run where that package is installed."""

from importlib.util import find_spec

_PACKAGES = {"huggingface": "tokenizers", "tiktoken": "tiktoken"}

collect_ignore = [
    f"python/bigram/tokenizers/{module}.py"
    for module, package in _PACKAGES.items()
    if find_spec(package) is None
]
