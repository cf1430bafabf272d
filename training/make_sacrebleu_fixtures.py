#!/usr/bin/env python3
"""What sacreBLEU (`pip install sacrebleu`) says of made-up translations: functions/translate/sacrebleu.fixture.json."""
import json
from pathlib import Path

import sacrebleu
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

GROUPS = {
    "alike": (["The cat sat on the mat.", "He doesn't know what to do, does he?"],
              ["The cat sat on a mat.", "He does not know what to do, does he?"]),
    "numbers": (["It cost $1,234.56 in 2019-20.", "3.5% of the U.S. market; e.g. 10,000 people"],
                ["It cost $1,234.50 in 2019-20.", "3.5 % of the US market, e.g. 10.000 people"]),
    "accents": (["Où est la bibliothèque ?", "Die Straße ist schön.", "J'ai « peur » !"],
                ["Où se trouve la bibliothèque ?", "Die Strasse ist sehr schön.", "J'ai peur !"]),
    "entities": (["a &amp; b &lt;i&gt; &quot;c&quot;"], ["a & b <i> \"c\" d"]),
    "short": (["Yes.", "No way"], ["Yes!", "No, no way at all"]),
    "nothing shared": (["abc def ghi jkl mno"], ["pqr stu vwx yz qqq"]),
    "same": (["One two three four five."], ["One two three four five."]),
    "empty": (["", "Something was said here."], ["Nothing.", "Something was said there."]),
}

fixture = []
for name, (hypotheses, references) in GROUPS.items():
    fixture.append({
        "name": name, "hypotheses": hypotheses, "references": references,
        "tokens": [Tokenizer13a()(line).split() for line in hypotheses],
        "bleu": sacrebleu.corpus_bleu(hypotheses, [references]).score,
        "chrf": sacrebleu.corpus_chrf(hypotheses, [references]).score,
    })
path = Path(__file__).resolve().parent.parent / "functions" / "translate" / "sacrebleu.fixture.json"
path.write_text(json.dumps(fixture, ensure_ascii=False, indent=1) + "\n")
