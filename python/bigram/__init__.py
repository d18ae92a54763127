"""bigram: the bigram language model, done properly."""

from bigram import datasets, kernels
from bigram.config import apply_isa_variable, show_config
from bigram.corpus import Corpus
from bigram.count_model import CountModel
from bigram.counting import count
from bigram.counts import BigramCounts
from bigram.evaluation import Evaluation
from bigram.interpolation import interpolate
from bigram.merging import merge
from bigram.neural_model import NeuralModel
from bigram.optimizers import SGD, AdamW
from bigram.smoothing import (
    MLE,
    AbsoluteDiscount,
    AddK,
    Dirichlet,
    JelinekMercer,
    Katz,
    KneserNey,
    ModifiedKneserNey,
    StupidBackoff,
    WittenBell,
)
from bigram.storage import load
from bigram.tables import BackoffTable, DenseTable, MixtureTable
from bigram.threads import get_num_threads, set_num_threads
from bigram.tokenizers import ByteTokenizer, CharTokenizer, UnknownSymbolError, WordTokenizer
from bigram.torch_random import TorchGenerator
from bigram.training import History

__all__ = [
    "MLE",
    "SGD",
    "AbsoluteDiscount",
    "AdamW",
    "AddK",
    "BackoffTable",
    "BigramCounts",
    "ByteTokenizer",
    "CharTokenizer",
    "Corpus",
    "CountModel",
    "DenseTable",
    "Dirichlet",
    "Evaluation",
    "History",
    "JelinekMercer",
    "Katz",
    "KneserNey",
    "MixtureTable",
    "ModifiedKneserNey",
    "NeuralModel",
    "StupidBackoff",
    "TorchGenerator",
    "UnknownSymbolError",
    "WittenBell",
    "WordTokenizer",
    "count",
    "datasets",
    "get_num_threads",
    "interpolate",
    "kernels",
    "load",
    "merge",
    "set_num_threads",
    "show_config",
]

__version__ = "0.1.0"

apply_isa_variable()
del apply_isa_variable
