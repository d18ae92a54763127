"""bigram: the bigram language model, done properly."""

from bigram.common.startup import interrupt_as_usual  # first: it lets Ctrl-C end the command

# isort: split
from bigram import datasets, kernels
from bigram.common.build import apply_isa_variable, show_config
from bigram.common.threads import get_num_threads, set_num_threads
from bigram.common.version import __version__ as __version__
from bigram.corpus.corpus import Corpus
from bigram.counting.count import count
from bigram.counts.bigram_counts import BigramCounts
from bigram.inference.evaluation import Evaluation
from bigram.models.count_model import CountModel
from bigram.models.loading import load
from bigram.models.mixing import interpolate
from bigram.models.neural_model import NeuralModel
from bigram.randomness.torch_generator import TorchGenerator
from bigram.smoothing.additive import MLE, AddK, Dirichlet
from bigram.smoothing.discounting import AbsoluteDiscount, KneserNey, ModifiedKneserNey
from bigram.smoothing.interpolated import JelinekMercer, StupidBackoff, WittenBell
from bigram.smoothing.katz import Katz
from bigram.tables.backoff import BackoffTable
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.char import CharTokenizer
from bigram.tokenizers.errors import UnknownSymbolError
from bigram.tokenizers.word import WordTokenizer
from bigram.training.history import History
from bigram.training.optimizers import SGD, AdamW

merge = BigramCounts.merge

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

apply_isa_variable()
interrupt_as_usual()
del apply_isa_variable, interrupt_as_usual
