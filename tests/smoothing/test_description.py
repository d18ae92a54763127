"""Smoothing methods by name, and from their JSON descriptions."""

import json

import pytest

import bigram
from bigram.smoothing.description import METHODS, from_json


def test_every_public_method_has_its_name():
    public = {name: getattr(bigram, name) for name in bigram.__all__}
    found = {n: v for n, v in public.items() if hasattr(v, "backoff_table")}
    assert found == METHODS


@pytest.mark.parametrize(
    "method",
    [
        *(method() for method in METHODS.values()),
        bigram.Dirichlet(base=[0.25, 0.75], base_uniform=0.5),
        bigram.ModifiedKneserNey(prune=2, compatible="lmplz"),
    ],
    ids=repr,
)
def test_a_method_equals_the_one_made_from_its_description(method):
    again = from_json(json.loads(json.dumps(method.to_json())))
    assert again == method
    assert hash(again) == hash(method)
