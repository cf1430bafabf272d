"""The English vocabulary: lower-cased WordPiece (Wu et al. 2016, https://arxiv.org/abs/1609.08144), as BERT uses it.

The vocabulary is trained as Hugging Face's WordPieceTrainer does it: byte-pair merges by frequency over counted words,
continuations written with '##'. Encoding is greedy, longest piece first, and agrees id by id with tokenizer.json in
@huggingface/tokenizers.
"""
import heapq
import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
MAX_WORD = 100

_CHARACTERS = [chr(i) for i in range(sys.maxunicode + 1)]
_CATEGORY = {c: unicodedata.category(c) for c in _CHARACTERS}
_PUNCTUATION = "".join(
    re.escape(c) for c in _CHARACTERS if _CATEGORY[c][0] == "P" or (33 <= ord(c) <= 126 and not c.isalnum())
)
_REMOVED = {ord(c): None for c in _CHARACTERS if _CATEGORY[c] in ("Cc", "Cf", "Co", "Cn") and c not in "\t\n\r"}
_REMOVED[0xFFFD] = None
_CJK = re.compile("([\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b81f\U0002b820-\U0002ceaf"
                  "\uf900-\ufaff\U0002f800-\U0002fa1f])")
_WORD = re.compile(f"[{_PUNCTUATION}]|[^\\s{_PUNCTUATION}]+")


def words(text: str) -> list[str]:
    """BertNormalizer (clean, split CJK, lower, strip accents), then split at white space and around punctuation."""
    if not text.isascii() or not text.isprintable():
        text = _CJK.sub(r" \1 ", text.translate(_REMOVED))
        text = "".join(c for c in unicodedata.normalize("NFD", text) if _CATEGORY[c] != "Mn")
    return _WORD.findall(text.lower())


class WordPiece:
    def __init__(self, vocabulary: list[str]):
        self.vocabulary = vocabulary
        self.ids = {piece: i for i, piece in enumerate(vocabulary)}
        self._cache: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        """Ids without special tokens."""
        ids: list[int] = []
        for word in words(text):
            pieces = self._cache.get(word)
            if pieces is None:
                pieces = self._cache[word] = self._pieces(word)
            ids += pieces
        return ids

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids, and where in the text each is (in code points)."""
        normal, origin = [], []
        for at, c in enumerate(text):
            if ord(c) in _REMOVED:
                continue
            spaced = f" {c} " if _CJK.match(c) else c
            for d in unicodedata.normalize("NFD", spaced):
                if _CATEGORY[d] != "Mn":
                    lower = d.lower()
                    normal.append(lower)
                    origin += [at] * len(lower)
        ids, offsets = [], []
        for word in _WORD.finditer("".join(normal)):
            start = word.start()
            pieces = self.encode(word[0]) if len(word[0]) <= MAX_WORD else [UNK]
            for piece in pieces:
                length = len(word[0]) if piece == UNK else len(self.vocabulary[piece].removeprefix("##"))
                ids.append(piece)
                offsets.append((origin[start], origin[start + length - 1] + 1))
                start += length
        return ids, offsets

    def _pieces(self, word: str) -> list[int]:
        if len(word) > MAX_WORD:
            return [UNK]
        ids, start = [], 0
        while start < len(word):
            end = len(word)
            while end > start and (("##" if start else "") + word[start:end]) not in self.ids:
                end -= 1
            if end == start:
                return [UNK]
            ids.append(self.ids[("##" if start else "") + word[start:end]])
            start = end
        return ids

    @staticmethod
    def load(folder: Path) -> "WordPiece":
        vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
        return WordPiece(sorted(vocabulary, key=vocabulary.__getitem__))

    def save(self, folder: Path) -> None:
        """tokenizer.json and tokenizer_config.json in Hugging Face's format."""
        folder.mkdir(parents=True, exist_ok=True)
        single = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                  {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
        pair = single + [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
        tokenizer = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                 "normalized": False, "special": True}
                for i, token in enumerate(SPECIAL)
            ],
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                           "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing", "single": single, "pair": pair,
                "special_tokens": {t: {"id": t, "ids": [self.ids[t]], "tokens": [t]} for t in ("[CLS]", "[SEP]")},
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": MAX_WORD, "vocab": self.ids},
        }
        config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": None,
                  "tokenize_chinese_chars": True, "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
                  "unk_token": "[UNK]", "mask_token": "[MASK]"}
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def count_words(texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words(text))
    return counts


def train(counts: Counter[str], size: int, min_character: int = 30, max_words: int = 200_000) -> WordPiece:
    """Merges the most frequent pair until the vocabulary has `size` pieces."""
    characters: Counter[str] = Counter()
    for word, n in counts.items():
        for c in word:
            characters[c] += n
    alphabet = {c for c, n in characters.items() if n >= min_character} | {chr(i) for i in range(33, 127)} - set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    kept = [(w, n) for w, n in counts.most_common(max_words) if n > 1 and len(w) <= 40 and set(w) <= alphabet]

    pieces = [[w[0]] + ["##" + c for c in w[1:]] for w, _ in kept]
    vocabulary = SPECIAL + sorted(alphabet) + sorted({p for word in pieces for p in word if p.startswith("##")})
    known = set(vocabulary)
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for i, word in enumerate(pieces):
        for pair in zip(word, word[1:]):
            pairs[pair] += kept[i][1]
            where[pair].add(i)
    queue = [(-n, pair) for pair, n in pairs.items()]
    heapq.heapify(queue)
    while len(vocabulary) < size and queue:
        n, pair = heapq.heappop(queue)
        if -n != pairs[pair]:  # counted again since it was queued
            continue
        merged = pair[0] + pair[1][2:]
        if merged not in known:
            known.add(merged)
            vocabulary.append(merged)
        changed: set[tuple[str, str]] = set()
        for i in list(where[pair]):
            word, frequency = pieces[i], kept[i][1]
            for old in zip(word, word[1:]):
                pairs[old] -= frequency
                changed.add(old)
            new, j = [], 0
            while j < len(word):
                if j + 1 < len(word) and (word[j], word[j + 1]) == pair:
                    new.append(merged)
                    j += 2
                else:
                    new.append(word[j])
                    j += 1
            pieces[i] = new
            for fresh in zip(new, new[1:]):
                pairs[fresh] += frequency
                where[fresh].add(i)
                changed.add(fresh)
        for touched in changed:
            if pairs[touched] > 0:
                heapq.heappush(queue, (-pairs[touched], touched))
    return WordPiece(vocabulary)
