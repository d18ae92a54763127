"""Training of the neural model: the loop, its options, optimizers, batches and checkpoints."""

from bigram.optimizers import SGD, AdamW, learning_rates
from bigram.training.history import History, LossEstimate, TrainingStep

__all__ = ["SGD", "AdamW", "History", "LossEstimate", "TrainingStep", "learning_rates"]
