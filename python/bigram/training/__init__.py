"""Training of the neural model: options, batches, the loop and its checkpoints."""
