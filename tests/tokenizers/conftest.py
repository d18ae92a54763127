"""Tokenizers of other packages, small ones."""

import pytest

TEXTS = ["to be or not to be", "", "that is the question: 日本 👍", "whether 'tis nobler"] * 5


@pytest.fixture
def hugging_face():
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    from bigram.tokenizers.huggingface import HuggingFaceTokenizer

    return lambda **options: HuggingFaceTokenizer(tokenizer, **options)


@pytest.fixture
def tik_token():
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([i]): i for i in range(256)} | {b"to": 256, b"be": 257, b"or": 258}
    encoding = tiktoken.Encoding(
        "test",
        pat_str=r"\w+|\s+|[^\w\s]+",
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 300},
    )
    from bigram.tokenizers.tiktoken import TiktokenTokenizer

    return lambda **options: TiktokenTokenizer(encoding, **options)


@pytest.fixture(params=["hugging_face", "tik_token"])
def make(request):
    return request.getfixturevalue(request.param)
