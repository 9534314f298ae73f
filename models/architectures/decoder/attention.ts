/** The attention of a layer: its projections, norms of heads, and what is added to scores or values. */
import type { LayerMixture } from '../../formats/config/head-mixture';
import { hasBuckets, holds, type DecoderLayout } from '../../formats/families/shared/decoder-layout';
import type { Layer, ModelPart } from '../../formats/model-description';
import type { Names } from '../architecture';
import type { AttentionSpec } from '../attention-spec';
import { ModelError } from '../model-spec';
import type { Linear, Norm } from '../weights-spec';
import { headExpertsOf } from './head-experts';
import { latentAttention } from './latent-attention';
import { mapOf, normOf, scaled, type Stack } from './stack';

export function attentionOf(
  stack: Stack,
  layer: Layer,
  at: Names,
  root: Names,
  routing: LayerMixture | undefined,
): AttentionSpec {
  const { part, layout, computes } = stack;
  const { attention, index } = layer;
  requireComputed(stack, layer);
  if (attention.latent) {
    const norms = holds(layout.attention.latentNorms ?? true, part);
    return latentAttention(
      part,
      layer,
      at,
      norms ? stack.epsilon : undefined,
      computes.scale?.(part, layer),
      computes.latentFactors?.(part, layer),
    );
  }
  if (layout.attention.experts) return headExpertsOf(stack, layer, at, layout.attention.experts);
  const { heads, kvHeads, headDim, valueDim, rope, causal } = attention;
  const handed = attention.sharesKvOf;
  const queryNorm = headNorm(stack, layer, at, 'query', heads, headDim);
  const keyNorm = handed === undefined ? headNorm(stack, layer, at, 'key', kvHeads, headDim) : undefined;
  const stretched = rope !== undefined && ['yarn', 'longrope'].includes(part.ropes[rope]?.scaling.kind ?? '');
  if (computes.lateNorms && queryNorm && stretched)
    throw new ModelError(
      `Layer ${index} norms what a stretched rotary form has scaled, which Headscope does not compute.`,
    );
  const tempered = computes.tempered?.(part, layer);
  const clip = computes.clip?.(part);
  const sinks = sinksOf(layout, part, layer);
  const alibi = part.positions === 'alibi' ? computes.alibi?.(part, layer) : undefined;
  const whole: AttentionSpec = {
    projection: factored(stack, projectionOf(stack, layer, at)),
    output: scaled(outputOf(stack, layer, at), computes.attentionFactors?.(part).output),
    heads,
    kvHeads,
    headDim,
    ...(valueDim === headDim ? {} : { valueDim }),
    ...(computes.plainValueNorm && handed === undefined ? { valueNorm: normOf(stack, at, undefined, headDim) } : {}),
    ...(routing ? { routing } : {}),
    scale: computes.scale?.(part, layer) ?? headDim ** -0.5,
    causal,
    ...windowOf(stack, layer),
    ...(part.softcap?.scores === undefined ? {} : { softcap: part.softcap.scores }),
    ...(rope === undefined ? {} : { rope }),
    ...(layout.turns === undefined
      ? {}
      : { turns: { table: root.name(`${layout.turns}.weight`), rows: part.contextLength ?? 0 } }),
    ...(queryNorm ? { queryNorm } : {}),
    ...(keyNorm ? { keyNorm } : {}),
    ...(computes.lateNorms && queryNorm ? { lateNorms: true } : {}),
    ...(tempered ? { tempered } : {}),
    ...(clip === undefined ? {} : { clip }),
    ...(alibi ? { alibi } : {}),
    ...(sinks === undefined ? {} : { sinks: at.name(sinks) }),
    ...(hasBuckets(layout, part)
      ? { buckets: { table: bucketTable(root, layout.buckets.name, index), ...layout.buckets.of(part) } }
      : {}),
    ...wavesOf(stack, at),
    ...groupsOf(stack, layer),
    ...disentangledOf(stack, at, root),
    ...convolutionOf(stack, at, causal),
    ...(holds(layout.attention.gate, part) ? { gated: true } : {}),
    ...(layout.attention.outputNorm === undefined
      ? {}
      : { outputNorm: normOf(stack, at, layout.attention.outputNorm, heads * headDim) }),
    ...valueBiasOf(stack, at, kvHeads, headDim),
  };
  return pairedOf(stack, index, at, markedOf(stack, at, whole));
}

