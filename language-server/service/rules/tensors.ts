import { isObject } from '../json-document';
import type { FolderFacts } from '../folder-facts';
import type { Rule, RuleContext } from './rule';
import { expectedTensors } from '../../../models/formats/tensors/expected-tensors';
import type { ExpectedTensor } from '../../../models/formats/tensors/tensor-table';

interface Held {
  readonly file: string;
  /** Absent: only the index tells of the tensor. */
  readonly shape?: readonly number[];
}

const heldIn = new WeakMap<FolderFacts['shards'], ReadonlyMap<string, Held>>();

/** Tensors of the model's own weight files by name; undefined when some of them cannot be told. */
const heldTensors = ({ facts }: RuleContext): ReadonlyMap<string, Held> | undefined => {
  const index = facts.companions['model.safetensors.index.json'];
  const map = isObject(index) ? index['weight_map'] : undefined;
  const own = [...facts.shards.values()].filter(({ file }) => /^model[.-]/.test(file));
  if (own.length > 0 && own.every(({ problem, pointer }) => problem === undefined && !pointer)) {
    const named = isObject(map) ? new Set(Object.values(map)) : undefined;
    const complete =
      named === undefined || [...named].every((file) => typeof file === 'string' && facts.shards.has(file));
    if (complete) {
      const known = heldIn.get(facts.shards);
      if (known !== undefined) return known;
      const held = new Map<string, Held>();
      for (const { file, tensors } of own) for (const { name, shape } of tensors) held.set(name, { file, shape });
      heldIn.set(facts.shards, held);
      return held;
    }
  }
  return isObject(map)
    ? new Map(Object.keys(map).map((name) => [name, { file: 'model.safetensors.index.json' }]))
    : undefined;
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
  readonly held: ReadonlyMap<string, Held>;
  readonly wanted: readonly Wanted[];
  readonly spell: (name: string) => string;
}

const compare = (context: RuleContext): Comparison | undefined => {
  const { description, parts } = context;
  // Quantised weights have other tensors, and so does whatever remote code makes.
  if (description?.exact !== true || description.quantisation !== undefined || parts[0]?.familiarity !== 'known')
    return undefined;
  if ([...context.facts.files.keys()].some((name) => /quant/.test(name))) return undefined;
  const held = heldTensors(context);
  const tensors = held === undefined ? undefined : expectedTensors(description);
  if (held === undefined || tensors === undefined || held.size === 0) return undefined;
  const wanted = wantedTensors(tensors);
  const sample = wanted.slice(0, 200);
  const hits = spellings.map((spell) => sample.filter(({ name }) => held.has(spell(name))).length);
  const best = hits.indexOf(Math.max(...hits));
  const spell = spellings[best];
  // Most names must be those expected; else the weights have a layout of their own, and nothing is claimed.
  return spell === undefined || (hits[best] ?? 0) * 2 < sample.length ? undefined : { held, wanted, spell };
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
    const { held, wanted, spell } = comparison;
    const byField = new Map<
      string,
      { path: readonly (string | number)[]; first: Wanted; found: Held; count: number }
    >();
    for (const one of wanted) {
      const found = held.get(spell(one.name));
      if (found?.shape === undefined) continue;
      const same =
        found.shape.length === one.tensor.shape.length &&
        found.shape.every((size, index) => size === one.tensor.shape[index]);
      if (same) continue;
      const path = fieldBehind(context, one, found.shape);
      const entry = byField.get(path.join('.'));
      if (entry === undefined) byField.set(path.join('.'), { path, first: one, found, count: 1 });
      else entry.count += 1;
    }
    for (const { path, first, found, count } of byField.values()) {
      const others = count === 1 ? '' : ` ${count - 1} more tensors differ likewise.`;
      report(
        path,
        `${spell(first.name)} is [${(found.shape ?? []).join(', ')}], and the config makes it [${first.tensor.shape.join(', ')}].${others}`,
        {
          related: [{ message: `${spell(first.name)} in ${found.file}`, place: { file: found.file } }],
        },
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
    const { held, wanted, spell } = comparison;
    // BERT's first checkpoints call the two vectors of a norm gamma and beta.
    const missing = wanted.filter(({ name }) => !held.has(spell(name)) && !/LayerNorm\.(weight|bias)$/.test(name));
    // Layers that are gone altogether are the matter of another rule.
    const whole = new Set(wanted.filter(({ name }) => held.has(spell(name))).map(({ layer }) => layer));
    const single = missing.filter(({ layer }) => layer === undefined || whole.has(layer));
    const first = single.find(({ layer }) => layer !== undefined) ?? single[0];
    if (first === undefined) return;
    const more = single.length === 1 ? '' : ` and ${single.length - 1} more`;
    report(
      ['model_type'],
      `The weights lack ${spell(first.name)}${more}. Loaders fill such tensors at random, or refuse the model.`,
      // Heads and poolers are often left out on purpose, to be trained anew.
      { severity: /^(attention|mixer|mlp|experts|router)$/.test(first.tensor.group) ? 'warning' : 'information' },
    );
  },
};
