/** T5 and its kin: relative positions in buckets, shared by all layers or (UMT5) one table a layer. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer, type TransformerChoice } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { DecoderLayout } from '../shared/decoder-layout';
import type { CompositeFamily, CompositeReading, StackRow } from '../shared/family';
import { firstArchitecture, sizeOf, word } from '../shared/family';
import { writeHalves } from '../shared/halves';
import { activations, honoured, idle, idleOfText, only, type RunKeys } from '../shared/run-keys';

/**
 * T5Config works `is_gated_act` out of `feed_forward_proj`, and then takes over what the file says of it: files without the
 * second are gated by the first.
 */
const t5Gated = (source: { readonly fields: ModelPart['fields'] }): boolean => {
  const said = source.fields['is_gated_act']?.value;
  return typeof said === 'boolean' ? said : (word(source, 'feed_forward_proj') ?? 'relu').startsWith('gated-');
};

/** What T5Config makes of `feed_forward_proj` where the file does not say it: `gated-gelu` is GELU by its tanh formula. */
function deriveActivation(reader: ConfigReader): void {
  const said = word(reader, 'feed_forward_proj') ?? 'relu';
  const activation = said === 'gated-gelu' ? 'gelu_new' : (said.split('-').at(-1) ?? said);
  if (!reader.has('is_gated_act')) reader.derive('is_gated_act', t5Gated(reader), 'feed_forward_proj');
  if (reader.nameOf('hidden_act') === undefined) reader.derive('dense_act_fn', activation, 'feed_forward_proj');
}

/** Keys of T5Config and of those made from it. */
export const t5Keys: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'd_model', 'd_kv', 'd_ff', 'num_layers', 'num_decoder_layers', 'num_heads'),
  ...honoured('relative_attention_num_buckets', 'relative_attention_max_distance', 'layer_norm_epsilon'),
  ...honoured('feed_forward_proj', 'is_gated_act', 'tie_word_embeddings', 'scale_decoder_outputs'),
  ...only(activations, 'dense_act_fn'),
  ...idle('the class says of itself whether it reads from left to right', 'is_decoder'),
  ...idle('other names of sizes', 'hidden_size', 'num_attention_heads', 'num_hidden_layers', 'head_dim'),
  ...idle('drops activations in training alone', 'dropout_rate'),
  ...idle('which token a text begins with', 'decoder_start_token_id'),
  ...idle('a length that the class does not hold to', 'n_positions'),
};

/** Rows of relative positions: those of the first layer are of all layers, or each has its own (UMT5). */
const bucketsOf = (layer: string, attention: string, bothWays: boolean): NonNullable<DecoderLayout['buckets']> => ({
  name: `block.${layer}.layer.0.${attention}.relative_attention_bias`,
  of: (part) => ({
    buckets: sizeOf(part, 'relative_attention_num_buckets') ?? 32,
    farthest: sizeOf(part, 'relative_attention_max_distance') ?? 128,
    bothWays,
  }),
});

/** MT5 never scales what its head reads, T5 where it says so or, in older files, where the head is the table of words. */
function outputFactor(part: ModelPart, modelType: string | undefined): number | undefined {
  const scaled = modelType === 't5' ? part.fields['scale_decoder_outputs']?.value : undefined;
  const tied = part.fields['tie_word_embeddings']?.value !== false;
  return modelType !== 'mt5' && (typeof scaled === 'boolean' ? scaled : tied) ? part.hiddenSize ** -0.5 : undefined;
}

