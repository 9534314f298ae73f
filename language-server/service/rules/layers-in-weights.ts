import { expectedTensors } from '../../../models/formats/expected-tensors';
import { extraLayersSentence, layerOf, ranges } from '../../../models/formats/tensors/tensor-sentences';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import type { ConfigPart } from '../parts';
import { isObject } from '../json-document';
import type { Related } from '../finding';
import type { FolderFacts } from '../folder-facts';
import type { Rule, RuleContext } from './rule';

/** Types with one plain stack of layers under the usual names, so that counting them says something. */
const countable =
  /^(llama|mistral|mixtral|qwen2|qwen2_moe|qwen3|qwen3_moe|gemma|gemma2|gemma3_text|phi|phi3|gpt2|gpt_neox|gptj|opt|bloom|falcon|mpt|starcoder2|olmo|olmo2|olmo3|granite|granitemoe|cohere|cohere2|deepseek_v2|deepseek_v3|gpt_oss|stablelm|bert|roberta|xlm-roberta|modernbert|smollm3)$/;

/** Or a model known in full whose one stack counts its layers from 0, each with tensors of its own (not ALBERT's, not stages). */
const isOneStack = ({ description }: RuleContext): boolean => {
  const [part, ...others] = description?.parts ?? [];
  const tensors = description === undefined || others.length > 0 ? undefined : expectedTensors(description);
  if (part === undefined || tensors === undefined) return false;
  // Some count the embedding as a layer: their names are written out.
  const own = new Set(tensors.flatMap(({ pattern, layers }) => (pattern.includes('{layer}') ? (layers ?? []) : [])));
  return own.size === part.layers.length && part.layers.every(({ index }) => own.has(index));
};

const layersIn = (names: readonly string[]): ReadonlySet<number> =>
  new Set(names.map(layerOf).filter((layer) => layer !== undefined));

interface TensorNames {
  readonly names: readonly string[];
  readonly file: string;
}

/** All tensor names known of the folder: from the index of the safetensors, else from the headers. */
const tensorNamesOf = ({ facts }: RuleContext): TensorNames | undefined => {
  const indexed = namesInIndex(facts, 'model.safetensors.index.json');
  if (indexed !== undefined) return indexed;
  const shards = [...facts.shards.values()].filter(({ file }) => /^model[.-]/.test(file) && !/adapter/.test(file));
  if (shards.length === 0 || shards.some(({ problem, pointer }) => problem !== undefined || pointer)) return undefined;
  return { names: shards.flatMap(({ tensors }) => tensors.map(({ name }) => name)), file: shards[0]?.file ?? '' };
};

const namesInIndex = (
  { companions }: FolderFacts,
  file: 'model.safetensors.index.json' | 'pytorch_model.bin.index.json',
): TensorNames | undefined => {
  const index = companions[file];
  const map = isObject(index) ? index['weight_map'] : undefined;
  return isObject(map) ? { names: Object.keys(map), file } : undefined;
};

interface Count {
  readonly part: ConfigPart;
  readonly key: string;
  readonly expected: number;
  /** Layers of multi-token prediction that the weights may hold besides. */
  readonly extra: number;
  readonly found: ReadonlySet<number>;
  readonly related: readonly Related[];
}

const countLayers = (context: RuleContext): Count | undefined => {
  const part = context.parts[0];
  if (part === undefined || part.value['is_encoder_decoder'] === true) return undefined;
  if (!countable.test(part.modelType ?? '') && !isOneStack(context)) return undefined;
  const layers = numberField(part.value, namesOf('num_hidden_layers'));
  // Where both are there, loaders take the safetensors.
  const weights = tensorNamesOf(context) ?? namesInIndex(context.facts, 'pytorch_model.bin.index.json');
  // A file with a count for each half says nothing of the half that was saved.
  if (layers === undefined || /^(en|de)coder_/.test(layers.key) || weights === undefined) return undefined;
  const found = layersIn(weights.names);
  if (found.size === 0) return undefined;
  const extra = numberField(part.value, ['num_nextn_predict_layers', 'mtp_num_hidden_layers'])?.value ?? 0;
  return {
    part,
    key: layers.key,
    expected: layers.value,
    extra,
    found,
    related: [{ message: `${weights.file} has ${found.size} layers`, place: { file: weights.file } }],
  };
};

export const layersMissing: Rule = {
  code: 'layers-missing',
  title: 'The weights lack layers that the config counts',
  severity: 'error',
  kinds: ['config'],
  check(context, report) {
    const count = countLayers(context);
    // A count of a million layers is a slip, and no list of them helps.
    if (count === undefined || count.expected > 10_000) return;
    const missing = Array.from({ length: Math.max(0, count.expected) }, (_, index) => index).filter(
      (index) => !count.found.has(index),
    );
    if (missing.length === 0) return;
    report(
      [count.key],
      `The weights lack layer${missing.length === 1 ? '' : 's'} ${ranges(missing)} of the ${count.expected} in ${count.key}. They hold ${count.found.size}.`,
      {
        part: count.part,
        related: count.related,
      },
    );
  },
};

export const layersExtra: Rule = {
  code: 'layers-extra',
  title: 'The weights have more layers than the config counts',
  severity: 'warning',
  kinds: ['config'],
  check(context, report) {
    const count = countLayers(context);
    if (count === undefined) return;
    const extra = [...count.found].filter((index) => index >= count.expected + count.extra);
    if (extra.length === 0) return;
    report([count.key], extraLayersSentence(extra, count.key, count.expected), {
      part: count.part,
      related: count.related,
    });
  },
};

export const tiedWithHead: Rule = {
  code: 'tied-embeddings-with-head',
  title: 'Embeddings are tied, and the weights hold an lm_head',
  severity: 'information',
  kinds: ['config'],
  check(context, report) {
    const root = context.parts[0];
    if (root?.value['tie_word_embeddings'] !== true || root.familiarity === 'foreign') return;
    const weights = tensorNamesOf(context);
    const head = weights?.names.find((name) => /^(?:[a-z_]+\.)?lm_head\.weight$/.test(name));
    if (weights === undefined || head === undefined) return;
    report(
      ['tie_word_embeddings'],
      `The embeddings are tied, so ${head} in the weights is not used. If it was trained on its own, tie_word_embeddings must be false.`,
      {
        part: root,
        related: [{ message: `${weights.file} holds ${head}`, place: { file: weights.file } }],
        fixes: [],
      },
    );
  },
};
