/** The tensors that a layout asks for, in the order of a checkpoint. */
import type { Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { writeBeside } from './beside-row';
import type { DistanceBuckets } from './computation';
import { hasBuckets, hasTable, holds, nameIn, placeOfLayer, type DecoderLayout } from './decoder-layout';
import { writeHeads } from './encoder-heads';
import type { Top } from './top';

/** A linear map, or one over groups of channels. */
function writeMap(
  writer: TensorWriter,
  group: 'attention' | 'mlp',
  name: string,
  input: number,
  output: number,
  bias: boolean,
  groups: DecoderLayout['groups'],
): void {
  if (groups === undefined) {
    writer.linear(group, name, input, output, bias);
    return;
  }
  writer.add(group, `${name}.weight`, [output, Math.floor(input / groups(writer.part, name)), 1]);
  if (bias) writer.add(group, `${name}.bias`, [output]);
}

function writeAttention(
  writer: TensorWriter,
  layer: Layer,
  layout: DecoderLayout['attention'],
  groups?: DecoderLayout['groups'],
  keyWidth = writer.part.hiddenSize,
): void {
  const { part } = writer;
  const { heads, kvHeads, headDim, valueDim, latent, sharesKvOf } = layer.attention;
  const own = writer.under(layout.prefix);
  const hidden = part.hiddenSize;
  const inputBias = holds(layout.inputBias, part);
  const outputBias = holds(layout.outputBias, part);
  if (latent !== undefined) {
    writeLatentAttention(own, layer, inputBias, holds(layout.latentNorms ?? true, part));
    layout.more?.(own, layer, part);
    layout.unread?.(own, layer, part);
    return;
  }
  if (layout.experts !== undefined) {
    writeHeadExperts(own, layer, layout.experts);
    return;
  }
  const linear = (name: string, input: number, output: number, bias: boolean): void => {
    if (layout.waves?.byHead) own.add('attention', name, [hidden, heads, headDim]);
    else if (layout.transposed === true) {
      own.add('attention', `${name}.weight`, [input, output]);
      if (bias) own.add('attention', `${name}.bias`, [output]);
    } else writeMap(own, 'attention', name, input, output, bias, groups);
  };
  const queries = heads * headDim * (holds(layout.gate, part) ? 2 : 1);
  const [first, second, third] = layout.projections;
  if (second === undefined) {
    linear(first, hidden, queries + kvHeads * (headDim + valueDim), inputBias);
  } else {
    linear(first, hidden, queries, inputBias);
    if (sharesKvOf === undefined) {
      linear(second, keyWidth, kvHeads * (third === undefined ? headDim + valueDim : headDim), inputBias);
      if (third !== undefined && layout.valueIsKey?.(part, layer) !== true)
        linear(third, keyWidth, kvHeads * valueDim, inputBias);
    }
  }
  linear(layout.output, heads * valueDim, hidden, outputBias);
  if (layout.waves) {
    const { map, content, position, segment } = layout.waves;
    own.add('attention', map, [hidden, heads, headDim]);
    for (const name of [content, position, ...(segment ? [segment.query] : [])])
      own.add('attention', name, [heads, headDim]);
    if (segment) own.add('attention', segment.table, [2, heads, headDim]);
  }
  if (layout.ownBias !== undefined && layer.index === part.layers.length - 1)
    own.add('attention', layout.ownBias, [hidden]);
  for (const name of Object.values(layout.partBiases ?? {})) own.add('attention', name, [heads * headDim]);
  const sinks =
    typeof layout.sinks === 'function' ? layout.sinks(part, layer) : layout.sinks === true ? 'sinks' : undefined;
  if (sinks !== undefined) own.add('attention', sinks, [heads]);
  const kind = layout.norm?.(part);
  if (kind !== undefined) {
    const [query, key] = layout.normNames ?? ['q_norm', 'k_norm'];
    for (const [name, count] of [
      [query, heads],
      [key, kvHeads],
    ] as const) {
      if (name === key && sharesKvOf !== undefined) continue;
      if (kind === 'each') {
        for (let head = 0; head < count; head++)
          own.norm(`${name}.norms.${head}`, headDim, holds(layout.normBias, part));
        continue;
      }
      const shape = kind === 'head' ? [headDim] : kind === 'all' ? [count * headDim] : [count, headDim];
      own.add('norms', `${name}.weight`, shape);
      if (holds(layout.normBias, part)) own.add('norms', `${name}.bias`, shape);
    }
  }
  if (layout.outputNorm !== undefined) own.norm(layout.outputNorm, heads * valueDim, false);
  const kernel = layout.convolution?.size(part);
  if (layout.convolution && kernel !== undefined)
    own.add('attention', `${layout.convolution.name}.weight`, [heads, 1, kernel, 1]);
  if (layout.valueBias !== undefined) {
    linear(layout.valueBias.map, kvHeads * valueDim, kvHeads, inputBias);
    own.add('attention', layout.valueBias.gain, [kvHeads]);
  }
  for (const name of Object.values(layout.differential ?? {}).flat()) own.add('attention', name, [headDim]);
  for (const name of layout.marked ?? []) linear(name, hidden, hidden, inputBias);
  layout.more?.(own, layer, part);
  layout.unread?.(own, layer, part);
}

function writeHeadExperts(
  writer: TensorWriter,
  { attention: { kvHeads, headDim }, feedForward: { experts } }: Layer,
  { router, query, output, outputBias, keysAndValues }: NonNullable<DecoderLayout['attention']['experts']>,
): void {
  const { hiddenSize: hidden } = writer.part;
  const own = kvHeads * headDim;
  if (experts === undefined) return;
  writer.add('router', `${router}.weight`, [experts.count, hidden]);
  writer.stacked(experts, `${query}.weight`, [own, hidden]);
  writer.stacked(experts, `${output}.weight`, [hidden, own]);
  writer.add('attention', outputBias, [hidden]);
  writer.linear('attention', keysAndValues, hidden, 2 * own, false);
}

/** DeepSeek's names for multi-head latent attention. */
function writeLatentAttention(writer: TensorWriter, layer: Layer, bias: boolean, norms: boolean): void {
  const { heads, headDim, latent } = layer.attention;
  if (latent === undefined) return;
  const hidden = writer.part.hiddenSize;
  if (latent.queryRank === undefined) writer.linear('attention', 'q_proj', hidden, heads * headDim, false);
  else {
    writer.linear('attention', 'q_a_proj', hidden, latent.queryRank, bias);
    if (norms) writer.norm('q_a_layernorm', latent.queryRank, false);
    writer.linear('attention', 'q_b_proj', latent.queryRank, heads * headDim, false);
  }
  writer.linear('attention', 'kv_a_proj_with_mqa', hidden, latent.kvRank + latent.ropeDim, bias);
  if (norms) writer.norm('kv_a_layernorm', latent.kvRank, false);
  writer.linear('attention', 'kv_b_proj', latent.kvRank, heads * (latent.nopeDim + latent.valueDim), false);
  writer.linear('attention', 'o_proj', heads * latent.valueDim, hidden, bias);
}

function writeMlp(
  writer: TensorWriter,
  size: number,
  layout: DecoderLayout['mlp'],
  transposed = false,
  groups?: DecoderLayout['groups'],
): void {
  const { part } = writer;
  const own = writer.under(layout.prefix);
  const bias = holds(layout.bias, part);
  const linear = (name: string, input: number, output: number, biased: boolean): void => {
    if (transposed) {
      own.add('mlp', `${name}.weight`, [input, output]);
      if (biased) own.add('mlp', `${name}.bias`, [output]);
    } else writeMap(own, 'mlp', name, input, output, biased, groups);
  };
  for (const name of layout.inputs) linear(name, part.hiddenSize, layout.fused === true ? 2 * size : size, bias);
  linear(layout.output, size, part.hiddenSize, holds(layout.outputBias ?? layout.bias, part));
  if (layout.innerNorm !== undefined) own.norm(layout.innerNorm, size, false);
  if (part.activation === 'xielu') for (const slope of layout.slopes ?? []) own.add('mlp', slope, [1]);
}

const bucketShape = ({ buckets, byHead }: DistanceBuckets, { heads }: ModelPart): readonly number[] =>
  byHead ? [heads, buckets] : [buckets, heads];

export function writeDecoder(layout: DecoderLayout) {
  return (part: ModelPart, writer: TensorWriter, top: Top): void => {
    const root = writer.under(nameIn<string>(layout.root, part));
    const width = layout.narrowEmbedding?.size(part) ?? part.hiddenSize;
    const narrow = layout.widenedEmbedding?.size(part) ?? part.hiddenSize;
    const words = layout.words?.(part);
    const table = words === undefined ? root : writer.under(nameIn<string>(layout.root, part).replace(/[^.]*\.$/, ''));
    table.add('embedding', `${words ?? layout.embedding}.weight`, [
      (part.vocabularySize ?? 0) + (layout.furtherTokens ?? 0),
      layout.widenedEmbedding ? narrow : width,
    ]);
    if (layout.narrowEmbedding !== undefined && width !== part.hiddenSize) {
      const [inwards, outwards] = layout.narrowEmbedding.projections;
      root.linear('embedding', inwards, width, part.hiddenSize, false);
      root.linear('head', outwards, part.hiddenSize, width, false);
    }
    if (layout.positions !== undefined && hasTable(layout, part)) {
      const rows = (part.contextLength ?? 0) + (layout.positions.offset ?? 0);
      root.add('embedding', `${layout.positions.name}.weight`, [rows, narrow]);
    }
    for (const { name, rows } of layout.types ?? [])
      if (rows(part) > 0) root.add('embedding', `${name}.weight`, [rows(part), narrow]);
    const beside = layout.beside?.(part);
    if (beside) writeBeside(beside, root, part);
    const { convolved } = layout;
    const kernel = convolved?.size(part);
    if (convolved && kernel !== undefined) {
      root.add('other', `${convolved.name}.weight`, [part.hiddenSize, part.hiddenSize, kernel]);
      root.add('other', `${convolved.name}.bias`, [part.hiddenSize]);
      root.norm(convolved.norm, part.hiddenSize, true);
    }
    const { predicts, mappedBuckets: mapped } = layout;
    if (predicts) root.add('embedding', `${predicts.table}.weight`, [predicts.streams(part), part.hiddenSize]);
    layout.extra?.(root, part);
    layout.unread?.(root, part);
    const normBias = holds(layout.normBias, part);
    const embeddingNorm = nameIn(layout.embeddingNorm, part);
    if (embeddingNorm !== undefined)
      root.norm(embeddingNorm, layout.widenedEmbedding?.normBehind ? part.hiddenSize : narrow, normBias);
    if (layout.turns !== undefined)
      root.add('other', `${layout.turns}.weight`, [part.contextLength ?? 0, part.headDim]);
    if (hasBuckets(layout, part) && !layout.buckets.name.includes('{layer}'))
      root.add('attention', `${layout.buckets.name}.weight`, bucketShape(layout.buckets.of(part), part));
    const { widenedEmbedding: widened, disentangled } = layout;
    if (disentangled?.when(part)) {
      const norm = disentangled.norm(part);
      root.add('embedding', `${disentangled.table}.weight`, [2 * disentangled.distances(part).span, part.hiddenSize]);
      if (norm !== undefined) root.norm(norm, part.hiddenSize, normBias);
    }
    if (widened && (widened.always || narrow !== part.hiddenSize))
      root.linear('embedding', widened.projection, narrow, part.hiddenSize, widened.bias);
    const paths = part.layers.map(({ index }) =>
      typeof layout.layer === 'function' ? layout.layer(index, part) : layout.layer,
    );
    const times = new Map<string, number>();
    for (const path of paths) times.set(path, (times.get(path) ?? 0) + 1);
    for (const [at, layer] of part.layers.entries()) {
      const path = paths[at] ?? '';
      // Layers that share their tensors are stored once.
      const shared = typeof layout.layer === 'function' && !path.includes('{layer}') && (times.get(path) ?? 0) > 1;
      if (shared && paths.indexOf(path) < at) continue;
      const place = placeOfLayer(layout, layer.index);
      const own = shared
        ? root.under(path)
        : root.layer(place.layer, path).renamed((name) => name.replace('{part}', String(place.part)));
      const { kind } = layer.attention;
      if (kind !== 'full' && kind !== 'window' && kind !== 'chunked') layout.mixer?.(own, layer, part);
      else if (layout.shared !== undefined) layout.shared(root, layer, part);
      else if (layout.ownAttention !== undefined) layout.ownAttention(own, layer, part);
      else writeAttention(own, layer, layout.attention, layout.groups);
      if (kind === 'full' && layer.attention.stateElements !== undefined) layout.mixer?.(own, layer, part);
      if (mapped)
        own
          .under(layout.attention.prefix)
          .linear('attention', mapped.name, part.hiddenSize, mapped.of(part).buckets * part.heads, true);
      if (disentangled?.when(part)) {
        for (const { when, name, bias, shared } of [disentangled.key, disentangled.query])
          if (when(part) && shared?.(part) === undefined)
            own.under(layout.attention.prefix).linear('attention', name, part.hiddenSize, part.hiddenSize, bias);
      }
      if (hasBuckets(layout, part) && layout.buckets.name.includes('{layer}'))
        root
          .layer(layer.index, layout.buckets.name)
          .add('attention', '.weight', bucketShape(layout.buckets.of(part), part));
      const names = typeof layout.norms === 'function' ? layout.norms(part, layer) : layout.norms;
      for (const name of names) own.norm(name, part.hiddenSize, normBias);
      for (const name of layout.carries ?? []) own.add('other', name, [part.hiddenSize]);
      if (layout.cross !== undefined && layer.crossAttention !== undefined) {
        const { prefix, norm, outputNorm, width: read } = layout.cross;
        const crossed = { ...layer, attention: layer.crossAttention };
        writeAttention(own, crossed, { ...layout.attention, prefix }, undefined, read?.(part));
        for (const name of outputNorm === undefined ? [norm] : [norm, outputNorm])
          own.norm(name, part.hiddenSize, normBias);
      }
      const { feedForward } = layer;
      if (feedForward.kind === 'experts') layout.experts?.(own, feedForward, layer, part);
      if (feedForward.kind === 'dense' && !layout.shared)
        writeMlp(own, feedForward.size, layout.mlp, layout.attention.transposed, layout.groups);
      layout.more?.(own, layer, part);
      for (const language of layout.adapters?.languages(part) ?? []) writeAdapter(own, language, layout.adapters, part);
    }
    const finalNorm = nameIn(layout.finalNorm, part);
    if (finalNorm !== undefined) root.norm(finalNorm, part.hiddenSize, normBias);
    if (layout.heads !== undefined) writeHeads(layout.heads, part, writer, top);
    else
      writeHead(
        layout.outputs ? { ...part, vocabularySize: layout.outputs(part) } : part,
        writer,
        top,
        nameIn<string>(layout.head ?? 'lm_head', part),
        width,
        holds(layout.headBias, part),
      );
  };
}

function writeAdapter(
  writer: TensorWriter,
  language: string,
  layout: DecoderLayout['adapters'],
  part: ModelPart,
): void {
  if (!layout) return;
  const own = writer.under(layout.prefix.replace('{language}', language));
  own.linear('mlp', layout.inputs, part.hiddenSize, layout.size(part), true);
  own.linear('mlp', layout.output, layout.size(part), part.hiddenSize, true);
}

function writeHead(part: ModelPart, writer: TensorWriter, top: Top, name: string, width: number, bias: boolean): void {
  switch (top.task.kind) {
    case 'sequence-classification':
    // ImageGPT's.
    case 'image-classification':
      writer.linear('head', 'score', width, top.task.labels, false);
      return;
    case 'token-classification':
      writer.linear('head', 'score', width, top.task.labels, true);
      return;
    case 'question-answering':
      writer.linear('head', 'qa_outputs', part.hiddenSize, 2, true);
      return;
    case 'causal-lm':
    case 'masked-lm':
    case 'sequence-to-sequence':
    case 'pretraining':
      if (!top.tied) writer.add('head', `${name}.weight`, [part.vocabularySize ?? 0, width]);
      if (bias) writer.add('head', `${name}.bias`, [part.vocabularySize ?? 0]);
      return;
    case 'base':
      return;
  }
}