/** Names of the own attention of a half and of its network. */
export const half =
  (name: 'encoder' | 'decoder', { attention = 'SelfAttention', network: networkName = 'DenseReluDense' } = {}) =>
  (part: ModelPart, modelType: string | undefined): StackRow => {
    const network = name === 'decoder' ? 2 : 1;
    return {
      layout: {
        root: `${name}.`,
        embedding: 'embed_tokens',
        words: () => 'shared',
        buckets: bucketsOf(modelType === 'umt5' ? '{layer}' : '0', attention, name === 'encoder'),
        layer: 'block.{layer}.',
        attention: { prefix: `layer.0.${attention}.`, projections: ['q', 'k', 'v'], output: 'o' },
        cross: { prefix: 'layer.1.EncDecAttention.', norm: 'layer.1.layer_norm' },
        mlp: {
          prefix: `layer.${network}.${networkName}.`,
          inputs: t5Gated(part) ? ['wi_0', 'wi_1'] : ['wi'],
          output: 'wo',
        },
        norms: ['layer.0.layer_norm', `layer.${network}.layer_norm`],
        finalNorm: 'final_layer_norm',
      },
      computes: { scale: () => 1, logitFactor: () => outputFactor(part, modelType) },
    };
  };

export const readT5 = (
  reader: ConfigReader,
  family: string,
  /** What differs of a half of so many layers. */
  choice: (name: 'encoder' | 'decoder', layers: number) => Partial<TransformerChoice> = () => ({}),
): CompositeReading => {
  for (const key of [
    'feed_forward_proj',
    'is_gated_act',
    'relative_attention_num_buckets',
    'relative_attention_max_distance',
    'scale_decoder_outputs',
    'tie_word_embeddings',
  ])
    reader.raw(key);
  deriveActivation(reader);
  const encoderOnly = /EncoderModel$/.test(firstArchitecture(reader) ?? '');
  const side = (name: 'encoder' | 'decoder'): ModelPart => {
    const layers =
      (name === 'decoder' ? reader.integer('num_decoder_layers') : undefined) ?? reader.integer('num_layers');
    const stack = readTransformer(reader, {
      family,
      role: name,
      name,
      gated: t5Gated(reader),
      norm: 'rms',
      positions: 'relative',
      crossAttention: name === 'decoder',
      ...(layers === undefined ? {} : { layers }),
      ...choice(name, layers ?? 0),
    });
    const activation = stack.activation ?? word(reader, 'dense_act_fn');
    return activation === undefined ? stack : { ...stack, activation };
  };
  return { parts: encoderOnly ? [side('encoder')] : [side('decoder'), side('encoder')], exact: true };
};

const t5Halves = { decoder: half('decoder'), encoder: half('encoder') };

export const t5: CompositeFamily = {
  kind: 'composite',
  id: 't5',
  title: 'T5',
  modelTypes: ['t5', 'mt5', 'umt5'],
  architectures: /^(T5|MT5|UMT5)(For|Model|Encoder|With)/,
  tied: true,
  task: 'sequence-to-sequence',
  run: t5Keys,
  ...t5Halves,
  read: (reader) => readT5(reader, 't5'),
  tensors: (model, table) => writeHalves(t5Halves, model, table),
};

const localHalves = { decoder: half('decoder'), encoder: half('encoder', { attention: 'LocalSelfAttention' }) };

/** Its encoder reads positions nearer than `local_radius` and one; `transient-global` adds means of blocks, which are not computed. */
export const longT5: CompositeFamily = {
  kind: 'composite',
  id: 'longt5',
  title: 'LongT5',
  modelTypes: ['longt5'],
  architectures: /^LongT5(For|Model|Encoder)/,
  tied: true,
  task: 'sequence-to-sequence',
  run: {
    ...t5Keys,
    ...honoured('local_radius'),
    ...only(['local'], 'encoder_attention_type'),
    ...idle('of the other kind of attention', 'global_block_size'),
  },
  ...localHalves,
  read: (reader) => {
    const global = reader.string('encoder_attention_type') === 'transient-global';
    const window = (reader.integer('local_radius', 1) ?? 127) + 1;
    const reading = readT5(reader, 'longt5', (name) => (name === 'encoder' ? { window } : {}));
    return { ...reading, exact: !global };
  },
  tensors: (model, table) => writeHalves(localHalves, model, table),
};
