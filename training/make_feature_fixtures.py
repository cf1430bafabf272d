#!/usr/bin/env python3
"""Writes functions/answer/features.reference.json: whole inputs of the answer model as its training makes them, which the
function's own features are tested with. `training/make_feature_fixtures.py [--data DIR]`.
"""
import argparse
import json
from pathlib import Path

import corpus
from features import analyse, model_input
from tokenizer import WordPiece

ROOT = Path(__file__).resolve().parent.parent
#: What real questions seldom hold.
ODD = [
    ("Who wrote Café Müller in 1978?", "Pina Bausch's “Café Müller” (1978) – a dance – had its première in Wuppertal."),
    ("What are directors directing?", "The DIRECTOR directed 3 films; directing is what 2nd directors do."),
    ("Where is it?", "It is."),
    ("How much is 12.50 €?", "Costs: 12.50 € or $13.40 (approx.), 東京 not included; naïve façade 🙂 done."),
    ("When did the U.S. Army's 10th division arrive?", "The 10th Division of the U.S. Army arrived\r\n\r\non 6 June 1944."),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    wordpiece = WordPiece.load(ROOT / "models" / "answer")
    rows = list(corpus.read(arguments.data, "qa.dev"))[::60]
    pairs = ODD + [(row["question"], row["context"][:400]) for row in rows]
    cases = []
    for question, passage in pairs:
        asked, said = analyse(question, wordpiece), analyse(passage, wordpiece)
        ids, types = model_input(asked, said, 0, len(said.words))
        cases.append({"question": question, "passage": passage, "ids": ids, "types": types})
    path = ROOT / "functions" / "answer" / "features.reference.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")
    print(f"{len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
