"""The vocabulary that English, German and French share: byte-pair merges (Sennrich et al. 2016,
https://arxiv.org/abs/1508.07909) with a token for each byte, so that no text is unknown; tokenizer.json of Hugging Face."""
import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SIZE = 10_240
PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
#: A source begins with the language to write.
LANGUAGES = {"en": ">>en<<", "de": ">>de<<", "fr": ">>fr<<"}
#: Each stands for something that is to be copied: a placeholder, a tag.
KEPT = [f"<{i}>" for i in range(8)]


def train(texts: Iterator[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.NFC()
    # Digits, punctuation and words apart, the space before each with it.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Metaspace(prepend_scheme="always"),
        pre_tokenizers.Split(Regex("▁?\\p{N}|▁?[^\\p{L}\\p{M}\\p{N}▁]"), "isolated"),
    ])
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    special = [PAD, END, UNKNOWN, *LANGUAGES.values(), *KEPT]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=[*special, *bytes_], min_frequency=10, limit_alphabet=200, show_progress=False))
    # Bytes are ordinary tokens of the model: as added ones they would match the text "<0x41>".
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = [token for token in made["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(made))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PAD, "eos_token": END, "unk_token": UNKNOWN,
    }, indent=2) + "\n")