function valueBiasOf(stack: Stack, at: Names, kvHeads: number, headDim: number): Pick<AttentionSpec, 'valueBias'> {
  const { valueBias } = stack.layout.attention;
  if (!valueBias) return {};
  const map = mapOf(stack, at, valueBias.map, kvHeads * headDim, kvHeads);
  return { valueBias: { linear: map, gain: at.name(valueBias.gain) } };
}

/** Heads are twice as wide where tokens are marked. */
function markedOf({ part, layout, computes }: Stack, at: Names, spec: AttentionSpec): AttentionSpec {
  const { marked } = layout.attention;
  if (!marked || !computes.marks?.(part)) return spec;
  const { projection, heads, kvHeads, headDim } = spec;
  if (projection.kind !== 'separate' || heads !== kvHeads)
    throw new ModelError('Projections of marked tokens stand beside others for as many keys as queries.');
  const [query, key, value] = marked.map((name) => mapOf({ layout, part }, at, name, part.hiddenSize, heads * headDim));
  if (!query || !key || !value) throw new RangeError('a projection of marked tokens has three maps');
  const { kind: _kind, shared: _shared, ...usual } = projection;
  return { ...spec, projection: { kind: 'marked', usual, marked: { query, key, value } }, headDim: 2 * headDim };
}

/** Heads in pairs are twice as wide as their keys. */
function pairedOf({ layout, epsilon }: Stack, index: number, at: Names, spec: AttentionSpec): AttentionSpec {
  const { differential } = layout.attention;
  const { projection, heads, kvHeads, headDim } = spec;
  if (!differential) return spec;
  if (projection.kind !== 'separate' || kvHeads % 2 !== 0 || heads % 2 !== 0)
    throw new ModelError(`Layer ${index} has ${heads} heads and ${kvHeads} of keys, which do not make pairs.`);
  const names = (of: readonly [string, string]) => [at.name(of[0]), at.name(of[1])] as const;
  return {
    ...spec,
    projection: { ...projection, kind: 'paired' },
    headDim: 2 * headDim,
    differential: {
      query: names(differential.query),
      key: names(differential.key),
      // arXiv:2410.05258, section 2.1, with layers counted from 0.
      initial: 0.8 - 0.6 * Math.exp(-0.3 * index),
      epsilon,
    },
  };
}

const bucketTable = (root: Names, name: string, layer: number): string =>
  root.name(`${name}.weight`).replace('{layer}', String(layer));

function windowOf({ part, computes }: Stack, layer: Layer): Pick<AttentionSpec, 'window' | 'chunked' | 'around'> {
  const { kind, window, causal } = layer.attention;
  if (kind === 'full' || window === undefined || computes.readsAllOf?.(part) !== undefined) return {};
  if (!causal) return { around: computes.around?.(part, layer) ?? window };
  return { window, ...(kind === 'chunked' ? { chunked: true } : {}) };
}

function outputOf(stack: Stack, layer: Layer, at: Names): Linear {
  const { output, ownBias, waves } = stack.layout.attention;
  if (waves?.byHead) return byHead(at, output, stack.part, layer, 'outputs-inputs');
  const width = layer.attention.heads * layer.attention.valueDim;
  const map = mapOf(stack, at, output, width, stack.part.hiddenSize);
  return ownBias !== undefined && at.has(ownBias) ? { ...map, bias: at.name(ownBias) } : map;
}

