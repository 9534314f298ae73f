import { isObject } from '../json-document';
import type { Rule, RuleContext } from './rule';
import { expectedTensors } from '../../../models/formats/expected-tensors';
import { StoredWeights } from '../../../models/formats/tensors/stored-weights';
import type { StoredTensor, StoredWeight } from '../../../models/formats/tensors/stored-weights';
import { lackSentence } from '../../../models/formats/tensors/tensor-sentences';
import type { ExpectedTensor } from '../../../models/formats/tensors/tensor-table';

interface Held extends StoredTensor {
  readonly file: string;
}

/** By the headers, or the index, that they were read from: typing in the config changes neither. */
const weightsOf = new WeakMap<object, StoredWeights<Held>>();

const remembered = (source: object, read: () => Iterable<Held>): StoredWeights<Held> => {
  const known = weightsOf.get(source);
  if (known !== undefined) return known;
  const weights = new StoredWeights(new Map([...read()].map((held) => [held.name, held])));
  weightsOf.set(source, weights);
  return weights;
};

/** Tensors of the model's own weight files by name; undefined when some of them cannot be determined. */
const storedWeights = ({ facts }: RuleContext): StoredWeights<Held> | undefined => {
  const index = facts.companions['model.safetensors.index.json'];
  const map = isObject(index) ? index['weight_map'] : undefined;
  const own = [...facts.shards.values()].filter(({ file }) => /^model[.-]/.test(file));
  if (own.length > 0 && own.every(({ problem, pointer }) => problem === undefined && !pointer)) {
    const named = isObject(map) ? new Set(Object.values(map)) : undefined;
    const complete =
      named === undefined || [...named].every((file) => typeof file === 'string' && facts.shards.has(file));
    if (complete) {
      return remembered(facts.shards, () =>
        own.flatMap(({ file, tensors }) => tensors.map(({ name, shape, dtype }) => ({ file, name, shape, dtype }))),
      );
    }
  }
  if (!isObject(map)) return undefined;
  return remembered(map, () => Object.keys(map).map((name) => ({ file: 'model.safetensors.index.json', name })));
};

interface Wanted {
  readonly name: string;
  readonly tensor: ExpectedTensor;
  readonly layer: number | undefined;
}

/** Every expected tensor by name; of experts, which are all alike, the first and the last. */
const wantedTensors = (tensors: readonly ExpectedTensor[]): readonly Wanted[] =>
  tensors.flatMap((tensor) =>
    (tensor.layers ?? [undefined]).flatMap((layer) => {
      const name = layer === undefined ? tensor.pattern : tensor.pattern.replace('{layer}', String(layer));
      const { experts } = tensor;
      if (experts === undefined) return [{ name, tensor, layer }];
      const chosen = experts > 1 ? [0, experts - 1] : [0];
      return chosen.map((expert) => ({ name: name.replace('{expert}', String(expert)), tensor, layer }));
    }),
  );

/** Checkpoints saved from the bare model lack the first step of the names, others have one more. */
const spellings: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.slice(name.indexOf('.') + 1),
  ...['model.', 'transformer.', 'bert.', 'roberta.', 'language_model.'].map((step) => (name: string) => step + name),
];

interface Comparison {
  /** The weight of a name of the model's, under the spelling of the files. */
  readonly find: (name: string) => StoredWeight<Held> | undefined;
  readonly spell: (name: string) => string;
  /** Quantisers take stacked experts apart and put single ones together. */
  readonly quantised: boolean;
  readonly wanted: readonly Wanted[];
}

const compare = (context: RuleContext): Comparison | undefined => {
  const { description, parts } = context;
  // Whatever remote code makes has tensors of its own.
  if (description?.exact !== true || parts[0]?.familiarity !== 'known') return undefined;
  const weights = storedWeights(context);
  const expected = weights === undefined || weights.size === 0 ? undefined : expectedTensors(description);
  if (weights === undefined || expected === undefined) return undefined;
  const wanted = wantedTensors(expected);
  const sample = wanted.slice(0, 200);
  const found = (name: string): StoredWeight<Held> | undefined => weights.find(name, description.quantisation);
  const hits = spellings.map((spell) => sample.filter(({ name }) => found(spell(name)) !== undefined).length);
  const best = hits.indexOf(Math.max(...hits));
  const spell = spellings[best];
  // Most names must be those expected; else the weights have a layout of their own, and nothing is claimed.
  if (spell === undefined || (hits[best] ?? 0) * 2 < sample.length) return undefined;
  const quantised = description.quantisation !== undefined || weights.isQuantised;
  return { find: (name) => found(spell(name)), spell, quantised, wanted };
};

const keyNames: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /\.(k_proj|v_proj|key|value|k|v|k_norm)\./,
    ['num_key_value_heads', 'num_kv_heads', 'num_attention_heads', 'n_head'],
  ],
  [
    /\.(q_proj|o_proj|query|q_norm|out_proj|qkv_proj|query_key_value)\./,
    ['num_attention_heads', 'n_head', 'num_heads'],
  ],
  [/embed|wte|lm_head|shared/, ['vocab_size']],
  [/position|wpe/, ['max_position_embeddings', 'n_positions']],
  [/expert/, ['moe_intermediate_size', 'intermediate_size']],
  [/mlp|fc|proj|dense|wi|wo/, ['intermediate_size', 'n_inner', 'ffn_dim', 'd_ff']],
];

