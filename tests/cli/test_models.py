"""The commands around one model: fit, evaluate, sample, score, explain, plot."""

import json
import subprocess

import pytest

import bigram

NAMES = ["emma", "olivia", "ava", "isabella", "sophia"]


def test_fit_writes_the_model_of_the_corpus(run, corpus, tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    result = run("fit", corpus, "-o", path)
    assert result.code == 0
    assert result.out == f"{path}: 32 pairs over 12 symbols, AddK(k=1.0)\n"
    assert result.err == ""
    fitted = bigram.load(path)
    assert fitted.counts.total == sum(len(name) + 1 for name in NAMES)
    found = run("fit", corpus, "-o", path, "--smoothing", "add-k:0.5", "--json", "--threads", 2)
    assert found.json["smoothing"] == {"name": "AddK", "k": 0.5}
    assert bigram.load(path).smoothing == bigram.AddK(0.5)


@pytest.mark.parametrize(
    ("spec", "method"),
    [
        ("mle", bigram.MLE()),
        ("Laplace", bigram.AddK(1.0)),
        ("add_k:2", bigram.AddK(2.0)),
        ("jelinek-mercer:weight=0.25,base=uniform", bigram.JelinekMercer(0.25, base="uniform")),
        ("dirichlet:10", bigram.Dirichlet(10.0)),
        ("witten-bell", bigram.WittenBell()),
        ("absolute-discount:0.5", bigram.AbsoluteDiscount(0.5)),
        ("KneserNey", bigram.KneserNey()),
        ("mkn", bigram.ModifiedKneserNey()),
        ("katz", bigram.Katz()),
        ("stupid-backoff:0.3", bigram.StupidBackoff(0.3)),
    ],
)
def test_fit_takes_every_smoothing(run, corpus, tmp_path, spec, method) -> None:
    path = tmp_path / "m.safetensors"
    assert run("fit", corpus, "-o", path, "--smoothing", spec).err == ""
    assert bigram.load(path).smoothing == method
    assert type(method).__name__ in run("info", path).out


def test_evaluate_marks_the_perplexity_of_scores(run, corpus, tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    for smoothing, is_normalized in (("stupid-backoff", False), ("witten-bell", True)):
        run("fit", corpus, "-o", path, "--smoothing", smoothing)
        assert ("scores, not probabilities" in run("evaluate", path, corpus).out) != is_normalized
        assert run("evaluate", path, corpus, "--json").json["normalized"] is is_normalized


def test_fit_reads_standard_input(run, model, tmp_path) -> None:
    path = tmp_path / "stdin.safetensors"
    assert run("fit", "-", "-o", path, stdin="\n".join(NAMES).encode()).code == 0
    assert (bigram.load(path).probs() == bigram.load(model).probs()).all()


def test_fit_takes_running_text_bytes_and_unknown_symbols(run, corpus, tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    assert run("fit", corpus, "--text", "-o", path).code == 0
    assert bigram.load(path).tokenizer.boundary_id is None
    assert bigram.load(path).counts.total == corpus.stat().st_size - 1
    assert run("fit", corpus, "--tokenizer", "byte", "-o", path).code == 0
    assert bigram.load(path).vocab_size == 256
    assert run("fit", corpus, "--unknown", "?", "-o", path).code == 0
    assert bigram.load(path).tokenizer.unknown_id is not None


def test_fit_with_unknown_symbols_chooses_the_boundary_as_fit_does(run, tmp_path) -> None:
    corpus, path = tmp_path / "a.txt", tmp_path / "m.safetensors"
    corpus.write_text("a.b\nc\n")
    for command in (("fit",), ("train", "--steps", "1", "--batch-size", "2", "--block-size", "2")):
        for options in ((), ("--unknown", "?")):
            assert run(*command, corpus, *options, "-o", path).code == 0
            tokenizer = bigram.load(path).tokenizer
            assert tokenizer.vocab == ("\n", ".", "a", "b", "c", *options[1:])
            assert tokenizer.boundary == "\n"


def test_fit_reads_standard_input_twice_where_it_must(run, corpus, tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    assert run("fit", "-", "--unknown", "?", "-o", path, stdin=corpus.read_bytes()).code == 0
    assert bigram.load(path).counts.total == 32


def test_counts_serve_as_a_corpus(run, model, corpus, tmp_path) -> None:
    path = tmp_path / "counts.safetensors"
    bigram.count(bigram.Corpus.lines(corpus)).save(path)
    assert run("fit", path, "-o", tmp_path / "again.safetensors").code == 0
    again = bigram.load(tmp_path / "again.safetensors")
    assert (again.probs() == bigram.load(model).probs()).all()
    found = run("evaluate", model, path, "--json").json
    assert found["nll"] == bigram.load(model).evaluate(NAMES).nll
    assert run("evaluate", model, path, path).code == 2


def test_evaluate_prints_the_evaluation(run, model, corpus) -> None:
    expected = bigram.load(model).evaluate(NAMES)
    found = run("evaluate", model, corpus, "--json").json
    assert found["nll"] == expected.nll
    assert set(found) == set(expected.__dataclass_fields__)
    assert run("evaluate", model, "-", "--json", stdin=corpus.read_bytes()).json == found
    text = run("evaluate", model, corpus).out
    assert f"{expected.perplexity:.4f}" in text
    assert "32 in 5 sequences" in text


def test_evaluate_gives_the_figures_of_the_lecture(run, names_path, tmp_path) -> None:
    path = tmp_path / "names.safetensors"
    for smoothing, nll in (("mle", 2.4540), ("add-k", 2.4546)):
        assert run("fit", names_path, "-o", path, "--smoothing", smoothing).code == 0
        found = run("evaluate", path, names_path, "--json").json
        assert found["nll"] == pytest.approx(nll, abs=5e-5)
        assert found["num_tokens"] == 228_146


def test_sample_prints_the_texts_of_the_model(run, model) -> None:
    expected = bigram.load(model).sample(7, seed=3, temperature=0.5, prefix="s", max_length=9)
    options = ("-n", 7, "--seed", 3, "--temperature", 0.5, "--prefix", "s", "--max-length", 9)
    assert run("sample", model, *options).out.splitlines() == expected
    assert run("sample", model, *options, "--json").json == expected
    texts = run("sample", model, "-n", 30, "--seed", 1, "--unique", "--top-k", 9).out.splitlines()
    assert len(set(texts)) == 30
    assert len(run("sample", model).out.splitlines()) == 10


def test_score_streams_lines(run, model, corpus) -> None:
    scores = bigram.load(model).score(["emma", "", "asp"])
    lines = run("score", model, "-", stdin=b"\xef\xbb\xbfemma\r\n\nasp").out.splitlines()
    assert [line.split("\t")[1] for line in lines] == ["emma", "", "asp"]
    assert [float(line.split("\t")[0]) for line in lines] == pytest.approx(scores, abs=1e-6)
    result = run("score", model, corpus, "--json")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["text"] for row in rows] == NAMES
    assert [row["score"] for row in rows] == bigram.load(model).score(NAMES).tolist()
    bad = run("score", model, "-", stdin=b"emma\nava\nmax\nava\n")
    assert bad.code == 2
    assert [line.split("\t")[1] for line in bad.out.splitlines()] == ["emma", "ava"]
    assert bad.err == (
        "bigram: error: -: line 3: 'x' (U+0078) is not in the vocabulary of the model\n"
    )
    bad = run("score", model, "-", stdin=b"emma\na.b\n")
    assert [line.split("\t")[1] for line in bad.out.splitlines()] == ["emma"]
    assert bad.err.startswith("bigram: error: -: line 2 has the boundary symbol '.' at position 1;")
    bad = run("score", model, "-", stdin=b"emma\nz\xff\n")
    assert bad.code == 2
    assert bad.err == "bigram: error: -: line 2, byte 1: invalid UTF-8\n"


def test_score_answers_before_its_input_ends(model, process) -> None:
    pipe = subprocess.PIPE
    with process("score", model, "-", stdin=pipe, stdout=pipe) as running:
        running.stdin.write(b"emma\n")
        running.stdin.flush()
        assert running.stdout.readline().endswith(b"\temma\n")
        running.stdin.close()
        assert running.wait(60) == 0


def test_an_arpa_file_is_a_model(run, tmp_path, process) -> None:
    words = tmp_path / "words.txt"
    words.write_text("the cat sat\nthe dog\n")
    path = tmp_path / "words.arpa"
    options = ("--tokenizer", "word", "--smoothing", "witten-bell")
    assert run("fit", words, "-o", tmp_path / "w.safetensors", *options).code == 0
    assert run("convert", tmp_path / "w.safetensors", path).code == 0
    expected = run("evaluate", tmp_path / "w.safetensors", words, "--json").json
    found = run("evaluate", path, words, "--json").json
    assert found["num_tokens"] == expected["num_tokens"] == 7
    assert found["nll"] == pytest.approx(expected["nll"], abs=1e-5)
    lines = run("sample", path, "-n", 20, "--seed", 1).out.splitlines()
    assert {word for line in lines for word in line.split()} <= {
        "the",
        "cat",
        "sat",
        "dog",
        "<unk>",
    }
    # Without <unk> KenLM warns, and so do we, in one line.
    text = path.read_text().replace("ngram 1=7", "ngram 1=6").splitlines(keepends=True)
    path.write_text("".join(line for line in text if "<unk>" not in line))
    pipe = subprocess.PIPE
    with process("evaluate", path, words, stdout=pipe, stderr=pipe) as running:
        warning = running.stderr.read().decode()
        assert running.wait(60) == 0, warning
    assert warning.startswith("bigram: warning: ")
    assert warning.count("\n") == 1


def test_explain_lists_the_pairs(run, model) -> None:
    text = run("explain", model, "ava").out
    assert [line.split()[0] for line in text.splitlines()[1:-1]] == [".a", "av", "va", "a."]
    found = run("explain", model, "ava", "--json").json
    fitted = bigram.load(model)
    assert found["score"] == fitted.score("ava")
    assert found["pairs"][0]["probability"] == fitted.explain("ava")[0].probability
    rows = run("explain", model, "-", "--json", stdin=b"ava\nemma\n").out.splitlines()
    assert [json.loads(row)["text"] for row in rows] == ["ava", "emma"]


def test_plot_writes_a_picture(run, model, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    assert run("plot", model, "-o", "map.png").out == "map.png\n"
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert run("plot", model, "-o", "map.svg", "--json").json == {"picture": "map.svg"}
