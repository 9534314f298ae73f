import { describeModel } from '../describe-model';
import type { Attention, Layer, ModelDescription, ModelPart } from '../model-description';
import { shortened } from '../short-text';
import { blockCount, blocksOf, configOf, headWidths, vocabularySize } from './config';
import type { GgufTensor } from './header';
import type { Metadata } from './metadata';

/** What a GGUF file says of its model; undefined where it describes no stack of layers (an adapter, a vocabulary alone). */
export function describeGguf(metadata: Metadata, tensors: readonly GgufTensor[]): ModelDescription | undefined {
  const config = configOf(metadata, tensors);
  if (config === undefined) return undefined;
  const model = describeModel(config);
  const [part, ...others] = model.parts;
  if (part === undefined) return undefined;
  return {
    ...model,
    // The converted tensors have names and shapes of their own.
    exact: false,
    title: shortened(metadata.text('general.name') ?? model.title),
    parts: others.length > 0 ? model.parts : [withHeads(part, metadata)],
    dtypeFrom: 'llama.cpp keeps keys and values in float16 unless it is told otherwise',
    // Names of keys are those of a config.json, which is not there.
    problems: model.problems
      .filter(({ code }) => code === 'unknown-family')
      .map((problem) => ({ ...problem, path: [], message: unknownFamily(metadata.architecture) })),
  };
}

const unknownFamily = (architecture: string | undefined): string =>
  architecture === undefined
    ? 'The file names no general.architecture: only what its keys say by themselves is described.'
    : `No family here is called "${architecture}": only what its keys say by themselves is described.`;

/** Heads as the header has them, layer by layer where it lists them; families compute some of them from other keys. */
function withHeads(part: ModelPart, metadata: Metadata): ModelPart {
  const heads = metadata.perLayer('attention.head_count');
  if (heads === undefined || part.attention === 'mla' || metadata.architecture === 'clip') return part;
  // The header has 0 heads of attention.
  if (metadata.hasAny(metadata.own('wkv.'))) return part;
  const keyValue = metadata.perLayer('attention.head_count_kv') ?? heads;
  const { key: headDim = part.headDim, value: valueDim = part.valueDim } = headWidths(metadata);
  const [windowKey, windowValue] = [
    metadata.ownNumber('attention.key_length_swa') ?? headDim,
    metadata.ownNumber('attention.value_length_swa') ?? valueDim,
  ];
  const hasStates = metadata.hasAny(metadata.own('ssm.'));
  const layers = part.layers.map((layer): Layer => {
    const { attention } = layer;
    const own = heads.list?.[layer.index] ?? heads.largest;
    const kvHeads = keyValue.list?.[layer.index] ?? keyValue.largest;
    if (own === 0 || kvHeads === 0) return { ...layer, attention: without(attention, hasStates) };
    const isMixer = attention.kind === 'mamba' || attention.kind === 'linear' || attention.kind === 'none';
    // A list says which layers attend; without one the family does.
    if (isMixer && keyValue.list === undefined) return layer;
    const isWindow = attention.kind === 'window';
    return {
      ...layer,
      attention: {
        ...(isMixer ? attending(attention, part.ropes.length) : attention),
        heads: own,
        kvHeads,
        headDim: isWindow ? windowKey : headDim,
        valueDim: isWindow ? windowValue : valueDim,
      },
    };
  });
  const [most, mostKv] = [heads.largest, keyValue.largest];
  const attention = most === 0 ? 'none' : mostKv === most ? 'mha' : mostKv === 1 ? 'mqa' : 'gqa';
  return { ...part, heads: most, kvHeads: mostKv, headDim, valueDim, attention, layers };
}

/** A layer that its family took for a mixer of another kind. */
const attending = ({ causal, heads, kvHeads, headDim, valueDim }: Attention, ropes: number): Attention => ({
  kind: 'full',
  causal,
  heads,
  kvHeads,
  headDim,
  valueDim,
  ...(ropes > 0 ? { rope: 0 } : {}),
});

/** A layer whose list of heads has a 0: a state-space layer where the file has such, else a convolution or nothing. */
const without = ({ causal, heads, kvHeads, headDim, valueDim }: Attention, hasStates: boolean): Attention => ({
  kind: hasStates ? 'mamba' : 'none',
  causal,
  heads,
  kvHeads,
  headDim,
  valueDim,
});

/** Sentences where metadata and tensors do not fit together. */
export function contradictions(metadata: Metadata, tensors: readonly GgufTensor[]): readonly string[] {
  const found: string[] = [];
  const disagree = (what: string, inKeys: number | undefined, inTensors: number | undefined): void => {
    if (inKeys === undefined || inTensors === undefined || inKeys === inTensors) return;
    found.push(`The metadata gives ${inKeys} ${what}, and the tensors have ${inTensors}.`);
  };
  if (tensors.length === 0 || metadata.architecture === 'clip' || metadata.text('general.type') === 'adapter')
    return found;
  const all = metadata.ownNumber('block_count');
  const blocks = blocksOf(tensors);
  // Blocks for further tokens may be left out.
  if (blocks > 0 && blocks !== blockCount(metadata)) disagree('blocks', all, blocks);
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight');
  // Decoders of sound embed in a width of their own.
  if (metadata.ownNumber('features_length') === undefined) {
    disagree('as the width of an embedding', metadata.ownNumber('embedding_length'), embedding?.shape.at(-1));
  }
  disagree('tokens', metadata.length('tokenizer.ggml.tokens'), vocabularySize(metadata, tensors));
  const heads = metadata.perLayer('attention.head_count');
  const keyValue = metadata.perLayer('attention.head_count_kv') ?? heads;
  const width = metadata.ownNumber('attention.key_length') ?? headWidths(metadata).key;
  const isPlain = metadata.ownNumber('attention.kv_lora_rank') === undefined && heads?.list === undefined;
  const key = tensors.find(({ name }) => name === 'blk.0.attn_k.weight');
  const ofWindow = metadata.ownNumber('attention.key_length_swa');
  if (
    isPlain &&
    keyValue !== undefined &&
    keyValue.list === undefined &&
    width !== undefined &&
    ofWindow === undefined
  ) {
    disagree('rows of keys in a layer (heads x width)', keyValue.largest * width, key?.shape[0]);
  }
  return found;
}
