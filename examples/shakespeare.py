"""Shakespeare: the bigram model of "Let's build GPT: from scratch, in code", without torch.

The numbers are those of the lecture's script, bigram.py, with torch.manual_seed(1337).
BIGRAM_DATA names the folder that holds tinyshakespeare.txt; without it the file is downloaded.
"""

import numpy as np

import bigram

text = bigram.datasets.fetch("tinyshakespeare").read_text(encoding="utf-8")
tokenizer = bigram.CharTokenizer.from_texts([text], boundary=None)
data = tokenizer.encode(text)
train = data[: int(0.9 * len(data))]
print(f"{len(data):,} characters, {tokenizer.vocab_size} different")

# --- 1. A first batch: 4 windows of 8 characters, and what follows each character. ---
generator = bigram.TorchGenerator(1337)
starts = generator.randint(len(train) - 8, 4)
x = train[starts[:, None] + np.arange(8)]
y = train[starts[:, None] + np.arange(1, 9)]
print("inputs: ", *x[0])
print("targets:", *y[0])

# --- 2. The model: each character looks up the logits of its successor. ---
generator = bigram.TorchGenerator(1337)
model = bigram.NeuralModel(tokenizer, seed=generator)
logits, loss = model.forward(x, y)
print(f"logits {logits.shape}, untrained loss {loss:.4f}, ln 65 = {np.log(65):.4f}")
print(tokenizer.decode(model.generate([[0]], 100, seed=generator)[0]))

# --- 3. The script: AdamW on 32 windows of 8 a step, losses over 200 batches every 300 steps. ---
generator = bigram.TorchGenerator(1337)
model = bigram.NeuralModel(tokenizer, seed=generator)
history = model.fit(
    data,
    steps=3000,
    learning_rate=1e-2,
    optimizer="adamw",
    batch_size=32,
    block_size=8,
    validation=0.1,
    eval_every=300,
    seed=generator,
)
for found in history.evaluations:
    losses = f"train loss {found.train_loss:.4f}, val loss {found.validation_loss:.4f}"
    print(f"step {found.step}: {losses}")
print(tokenizer.decode(model.generate([[0]], 500, seed=generator)[0]))
