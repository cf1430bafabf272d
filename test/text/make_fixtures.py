#!/usr/bin/env python3
"""Makes fixtures/: small tokenizers of every kind, trained on corpus.txt, and what Hugging Face's Rust tokenizers say.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.2 sentencepiece==0.2.2
    venv/bin/python test/text/make_fixtures.py && npx biome format --write test/text/fixtures

The tests need neither: they read the files. Offsets in reference.json are in code points, start and end in turn.
"""

import base64
import json
import pathlib
import random
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
OUT = HERE / "fixtures"
LINES = (HERE / "corpus.txt").read_text().splitlines()

LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def wordpiece():
    """BERT, cased: accents and case stay."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=700, limit_alphabet=150, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ids)
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    return tokenizer


def wordpiece_uncased():
    """BERT, uncased."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=500, limit_alphabet=120, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.post_processor = template(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def roberta():
    """Byte-level BPE with GPT-2's words, a space before the text, and a mask that takes the space before it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(LINES, byte_trainer(700, special))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def llama3():
    """Byte-level BPE with the words of Llama 3 (Qwen2 differs in how digits group) and whole words before merges."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.train_from_iterator(LINES, byte_trainer(700, ["<|begin_of_text|>", "<|eot_id|>"]))
    tokenizer.add_tokens([AddedToken("harbour", single_word=True, normalized=True)])
    single = "<|begin_of_text|> $A"
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            template(tokenizer, single, single + " <|begin_of_text|>:1 $B:1"),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def llama2():
    """Sentencepiece's BPE, which falls back to bytes and knows no words (Llama 2, Mistral)."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=800, limit_alphabet=100, special_tokens=["<unk>", "<s>", "</s>", *bytes_], show_progress=False
    )
    words.train_from_iterator(LINES, trainer)
    learnt = json.loads(words.to_str())["model"]
    tokenizer.model = models.BPE(
        learnt["vocab"], [tuple(merge) for merge in learnt["merges"]], unk_token="<unk>", byte_fallback=True, fuse_unk=True
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = template(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def t5():
    """Unigram after sentencepiece's compiled normalization: a small charsmap, made by sentencepiece itself."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    train_unigram(tokenizer, ["<pad>", "</s>", "<unk>"], 650)
    tokenizer.add_special_tokens([f"<extra_id_{i}>" for i in range(4)])
    tokenizer.post_processor = template(tokenizer, "$A </s>", "$A </s> $B </s>")
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def xlnet():
    """Unigram after normalizers that are spelt out, with special tokens at the end and three segments."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Strip(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    train_unigram(tokenizer, ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>"], 550)
    tokenizer.post_processor = template(
        tokenizer, "$A:0 <sep>:0 <cls>:2", "$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2", ("<sep>", "<cls>")
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def byte_trainer(size, special):
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, special_tokens=special, show_progress=False
    )


def train_unigram(tokenizer, special, size):
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    # The trainer keeps every letter it saw; without the rarest scripts there are unknown ones to test.
    model = json.loads(tokenizer.to_str())["model"]
    kept = [(token, round(score, 4)) for token, score in model["vocab"] if token < "\u0900" or "\u2000" < token < "\u2fff"]
    tokenizer.model = models.Unigram(kept, model["unk_id"], False)


def template(tokenizer, single, pair, names=()):
    names = names or sorted({part.split(":")[0] for part in f"{single} {pair}".split() if part[0] != "$"})
    return processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(name, tokenizer.token_to_id(name)) for name in names]
    )


def charsmap():
    """nmt_nfkc cut down to a few hundred rules: spaces, controls, full width, ligatures, and composed letters."""
    rules = {"\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\u200b": " ", "\u2028": " ", "\ufffd": " "}
    rules |= {chr(code): "" for code in (*range(1, 9), 0x0B, *range(0x0E, 0x20), 0x7F, 0xAD)}
    rules |= {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    rules |= {"ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "™": "TM", "№": "No", "½": "1/2", "…": "...", "Ⅳ": "IV", "㎏": "kg", "ﷺ": "صلى"}
    rules |= {"e\u0301": "é", "a\u0308": "ä", "o\u0308": "ö", "u\u0308": "ü", "n\u0303": "ñ", "か\u3099": "が"}
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder, "rules.tsv")
        code_points = lambda text: " ".join(f"{ord(character):X}" for character in text)
        table.write_text("".join(f"{code_points(a)}\t{code_points(b)}\n" for a, b in sorted(rules.items())))
        model = pathlib.Path(folder, "m")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(LINES), model_prefix=str(model), vocab_size=450, character_coverage=0.98,
            normalization_rule_tsv=str(table), minloglevel=2,
        )
        from sentencepiece import sentencepiece_model_pb2 as pb

        proto = pb.ModelProto.FromString(model.with_suffix(".model").read_bytes())
        return proto.normalizer_spec.precompiled_charsmap


TEXTS = [
    "",
    " ",
    "Hello",
    "The harbour was quiet when the first boats came home.",
    "  two  spaces,\tand a\ttab \n\n and lines\r\n ",
    "It's what she'd said: they weren't kind; I'LL go. ``quoted'' and ''so''.",
    "naïve café, coöperate — “quoted” … ﬁne ﬂow ½ Ⅳ ™ № １２３ ＡＢＣ",
    "cafe\u0301 u\u0308ber n\u0303 a\u0323\u0302 a\u0302\u0323 e\u0301\u0327",
    "İstanbul ılık IĞDIR ıI",
    "ΟΔΟΣ ΟΔΥΣΣΕΩΣ Σ ς σ",
    "Größe STRASSE ẞ ß",
    "港はとても静か。東京は日本の首都です",
    "港口很安静，第一批船回来了。𠀀𪛖",
    "배가 돌아왔다 \u1112\u1161\u11ab\u1100\u1173\u11af",
    "か\u3099 ﾊﾟ ｶﾞ ㎏ ㍿",
    "كان الميناء هادئا ﷺ لا إله",
    "बंदरगाह शांत था",
    "🙂 👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️ 𝟏𝟐 𝓗𝓲",
    "a\u0000b\u0007c\u200bd\u00ade\ufefff\u2028g\ufffdh",
    "x\u0301\u0302\u0303y \u0301 alone",
    "zero\u200d\u200cwidth",
    "1,250,000 and 3.14159 and 2026-11-24 and 1234567890",
    "https://www.example.org/path?q=1&lang=en info@example.org #tag @user $5 ~a^b`c|d",
    "for (let i = 0; i < n; i++) {\n        total += items[i];\n}\n",
    "supercalifragilisticexpialidocious" * 4,
    "a" * 120,
    "[MASK] a [MASK]b <mask> c<mask> <extra_id_0>d </s> <s> <|eot_id|> [SEP]",
    "harbour Harbour harbours xharbour harbour, harbour",
    "▁under▁score ▁ _ ##hash Ġ Ċ",
    "<0x41> <unk> [UNK] <pad>",
]
PAIRS = [("How many today?", "Two hundred and forty, he said."), ("a", ""), ("", "b")]

ALPHABET = (
    [chr(code) for code in range(0x20, 0x7F)] * 3
    + list("\t\n\r\u00a0\u00ad\u200b\u200d\ufe0f\u0301\u0308\u0327\u0323\u0345ÀéßİıŞğΣςДжЖ")
    + list("שלוםمرحبا\u064b\u0651한국어\u1112\u1161\u11ab港口東京かがカ\u3099ﾊﾟ１２ﬁﬃ½™№…Ⅳ㎏ﷺ𠀀𝟏🙂👍🏽👨👩🇩🇪❤हिन्दी\u0e33กำ")
)


def random_texts(count):
    source = random.Random(5)
    words = " ".join(LINES).split()
    for _ in range(count):
        parts = []
        for _ in range(source.randint(1, 6)):
            if source.random() < 0.5:
                parts.append(source.choice(words))
            else:
                parts.append("".join(source.choices(ALPHABET, k=source.randint(1, 6))))
        yield source.choice([" ", "", "  "]).join(parts)


def reference(tokenizer):
    def encode(text, pair=None, special=False):
        found = tokenizer.encode(text, pair, add_special_tokens=special)
        offsets = [edge for span in found.offsets for edge in span]
        case = {"text": text, "ids": found.ids, "offsets": offsets}
        if pair is not None:
            case |= {"pair": pair, "types": found.type_ids}
        return case

    texts = [*TEXTS, *random_texts(20)]
    return {
        "texts": [encode(text) for text in texts],
        "single": tokenizer.encode("Hello").ids,
        "pairs": [encode(first, second, special=True) for first, second in PAIRS],
        "decoded": [
            {"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=True)}
            for ids in (tokenizer.encode(text).ids for text in TEXTS[3:24:2])
        ],
    }


def main():
    OUT.mkdir(exist_ok=True)
    references = {}
    for make in (wordpiece, wordpiece_uncased, roberta, llama3, llama2, t5, xlnet):
        tokenizer = make()
        name = make.__name__.replace("_", "-")
        (OUT / f"{name}.json").write_text(tokenizer.to_str() + "\n")
        (OUT / f"{name}.reference.json").write_text(json.dumps(reference(tokenizer)) + "\n")


if __name__ == "__main__":
    main()
