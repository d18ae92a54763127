"""Names: "The spelled-out intro to language modeling: building makemore", without torch.

The same model twice, with the numbers of the lecture: once by counting, once as a network.
BIGRAM_DATA names the folder that holds names.txt; without it the file is downloaded.
"""

import bigram

SEED = 2147483647

names = bigram.Corpus.lines(bigram.datasets.fetch("makemore-names"))


def samples(model, multinomial="exponential", n=5):
    """Draw as torch does today, or by the cumulative sum as it did when the video was made."""
    generator = bigram.TorchGenerator(SEED, multinomial=multinomial)
    return [name + "." for name in model.sample(n, seed=generator)]


# --- 1. Counting: N[i, j] is how often j follows i; P is N with each row divided by its sum. ---
counts = bigram.count(names)
symbols = "".join(counts.tokenizer.vocab)
print(f"{counts.total:,} bigrams over {counts.vocab_size} symbols: {symbols}")

model = bigram.CountModel.from_counts(counts, bigram.MLE())
print("sampled in the video:", *samples(model, "cumulative"))
print("sampled today:       ", *samples(model, n=10))

# The quality of a model: the mean negative log-likelihood of the data, lower is better.
print(f"nll = {model.evaluate(counts).nll:.4f}")
print(f"log-likelihood of andrejz: {model.score('andrejz')}, because of one pair:")
for row in model.explain("andrejz"):
    print(f"  {row.pair}: {row.probability:.4f} {row.log_probability:.4f}")

# Smoothing: count every pair once more than it occurred.
smoothed = bigram.CountModel.from_counts(counts, bigram.AddK(1))
print(f"smoothed: nll = {smoothed.evaluate(counts).nll:.4f}")
score = smoothed.score("andrejz")
print(f"log-likelihood of andrejz: {score:.4f}, {-score / 8:.4f} a pair")

# --- 2. A network: logits = one_hot(x) @ W, loss = cross-entropy + 0.01 * mean(W**2). ---
net = bigram.NeuralModel(counts.tokenizer, seed=bigram.TorchGenerator(SEED))
history = net.fit(names, steps=100, learning_rate=50, l2=0.01)
for step in (0, 1, 2, 10, 50, 99):
    print(f"step {step}: loss {history.losses[step]:.4f}")
print(f"the floor, which counting reaches: {history.floor:.4f}")

# It samples the same names, because it has become the same table.
print("sampled from the network:", *samples(net, n=10))