function wavesOf({ part, layout: { attention } }: Stack, at: Names): Pick<AttentionSpec, 'waves'> {
  if (!attention.waves) return {};
  const { map, content, position, segment } = attention.waves;
  const names = { map: at.name(map), content: at.name(content), position: at.name(position) };
  const ofSegment = segment && { query: at.name(segment.query), table: at.name(segment.table) };
  return { waves: { ...names, width: part.hiddenSize, ...(ofSegment ? { segment: ofSegment } : {}) } };
}

function groupsOf({ part, computes }: Stack, layer: Layer): Pick<AttentionSpec, 'groups'> {
  const row = computes.groups?.(part, layer);
  if (!row) return {};
  const { kept: _layer, ...groups } = row;
  return { groups };
}

function disentangledOf({ part, layout, epsilon }: Stack, at: Names, root: Names): Pick<AttentionSpec, 'disentangled'> {
  const { disentangled } = layout;
  if (!disentangled?.when(part)) return {};
  const norm = disentangled.norm(part);
  const map = (of: 'key' | 'query'): Partial<Record<'key' | 'query', Linear>> => {
    const { when, name, shared } = disentangled[of];
    return when(part) ? { [of]: at.linear(shared?.(part) ?? name, part.hiddenSize, part.hiddenSize) } : {};
  };
  return {
    disentangled: {
      table: root.name(`${disentangled.table}.weight`),
      ...(norm === undefined ? {} : { norm: root.layerNorm(norm, part.hiddenSize, epsilon) }),
      ...map('key'),
      ...map('query'),
      distances: disentangled.distances(part),
    },
  };
}

function convolutionOf({ part, layout }: Stack, at: Names, causal: boolean): Pick<AttentionSpec, 'convolution'> {
  const { convolution } = layout.attention;
  const size = convolution?.size(part);
  if (!convolution || size === undefined) return {};
  if (causal)
    throw new ModelError('A convolution of values reads in both directions, and this model from left to right.');
  return { convolution: { weight: at.name(`${convolution.name}.weight`), size } };
}

/** What a description may say of a layer that no graph here follows. */
function requireComputed({ input, part, layout, computes }: Stack, layer: Layer): void {
  const { attention, index } = layer;
  const { kind, headDim, valueDim, latent } = attention;
  if (kind !== 'full' && kind !== 'window' && kind !== 'chunked')
    throw new ModelError(`Layer ${index} is of the kind "${kind}", which this family does not compute.`);
  const other =
    valueDim !== headDim && !latent && !(computes.narrowValues && valueDim < headDim)
      ? `values of ${valueDim} numbers beside keys of ${headDim}`
      : attention.sharesKvOf !== undefined && !layout.carried
        ? `the keys and values of layer ${attention.sharesKvOf}`
        : (attention.indexer !== undefined && computes.readsAllOf === undefined) ||
            (attention.compressed ?? attention.keyIsValue) !== undefined ||
            (attention.stateElements !== undefined && !computes.state)
          ? 'keys that are chosen, joined or kept in a state'
          : layer.crossAttention && input.model.parts.length > 1 && input.sourceWidth === undefined
            ? 'cross-attention'
            : layout.ownAttention !== undefined ||
                (!computes.ownParts && (layout.more ?? layout.attention.more ?? layout.extra) !== undefined)
              ? 'parts of its own'
              : part.positions === 'alibi' && !computes.alibi
                ? 'a bias by distance'
                : undefined;
  if (other !== undefined)
    throw new ModelError(`Layer ${index} has ${other}, which Headscope does not compute for this family yet.`);
}

function sinksOf({ attention: { sinks } }: DecoderLayout, part: ModelPart, layer: Layer): string | undefined {
  if (typeof sinks === 'function') return sinks(part, layer);
  return sinks === true ? 'sinks' : undefined;
}