const hiddenNames = ['hidden_size', 'd_model', 'n_embd', 'dim'];

/** The field that most likely made the shape wrong. */
const fieldBehind = (
  context: RuleContext,
  { tensor, name }: Wanted,
  found: readonly number[],
): readonly (string | number)[] => {
  const part = context.description?.parts.find((one) => one.name === tensor.part);
  const path = part?.path ?? [];
  const holder = context.document.node(path);
  const present = (names: readonly string[]): string | undefined =>
    names.find((key) => holder?.children?.some((pair) => pair.children?.[0]?.value === key));
  const differing = tensor.shape.filter((size, index) => found[index] !== size);
  // A projection of heads whose input width is right has the wrong number of heads.
  const isProjection = found.length === 2 && found[1] === tensor.shape[1];
  for (const [pattern, names] of isProjection ? keyNames.slice(0, 2) : []) {
    const key = pattern.test(name) ? present(names) : undefined;
    if (key !== undefined) return [...path, key];
  }
  const hidden = present(hiddenNames);
  if (hidden !== undefined && differing.length > 0 && differing.every((size) => size === part?.hiddenSize))
    return [...path, hidden];
  for (const [pattern, names] of keyNames) {
    const key = pattern.test(name) ? present(names) : undefined;
    if (key !== undefined) return [...path, key];
  }
  return hidden === undefined ? ['model_type'] : [...path, hidden];
};

export const tensorShape: Rule = {
  code: 'tensor-shape',
  title: 'A tensor in the weights has another shape than the config makes it',
  severity: 'error',
  kinds: ['config'],
  check(context, report) {
    const comparison = compare(context);
    if (comparison === undefined) return;
    const { find, wanted } = comparison;
    const byField = new Map<
      string,
      { path: readonly (string | number)[]; first: Wanted; found: Held; stored: StoredWeight<Held>; count: number }
    >();
    for (const one of wanted) {
      const stored = find(one.name);
      const found = stored?.tensor;
      if (stored === undefined || found?.shape === undefined) continue;
      const { shape } = one.tensor;
      const same =
        stored.kind === 'whole'
          ? found.shape.length === shape.length && found.shape.every((size, index) => size === shape[index])
          : stored.outputs === undefined || stored.outputs === shape[0];
      if (same) continue;
      const path = fieldBehind(
        context,
        one,
        stored.kind === 'whole' ? found.shape : [stored.outputs ?? 0, ...shape.slice(1)],
      );
      const entry = byField.get(path.join('.'));
      if (entry === undefined) byField.set(path.join('.'), { path, first: one, found, stored, count: 1 });
      else entry.count += 1;
    }
    for (const { path, first, found, stored, count } of byField.values()) {
      const others = count === 1 ? '' : ` ${count - 1} more tensors differ likewise.`;
      const [outputs, weight] =
        stored.kind === 'packed' ? [` for ${stored.outputs ?? 0} outputs`, 'the weight'] : ['', 'it'];
      report(
        path,
        `${found.name} is [${(found.shape ?? []).join(', ')}]${outputs}, not [${first.tensor.shape.join(', ')}] as the config makes ${weight}.${others}`,
        { related: [{ message: `${found.name} in ${found.file}`, place: { file: found.file } }] },
      );
    }
  },
};

export const tensorsMissing: Rule = {
  code: 'tensors-missing',
  title: 'The weights lack tensors that the config asks for',
  severity: 'warning',
  kinds: ['config'],
  check(context, report) {
    const comparison = compare(context);
    if (comparison === undefined) return;
    const { find, quantised, wanted, spell } = comparison;
    const has = (name: string): boolean => find(name) !== undefined;
    const missing = wanted.filter(
      ({ name, tensor }) =>
        !has(name) &&
        // BERT's first checkpoints call the two vectors of a norm gamma and beta.
        !/LayerNorm\.(weight|bias)$/.test(name) &&
        // PyTorch 2.1 gives the length and the direction of a normalised weight other names than before.
        !/\.weight_[gv]$/.test(name) &&
        !(quantised && tensor.group === 'experts'),
    );
    // Layers that are gone altogether are the matter of another rule.
    const whole = new Set(wanted.filter(({ name }) => has(name)).map(({ layer }) => layer));
    const single = missing.filter(({ layer }) => layer === undefined || whole.has(layer));
    const first = single.find(({ layer }) => layer !== undefined) ?? single[0];
    if (first === undefined) return;
    report(
      ['model_type'],
      `${lackSentence(spell(first.name), single.length)} Loaders fill such tensors at random, or refuse the model.`,
      // Heads and poolers are often left out on purpose, to be trained again.
      { severity: /^(attention|mixer|mlp|experts|router)$/.test(first.tensor.group) ? 'warning' : 'information' },
    );
  },
};
