"""What transformers' generate() and its logits warpers answer with options, on the checkpoints beside this file.
usage: gen_decoding.py > decoding.json"""
import json, os, random, struct, warnings; warnings.filterwarnings('ignore')
import numpy as np, torch, transformers as tf; tf.logging.set_verbosity_error()
from transformers.generation.logits_process import LogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
HERE = os.path.dirname(os.path.abspath(__file__)); rng = random.Random(11); torch.manual_seed(11); torch.set_num_threads(1)
def load(folder):
    config = tf.AutoConfig.for_model(**json.load(open(f'{HERE}/{folder}/config.json'))); model = getattr(tf, config.architectures[0])(config)
    with open(f'{HERE}/{folder}/model.safetensors', 'rb') as f:
        header = json.loads(f.read(struct.unpack('<Q', f.read(8))[0])); data = f.read(); header.pop('__metadata__', None)
    model.load_state_dict({k: torch.from_numpy(np.frombuffer(data[slice(*v['data_offsets'])], np.float32).reshape(v['shape']).copy()) for k, v in header.items()}, strict=False)
    model.tie_weights(); return model.eval()
class Noise(LogitsProcessor):
    """Answers that hang on a near-tie are no fixture."""
    def __call__(self, ids, scores): return scores + 2e-3 * torch.randn_like(scores)
def options(seq2seq, likely):
    o = {'maxNewTokens': rng.choice([6, 12, 16]), 'numBeams': rng.choice([1, 1, 2, 3, 4, 5]), 'endTokenIds': rng.sample(likely, rng.choice([1, 1, 2]))}
    maybe = lambda p, name, values: o.__setitem__(name, rng.choice(values)) if rng.random() < p else None
    maybe(.4, 'repetitionPenalty', [1.3, 2.5, .8]); maybe(.4, 'noRepeatNgramSize', [1, 2, 3]); maybe(.3, 'minNewTokens', [3, 5])
    maybe(.2, 'suppressTokens', [rng.sample([t for t in likely if t not in o['endTokenIds']], 2)]); maybe(.2, 'forcedEosTokenId', [o['endTokenIds'][0]])
    if seq2seq: maybe(.2, 'forcedBosTokenId', [t for t in likely if t not in o['endTokenIds']])
    if o['numBeams'] > 1:
        maybe(.7, 'lengthPenalty', [0., .6, 2., -1.]); maybe(.6, 'earlyStopping', [True, 'never']); maybe(.4, 'numReturnSequences', [o['numBeams']])
    return o
NAMES = {'maxNewTokens': 'max_new_tokens', 'numBeams': 'num_beams', 'endTokenIds': 'eos_token_id', 'repetitionPenalty': 'repetition_penalty', 'noRepeatNgramSize': 'no_repeat_ngram_size', 'minNewTokens': 'min_new_tokens', 'forcedEosTokenId': 'forced_eos_token_id', 'forcedBosTokenId': 'forced_bos_token_id', 'lengthPenalty': 'length_penalty', 'earlyStopping': 'early_stopping', 'numReturnSequences': 'num_return_sequences'}
def generate(model, x, o, noise):
    kw = {NAMES[k]: v for k, v in o.items() if k in NAMES}; kw.setdefault('forced_eos_token_id', None)
    if 'suppressTokens' in o: kw['bad_words_ids'] = [[t] for t in o['suppressTokens']]
    g = model.generate(x, attention_mask=torch.ones_like(x), do_sample=False, pad_token_id=0, return_dict_in_generate=True, output_scores=True, logits_processor=[Noise()] if noise else [], **kw)
    first = 1 if model.config.is_encoder_decoder else x.shape[1]; rows = []
    for row in g.sequences[:, first:].tolist():  # what follows the first end is padding
        end = next((i for i, t in enumerate(row) if t in o['endTokenIds']), None); rows.append(row if end is None else row[:end + 1])
    return rows, [float(f'{s:.6g}') for s in g.sequences_scores.tolist()] if o['numBeams'] > 1 else None
out = []
for folder in ('gpt2-lm', 'llama-lm', 't5-v1.1', 'bart', 'marian'):
    model = load(folder); cases = json.load(open(f'{HERE}/{folder}/cases.json')); n = 0
    while n < 24:
        c = rng.choice(cases[:3]); likely = sorted(set(c['greedy_12'] + c['beam4_12'])); x = torch.tensor([c['input_ids']])
        if len(likely) < 4: likely = sorted(set(likely + [t for d in cases for t in d['greedy_12']]))
        o = options(model.config.is_encoder_decoder, likely); rows, scores = generate(model, x, o, False)
        if any(generate(model, x, o, True)[0] != rows for _ in range(3)): continue
        n += 1; out.append({'folder': folder, 'input_ids': c['input_ids'], 'options': o, 'sequences': rows, **({'scores': scores} if scores else {})})
warped = []
for _ in range(24):
    logits = [round(v, 3) for v in (rng.choice([1, 3]) * torch.randn(24)).tolist()]; o = {'temperature': rng.choice([1., .7, 2.])}; s = torch.tensor([logits])
    s = TemperatureLogitsWarper(o['temperature'])(None, s)
    if rng.random() < .6: o['topK'] = rng.choice([1, 4, 12, 40]); s = TopKLogitsWarper(o['topK'])(None, s)
    if rng.random() < .6: o['topP'] = rng.choice([.3, .8, .95]); s = TopPLogitsWarper(o['topP'])(None, s)
    warped.append({'logits': logits, 'options': o, 'probabilities': [float(f'{p:.6g}') for p in s.softmax(-1)[0].tolist()]})
dump = lambda rows: ',\n'.join(json.dumps(r) for r in rows)
print(f'{{"transformers": "{tf.__version__}",\n"generate": [\n{dump(out)}\n],\n"warpers": [\n{dump(warped)}\n]}}')