function projectionOf({ part, layout, computes }: Stack, layer: Layer, at: Names): AttentionSpec['projection'] {
  const { heads, kvHeads, headDim, valueDim } = layer.attention;
  const { projections, transposed } = layout.attention;
  const hidden = part.hiddenSize;
  const [first, second, third] = projections;
  if (second === undefined) {
    const rows = (heads + 2 * kvHeads) * headDim;
    const lies = computes.fused?.(part, layer) ?? { groups: 1 };
    const biases = layout.attention.partBiases;
    if (lies.groups > 1 || lies.order || transposed === true)
      return {
        kind: 'fused',
        linear: mapOf({ layout, part }, at, first, hidden, rows),
        ...lies,
        ...(biases ? { biases: { query: at.name(biases.query), value: at.name(biases.value) } } : {}),
      };
    const own = (from: number, count: number) =>
      at.linear(first, hidden, count * headDim, { firstRow: from * headDim, storedRows: rows });
    return {
      kind: 'separate',
      query: own(0, heads),
      key: own(heads, kvHeads),
      value: own(heads + kvHeads, kvHeads),
    };
  }
  if (third === undefined)
    return {
      kind: 'beside',
      query: mapOf({ layout, part }, at, first, hidden, heads * headDim),
      keysAndValues: mapOf({ layout, part }, at, second, hidden, 2 * kvHeads * headDim),
    };
  const linear = (name: string, count: number, width = headDim) =>
    layout.attention.waves?.byHead
      ? byHead(at, name, part, layer, 'inputs-outputs')
      : mapOf({ layout, part }, at, name, hidden, count * width);
  const queries = holds(layout.attention.gate, part) ? 2 * heads : heads;
  const { sharesKvOf } = layer.attention;
  if (sharesKvOf !== undefined) return { kind: 'handed', query: linear(first, queries), layer: sharesKvOf };
  return {
    kind: 'separate',
    query: linear(first, queries),
    key: linear(second, kvHeads),
    // Full layers of Gemma 4 have one map for both.
    value: layout.attention.valueIsKey?.(part, layer) ? linear(second, kvHeads) : linear(third, kvHeads, valueDim),
  };
}

/** Stored [stream, heads, width of a head], to the heads or from them. */
function byHead(
  at: Names,
  name: string,
  { hiddenSize: hidden }: ModelPart,
  { attention: { heads, headDim } }: Layer,
  stored: Linear['stored'],
): Linear {
  const [inputs, outputs] = stored === 'inputs-outputs' ? [hidden, heads * headDim] : [heads * headDim, hidden];
  return { weight: at.name(name), inputs, outputs, stored, storedShape: [hidden, heads, headDim], joined: true };
}

/** Factors on queries, keys and values. */
function factored({ part, computes }: Stack, projection: AttentionSpec['projection']): AttentionSpec['projection'] {
  const factors = computes.attentionFactors?.(part);
  if (!factors) return projection;
  if (projection.kind !== 'separate')
    throw new ModelError('Factors on queries and keys are of projections of their own.');
  const { query, key, value } = projection;
  return {
    ...projection,
    query: scaled(query, factors.query),
    key: scaled(key, factors.key),
    value: scaled(value, factors.value),
  };
}

function headNorm(
  stack: Stack,
  layer: Layer,
  at: Names,
  of: 'query' | 'key',
  count: number,
  headDim: number,
): Norm | undefined {
  const { part, layout, computes } = stack;
  const kind = layout.attention.norm?.(part);
  const plain =
    typeof computes.plainHeadNorms === 'function' ? computes.plainHeadNorms(part, layer) : computes.plainHeadNorms;
  if (kind === undefined) return plain ? normOf(stack, at, undefined, headDim) : undefined;
  const name = (layout.attention.normNames ?? ['q_norm', 'k_norm'])[of === 'query' ? 0 : 1];
  switch (kind) {
    case 'head':
      return normOf(stack, at, name, headDim);
    case 'all':
      return normOf(stack, at, name, count * headDim);
    case 'stacked':
      return { ...normOf(stack, at, name, headDim), heads: { count } };
    case 'each': {
      const each = Array.from({ length: count }, (_, head) => at.name(`${name}.norms.${head}.weight`));
      return { ...normOf(stack, at, undefined, headDim), heads: { count, each } };
    }
  }
}
