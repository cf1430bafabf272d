"""Reading the training data: JSON Lines compressed by xz, one file a task and split (see shared/data/README.md)."""
import json
import lzma
from collections.abc import Iterator
from pathlib import Path


def read(data: Path, name: str) -> Iterator[dict]:
    """Rows of e.g. 'sentiment.train'."""
    with lzma.open(data / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
