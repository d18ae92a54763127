"""Encodings of tiktoken."""


def test_special_tokens_in_a_text_are_ordinary_text(tik_token) -> None:
    tokenizer = tik_token(boundary="<|endoftext|>")
    assert tokenizer.boundary_id not in tokenizer.encode("b<|endoftext|>")
