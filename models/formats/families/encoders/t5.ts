/** T5 and its kin: relative positions in buckets, shared by all layers or (UMT5) one table a layer. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { partNamed } from './encoder-decoder';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { amount, firstArchitecture, word } from '../shared/family';

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

const readT5 = (reader: ConfigReader): CompositeReading => {
  for (const key of [
    'feed_forward_proj',
    'is_gated_act',
    'relative_attention_num_buckets',
    'relative_attention_max_distance',
  ])
    reader.raw(key);
  deriveActivation(reader);
  const encoderOnly = /EncoderModel$/.test(firstArchitecture(reader) ?? '');
  const side = (name: 'encoder' | 'decoder'): ModelPart => {
    const layers =
      (name === 'decoder' ? reader.integer('num_decoder_layers') : undefined) ?? reader.integer('num_layers');
    const stack = readTransformer(reader, {
      family: 't5',
      role: name,
      name,
      gated: t5Gated(reader),
      norm: 'rms',
      positions: 'relative',
      crossAttention: name === 'decoder',
      ...(layers === undefined ? {} : { layers }),
    });
    const activation = stack.activation ?? word(reader, 'dense_act_fn');
    return activation === undefined ? stack : { ...stack, activation };
  };
  return { parts: encoderOnly ? [side('encoder')] : [side('decoder'), side('encoder')], exact: true };
};

export const t5: CompositeFamily = {
  kind: 'composite',
  id: 't5',
  title: 'T5',
  modelTypes: ['t5', 'mt5', 'umt5'],
  architectures: /^(T5|MT5|UMT5)(For|Model|Encoder|With)/,
  tied: true,
  task: 'sequence-to-sequence',
  read: readT5,
  tensors: (model, table) => {
    const [first] = model.parts;
    if (first === undefined) return;
    const everyLayer = model.modelType === 'umt5';
    table.writer(first).add('embedding', 'shared.weight', [first.vocabularySize ?? 0, first.hiddenSize]);
    for (const stack of model.parts) writeT5Stack(stack, table.writer(stack).under(`${stack.name}.`), everyLayer);
    const decoder = partNamed(model, 'decoder');
    if (decoder === undefined || model.tiedEmbeddings.value || model.task.kind === 'base') return;
    table.writer(decoder).add('head', 'lm_head.weight', [decoder.vocabularySize ?? 0, decoder.hiddenSize]);
  },
};

function writeT5Stack(stack: ModelPart, writer: TensorWriter, biasInEveryLayer: boolean): void {
  const hidden = stack.hiddenSize;
  const inner = stack.heads * stack.headDim;
  const buckets = amount(stack, 'relative_attention_num_buckets') ?? 32;
  for (const layer of stack.layers) {
    const blocks = layer.crossAttention === undefined ? ['SelfAttention'] : ['SelfAttention', 'EncDecAttention'];
    blocks.forEach((block, position) => {
      const own = writer.layer(layer.index, `block.{layer}.layer.${position}.`);
      for (const name of ['q', 'k', 'v']) own.linear('attention', `${block}.${name}`, hidden, inner, false);
      own.linear('attention', `${block}.o`, inner, hidden, false);
      if (block === 'SelfAttention' && (layer.index === 0 || biasInEveryLayer)) {
        own.add('attention', `${block}.relative_attention_bias.weight`, [buckets, stack.heads]);
      }
      own.norm('layer_norm', hidden, false);
    });
    const own = writer.layer(layer.index, `block.{layer}.layer.${blocks.length}.`);
    const size = layer.feedForward.size;
    for (const name of t5Gated(stack) ? ['wi_0', 'wi_1'] : ['wi'])
      own.linear('mlp', `DenseReluDense.${name}`, hidden, size, false);
    own.linear('mlp', 'DenseReluDense.wo', size, hidden, false);
    own.norm('layer_norm', hidden, false);
  }
  writer.norm('final_layer_norm', hidden, false);
}
