"""BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), post-norm, for training: masked LM, sequence classifier.

Module names are Hugging Face's, so state_dict() is the checkpoint. The classifier's pooling is the mean over tokens
(config.json: classifier_pooling), which small models learn faster than the first token.
"""
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize import QuantizedEmbedding, QuantizedLinear, quantized_rows
from tokenizer import PAD


@dataclass
class BertConfig:
    vocab_size: int
    hidden_size: int = 256
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int = 1024
    max_position_embeddings: int = 128
    type_vocab_size: int = 2
    num_labels: int = 3

    def write(self, folder: Path, architecture: str, **more: object) -> None:
        """config.json as Hugging Face's."""
        sizes = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "num_labels"}
        (folder / "config.json").write_text(json.dumps({
            "architectures": [architecture], "model_type": "bert", **sizes, "hidden_act": "relu",
            "layer_norm_eps": 1e-12, "pad_token_id": PAD, **more,
        }, indent=2) + "\n")


class SelfAttention(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.heads = config.num_attention_heads
        self.query = QuantizedLinear(config.hidden_size, config.hidden_size)
        self.key = QuantizedLinear(config.hidden_size, config.hidden_size)
        self.value = QuantizedLinear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        B, T, D = x.shape
        split = lambda y: y.view(B, T, self.heads, D // self.heads).transpose(1, 2)  # [B, heads, T, headDim]
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = q @ k.transpose(2, 3) * (D // self.heads) ** -0.5 + mask.to(q.dtype)  # [B, heads, T, T]
        with torch.autocast(x.device.type, enabled=False):  # whose softmax would be a copy in f32
            weights = scores.softmax(-1)
        return (weights @ v).transpose(1, 2).reshape(B, T, D)


class Output(nn.Module):
    """Projection, residual, layer norm."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.dense = QuantizedLinear(inputs, outputs)
        self.LayerNorm = nn.LayerNorm(outputs, eps=1e-12)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + residual)


class Layer(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": SelfAttention(config), "output": Output(config.hidden_size, config.hidden_size)}
        )
        self.intermediate = nn.ModuleDict({"dense": QuantizedLinear(config.hidden_size, config.intermediate_size)})
        self.output = Output(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(F.relu(self.intermediate["dense"](x)), x)


class Embeddings(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.word_embeddings = QuantizedEmbedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=1e-12)

    def forward(self, ids: Tensor, types: Optional[Tensor]) -> Tensor:
        positions = self.position_embeddings.weight[: ids.shape[1]]
        segments = self.token_type_embeddings.weight[0] if types is None else self.token_type_embeddings(types)
        return self.LayerNorm(self.word_embeddings(ids) + positions + segments)


class Bert(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))})

    def forward(self, ids: Tensor, present: Tensor, types: Optional[Tensor] = None) -> Tensor:
        """Hidden states [B, T, hidden] of ids [B, T]; present [B, T] is 1 for tokens, 0 for padding; types [B, T] are
        the tokens' segments, absent all 0."""
        mask = (1 - present)[:, None, None, :] * -1e4
        x = self.embeddings(ids, types)
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return x


def initialize(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, QuantizedLinear):
            nn.init.xavier_uniform_(module.weight)


class MaskedWords(nn.Module):
    """Scores of the vocabulary; the output matrix is that of the word embeddings."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.transform = nn.ModuleDict({
            "dense": QuantizedLinear(config.hidden_size, config.hidden_size),
            "LayerNorm": nn.LayerNorm(config.hidden_size, eps=1e-12),
        })
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, x: Tensor, words: Tensor, chosen: Optional[Tensor] = None) -> Tensor:
        x = self.transform["LayerNorm"](F.relu(self.transform["dense"](x)).float())
        if chosen is None:
            return F.linear(*quantized_rows(x, words), self.bias)
        return F.linear(*quantized_rows(x, words[chosen]), self.bias[chosen])


class BertForMaskedLM(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.bert = Bert(config)
        self.cls = nn.ModuleDict({"predictions": MaskedWords(config)})
        initialize(self)

    def forward(self, ids: Tensor, present: Tensor, at: Tensor, chosen: Optional[Tensor] = None) -> Tensor:
        """Logits [masked, vocabulary] at places `at` [masked] of ids [B, T] flattened: the vocabulary is far wider
        than the hidden states, so the others are never computed. Of the vocabulary, all or the `chosen` words."""
        hidden = self.bert(ids, present).flatten(0, 1)[at]
        return self.cls["predictions"](hidden, self.bert.embeddings.word_embeddings.weight, chosen)


class BertForSequenceClassification(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.bert = Bert(config)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        initialize(self)

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Logits [B, labels]."""
        hidden = self.bert(ids, present)
        pooled = (hidden * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)
        return self.classifier(self.dropout(pooled))
