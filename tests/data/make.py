"""Write one file of each kind with the version of bigram that is installed.

    BIGRAM_ISA=baseline python tests/data/make.py tests/data/VERSION

Run it outside of a checkout, once for each version whose format differs from the one before;
`tests/test_saved_files.py` reads what it wrote.
"""

import contextlib
import sys
from pathlib import Path

import numpy as np

import bigram

TEXTS = ["emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia", "ella"]
WORDS = ["to be or not to be", "that is the question", "to die to sleep"]
SMOOTHINGS = [
    bigram.MLE(),
    bigram.AddK(0.5),
    bigram.JelinekMercer(0.3),
    bigram.Dirichlet(2.0),
    bigram.WittenBell(),
    bigram.AbsoluteDiscount(0.5),
    bigram.KneserNey(0.75),
    bigram.ModifiedKneserNey(),
    bigram.Katz(),
    bigram.StupidBackoff(),
]
FIT = {"learning_rate": 1.0, "batch_size": 4, "block_size": 4, "seed": 3, "optimizer": "adamw"}


def write_counts(folder: Path) -> None:
    bigram.count(TEXTS).save(folder / "counts_dense.safetensors")
    sparse = bigram.count(TEXTS, layout="sparse")
    sparse.save(folder / "counts_sparse.safetensors")
    sparse.to_tsv(folder / "counts.tsv")
    sparse.to_npz(folder / "counts.npz")
    sparse.to_parquet(folder / "counts.parquet")


def write_tokenizers(folder: Path) -> None:
    import tiktoken
    import tokenizers

    from bigram.integrations.huggingface import HuggingFaceTokenizer
    from bigram.integrations.tiktoken import TiktokenTokenizer

    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[B]": 0, "to": 1, "[U]": 2}, "[U]"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    ranks = {bytes([byte]): byte for byte in range(128)}
    encoding = tiktoken.Encoding(
        "tiny", pat_str=r"\w+|\W", mergeable_ranks=ranks, special_tokens={"<end>": 128}
    )
    for name, tokenizer in (
        ("char", bigram.CharTokenizer.from_texts(WORDS, boundary="\n", unknown="?")),
        ("byte", bigram.ByteTokenizer(boundary="\n")),
        ("word", bigram.WordTokenizer.from_texts(WORDS, min_count=2)),
        ("huggingface", HuggingFaceTokenizer(inner, boundary="[B]")),
        ("tiktoken", TiktokenTokenizer(encoding, boundary="<end>")),
    ):
        counts = bigram.count(WORDS, tokenizer, layout="sparse")
        counts.save(folder / f"tokenizer_{name}.safetensors")


def write_models(folder: Path) -> None:
    for smoothing in SMOOTHINGS:
        model = bigram.CountModel(smoothing).fit(TEXTS)
        model.save(folder / f"{type(smoothing).__name__}.safetensors")
    parts = [bigram.CountModel(s).fit(TEXTS) for s in (bigram.MLE(), bigram.AddK(1.0))]
    mixture = bigram.interpolate(parts, [0.75, 0.25])
    model = bigram.CountModel.from_table(mixture, parts[0].tokenizer)
    model.save(folder / "mixture.safetensors")
    model = bigram.CountModel(bigram.KneserNey(0.75)).fit(TEXTS)
    for suffix in ("arpa", "arpa.gz"):
        model.to_arpa(folder / f"model.{suffix}")


def write_training(folder: Path) -> None:
    counts = bigram.count(TEXTS)
    model = bigram.NeuralModel.from_counts(counts, alpha=1.0)
    model.save(folder / "neural.safetensors")
    path = folder / "training.checkpoint"
    model = bigram.NeuralModel(counts.tokenizer, seed=1)
    model.fit(TEXTS, steps=6, checkpoint=path, checkpoint_every=6, **FIT)


def write_counting(folder: Path) -> None:
    """Write what is left of counting three shards after the second one."""
    try:
        from bigram.counting import stream
    except ImportError:  # 0.1.0
        from bigram import count_stream as stream

    rng = np.random.default_rng(0)
    shards = []
    for number in range(3):
        path = folder / f"shard_{number}.bin"
        rng.integers(0, 20, 40).astype("<u2").tofile(path)
        shards.append(path)
    save, saved = stream.CountStream._save, []

    def stop_at_the_second(self: object, path: str) -> None:
        save(self, path)
        saved.append(path)
        if len(saved) == 2:
            raise KeyboardInterrupt

    stream._CHECKPOINT_SECONDS = stream._CHECKPOINT_SHARE = 0
    stream.CountStream._save = stop_at_the_second
    for layout in ("dense", "sparse"):
        saved.clear()
        stream._CHUNK_TOKENS = 1
        corpus = bigram.Corpus.shards(shards, dtype="uint16", vocab_size=20)
        path = folder / f"counting_{layout}.checkpoint"
        with contextlib.suppress(KeyboardInterrupt):
            bigram.count(corpus, layout=layout, resume=path)
        assert path.exists()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for write in (write_counts, write_tokenizers, write_models, write_training, write_counting):
        write(target)
