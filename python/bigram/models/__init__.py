"""The two models, mixtures of models, and opening what was saved."""
