/** A decoder or an encoder as data, from the row of its family: the layout says what tensors are called, `computes` what is made of them. */
import { mixtureKey, readMixture, type LayerMixture } from '../formats/config/head-mixture';
import type { Computation, NormPlace } from '../formats/families/shared/computation';
import {
  hasTable,
  holds,
  nameIn,
  type DecoderLayout,
  type RoutedNames,
} from '../formats/families/shared/decoder-layout';
import { sizeOf, type StackFamily } from '../formats/families/shared/family';
import type { Layer, ModelPart } from '../formats/model-description';
import { activationOf, epsilonOf, Names, vocabularyHead, vocabularyOf, type ArchitectureInput } from './architecture';
import { predictionHead } from './encoder-head';
import { latentAttention } from './latent-attention';
import {
  isRouted,
  ModelError,
  type AttentionSpec,
  type BlockSpec,
  type BranchNorms,
  type EmbeddingSpec,
  type FeedForwardSpec,
  type Linear,
  type ModelSpec,
  type Norm,
  type RoutedSpec,
} from './model-spec';

type Row = NonNullable<StackFamily['stack']>;

/** What the parts of a stack are made from. */
interface Stack {
  readonly input: ArchitectureInput;
  readonly part: ModelPart;
  readonly layout: DecoderLayout;
  readonly computes: Computation;
  readonly epsilon: number;
}

/** Throws ModelError with one sentence where the checkpoint cannot be computed. */
export function specifyDecoder(input: ArchitectureInput, { layout, computes }: Row): ModelSpec {
  const { part } = input;
  const stack: Stack = {
    input,
    part,
    layout,
    computes,
    epsilon: part.norm.epsilon ?? computes.epsilon ?? epsilonOf(part),
  };
  const mixture = readMixture(
    part.fields[mixtureKey]?.value,
    part.layers.map(({ attention }) => attention.heads),
  );
  if (typeof mixture === 'string') throw new ModelError(`${mixture} Correct the config.`);
  const names = Names.find(input, rootsOf(nameIn<string>(layout.root, part)), `${layout.embedding}.weight`);
  const vocabulary = vocabularyOf(part);
  const narrow = layout.narrowEmbedding ?? layout.widenedEmbedding;
  const width = narrow?.size(part) ?? part.hiddenSize;
  const [, outwards] = width === part.hiddenSize ? [] : (layout.narrowEmbedding?.projections ?? []);
  const embedding = embeddingOf(stack, names, vocabulary, width);
  const { transform, vocabulary: logits } = layout.heads
    ? predictionHead(input, layout.heads.predictions, embedding.tokens, stack.epsilon)
    : {
        ...vocabularyHead(input, nameIn<string>(layout.head ?? 'lm_head', part), embedding.tokens, vocabulary, width),
        transform: undefined,
      };
  const finalNorm = nameIn(layout.finalNorm, part);
  const plainNorm = computes.plainFinalNorm === true || (computes.plainFinalNorm && computes.plainFinalNorm(part));
  const { positions } = embedding;
  return {
    family: part.family,
    hiddenSize: part.hiddenSize,
    embedding,
    blocks: part.layers.map((layer) => blockOf(stack, layer, names, mixture?.[layer.index])),
    head: {
      ...(finalNorm !== undefined || plainNorm ? { norm: normOf(stack, names, finalNorm, part.hiddenSize) } : {}),
      ...(outwards === undefined ? {} : { project: names.linear(outwards, part.hiddenSize, width) }),
      ...(transform ? { transform } : {}),
      ...(logits ? { vocabulary: scaled(logits, computes.logitFactor?.(part)) } : {}),
      ...(part.softcap?.logits === undefined ? {} : { softcap: part.softcap.logits }),
    },
    ropes: part.ropes,
    contextLength: readable(stack, positions),
  };
}

/** How many positions a text may have: those in front of the padding token have no row, and short texts alone may be read in full. */
function readable({ part, computes }: Stack, positions: EmbeddingSpec['positions']): number | undefined {
  const rows =
    positions?.weight !== undefined && positions.padding !== undefined
      ? positions.rows - positions.offset
      : part.contextLength;
  const most = computes.readsAllOf?.(part);
  return most === undefined ? rows : Math.min(rows ?? most, most);
}

/** A root, each of its ends (`model.decoder.`, `decoder.`, none), and that of the oldest checkpoints. */
function rootsOf(root: string): readonly string[] {
  const parts = root.split('.').filter((each) => each !== '');
  const ends = parts.map((_, at) => `${parts.slice(at).join('.')}.`);
  return [...new Set([...ends, '', 'transformer.'])];
}

const scaled = (linear: Linear, factor: number | undefined): Linear =>
  factor === undefined || factor === 1 ? linear : { ...linear, factor };

/** Without a name it has no weights of its own. */
function normOf({ part, computes, epsilon }: Stack, at: Names, name: string | undefined, size: number): Norm {
  const { kind } = part.norm;
  if (name === undefined) return { kind, size, epsilon };
  if (kind === 'rms') return at.rms(name, size, epsilon, computes.gainOffset);
  const norm = at.layerNorm(name, size, epsilon);
  return computes.gainOffset === undefined ? norm : { ...norm, gainOffset: computes.gainOffset };
}

function embeddingOf(stack: Stack, names: Names, vocabulary: number, width: number): EmbeddingSpec {
  const { part, layout, computes } = stack;
  const scale = computes.embeddingScale?.(part);
  const waves = computes.waves?.(part);
  const length = part.contextLength ?? 0;
  const positions = hasTable(layout, part) ? layout.positions : undefined;
  const added = positions && tableOf(stack, names, positions, length);
  const types = (layout.types ?? []).flatMap((one) => {
    const rows = one.rows(part);
    return rows > 0 ? [{ weight: names.name(`${one.name}.weight`), rows }] : [];
  });
  const widened = layout.widenedEmbedding;
  const embeddingNorm = nameIn(layout.embeddingNorm, part);
  return {
    tokens: names.name(`${layout.embedding}.weight`),
    vocabulary,
    width,
    ...(scale === undefined || scale === 1 ? {} : { scale }),
    ...maskedOf(stack),
    ...(added ? { positions: added } : {}),
    ...(waves ? { positions: { waves, rows: length } } : {}),
    ...(types.length === 0 ? {} : { types }),
    ...(embeddingNorm === undefined && !computes.plainEmbeddingNorm
      ? {}
      : { norm: normOf(stack, names, embeddingNorm, widened && !widened.normBehind ? width : part.hiddenSize) }),
    ...(layout.narrowEmbedding && width !== part.hiddenSize
      ? { project: names.linear(layout.narrowEmbedding.projections[0], width, part.hiddenSize) }
      : {}),
    ...(widened && (widened.always || width !== part.hiddenSize)
      ? { widen: names.linear(widened.projection, width, part.hiddenSize) }
      : {}),
  };
}

function maskedOf({ part, computes }: Stack): Pick<EmbeddingSpec, 'masked'> {
  const masked = computes.maskedShare?.(part);
  if (!masked) return {};
  const { token, share } = masked;
  if (token === undefined)
    throw new ModelError('The config has token_dropout and names no mask_token_id, whose rows it would leave out.');
  return { masked: { token, share } };
}

function tableOf(
  { part }: Stack,
  names: Names,
  { name, offset = 0, behindPadding }: NonNullable<DecoderLayout['positions']>,
  length: number,
): NonNullable<EmbeddingSpec['positions']> {
  const weight = names.name(`${name}.weight`);
  if (!behindPadding) return { weight, rows: length + offset, offset };
  const padding = sizeOf(part, 'pad_token_id');
  if (padding === undefined)
    throw new ModelError('The config names no pad_token_id, behind which the positions of this family begin.');
  return { weight, rows: length, offset: padding + 1, padding };
}

function blockOf(stack: Stack, layer: Layer, names: Names, routing: LayerMixture | undefined): BlockSpec {
  const { part, layout, computes } = stack;
  const { layer: path } = layout;
  const at = names.layer(layer.index, typeof path === 'function' ? path(layer.index, part) : path);
  const stored = typeof layout.norms === 'function' ? layout.norms(part, layer) : layout.norms;
  const places = placesOf(computes, part, layer, stored.length);
  const normAt = (place: NormPlace): Norm | undefined => {
    const index = places.indexOf(place);
    return index < 0 ? undefined : normOf(stack, at, stored[index], part.hiddenSize);
  };
  const branch = (name: 'attention' | 'network'): BranchNorms => {
    const [input, output, after] = [normAt(name) ?? normAt('both'), normAt(`${name}.output`), normAt(`${name}.sum`)];
    return { ...(input ? { input } : {}), ...(output ? { output } : {}), ...(after ? { after } : {}) };
  };
  const factor = computes.branchFactor?.(part);
  const attention = attentionOf(stack, layer, at.at(layout.attention.prefix), names, routing);
  const network = feedForwardOrExperts(stack, layer, at);
  return {
    index: layer.index,
    parallel: computes.parallel?.(part) ?? places.includes('both'),
    attention: { ...attention, output: scaled(attention.output, factor) },
    feedForward: scaledNetwork(network, factor),
    attentionNorms: branch('attention'),
    feedForwardNorms: branch('network'),
  };
}

function feedForwardOrExperts(stack: Stack, layer: Layer, at: Names): FeedForwardSpec | RoutedSpec {
  const { layout } = stack;
  const names = layout.experts?.names;
  return layer.feedForward.kind === 'experts' && names
    ? routedOf(stack, layer, at, names)
    : feedForwardOf(stack, layer, at.at(layout.mlp.prefix));
}

/** What a branch adds, by a factor. */
function scaledNetwork(
  network: FeedForwardSpec | RoutedSpec,
  factor: number | undefined,
): FeedForwardSpec | RoutedSpec {
  if (!isRouted(network)) return { ...network, down: scaled(network.down, factor) };
  const each = (one: FeedForwardSpec): FeedForwardSpec => ({ ...one, down: scaled(one.down, factor) });
  return {
    ...network,
    experts: network.experts.map(each),
    ...(network.shared ? { shared: each(network.shared) } : {}),
  };
}

function placesOf({ norms }: Computation, part: ModelPart, layer: Layer, stored: number): readonly NormPlace[] {
  if (typeof norms === 'function') return norms(part, layer);
  if (norms) return norms;
  if (stored === 1) return ['both'];
  if (stored === 2) return ['attention', 'network'];
  if (stored === 4) return ['attention', 'attention.output', 'network', 'network.output'];
  throw new ModelError(`A layer with ${stored} norms is not one that Headscope computes.`);
}

function attentionOf(
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
    return latentAttention(part, layer, at, norms ? stack.epsilon : undefined, computes.scale?.(part, layer));
  }
  const { heads, kvHeads, headDim, rope, causal, window } = attention;
  const queryNorm = headNorm(stack, at, 'query', heads, headDim);
  const keyNorm = headNorm(stack, at, 'key', kvHeads, headDim);
  const stretched = rope !== undefined && ['yarn', 'longrope'].includes(part.ropes[rope]?.scaling.kind ?? '');
  if (computes.lateNorms && queryNorm && stretched)
    throw new ModelError(
      `Layer ${index} norms what a stretched rotary form has scaled, which Headscope does not compute.`,
    );
  const clip = computes.clip?.(part);
  const sinks = sinksOf(layout, part, layer);
  const alibi = part.positions === 'alibi' ? computes.alibi?.(part, layer) : undefined;
  return {
    projection: projectionOf(stack, layer, at),
    output: mapOf(stack, at, layout.attention.output, heads * headDim, part.hiddenSize),
    heads,
    kvHeads,
    headDim,
    ...(routing ? { routing } : {}),
    scale: computes.scale?.(part, layer) ?? headDim ** -0.5,
    causal,
    ...(attention.kind === 'window' && window !== undefined && computes.readsAllOf?.(part) === undefined
      ? causal
        ? { window }
        : { around: computes.around?.(part, layer) ?? window }
      : {}),
    ...(part.softcap?.scores === undefined ? {} : { softcap: part.softcap.scores }),
    ...(rope === undefined ? {} : { rope }),
    ...(layout.turns === undefined
      ? {}
      : { turns: { table: root.name(`${layout.turns}.weight`), rows: part.contextLength ?? 0 } }),
    ...(queryNorm ? { queryNorm } : {}),
    ...(keyNorm ? { keyNorm } : {}),
    ...(computes.lateNorms && queryNorm ? { lateNorms: true } : {}),
    ...(clip === undefined ? {} : { clip }),
    ...(alibi ? { alibi } : {}),
    ...(sinks === undefined ? {} : { sinks: at.name(sinks) }),
    ...(layout.buckets === undefined
      ? {}
      : { buckets: { table: root.name(`${layout.buckets.name}.weight`), ...layout.buckets.of(part) } }),
    ...disentangledOf(stack, at, root),
    ...convolutionOf(stack, at, causal),
    ...(layout.attention.outputNorm === undefined
      ? {}
      : { outputNorm: normOf(stack, at, layout.attention.outputNorm, heads * headDim) }),
  };
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
function requireComputed({ part, layout, computes }: Stack, layer: Layer): void {
  const { attention, index } = layer;
  const { kind, headDim, valueDim, latent } = attention;
  if (kind !== 'full' && kind !== 'window')
    throw new ModelError(`Layer ${index} is of the kind "${kind}", which this family does not compute.`);
  const other =
    valueDim !== headDim && !latent
      ? `values of ${valueDim} numbers beside keys of ${headDim}`
      : attention.sharesKvOf !== undefined
        ? `the keys and values of layer ${attention.sharesKvOf}`
        : (attention.indexer ?? attention.compressed ?? attention.keyIsValue) !== undefined ||
            attention.stateElements !== undefined
          ? 'keys that are chosen, joined or kept in a state'
          : layer.crossAttention
            ? 'cross-attention'
            : (layout.ownAttention ?? layout.more ?? layout.attention.more ?? layout.extra) !== undefined ||
                layout.attention.valueIsKey?.(part, layer) === true ||
                holds(layout.attention.gate, part)
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

/** A map as it is stored: GPT-2 has [inputs, outputs], SqueezeBERT groups of channels. */
function mapOf(
  { layout, part }: Pick<Stack, 'layout' | 'part'>,
  at: Names,
  name: string,
  inputs: number,
  outputs: number,
): Linear {
  const linear = at.linear(name, inputs, outputs);
  const groups = layout.groups?.(part, name);
  if (groups !== undefined && (inputs % groups !== 0 || outputs % groups !== 0))
    throw new ModelError(
      `${groups} groups do not divide the ${inputs} channels that ${name} reads and the ${outputs} of it.`,
    );
  return {
    ...linear,
    ...(layout.attention.transposed === true ? { stored: 'inputs-outputs' } : {}),
    ...(groups === undefined ? {} : { groups }),
  };
}

function projectionOf({ part, layout, computes }: Stack, layer: Layer, at: Names): AttentionSpec['projection'] {
  const { heads, kvHeads, headDim } = layer.attention;
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
    throw new ModelError('Keys and values in one projection beside the queries are not computed yet.');
  const linear = (name: string, count: number) => mapOf({ layout, part }, at, name, hidden, count * headDim);
  return { kind: 'separate', query: linear(first, heads), key: linear(second, kvHeads), value: linear(third, kvHeads) };
}

function headNorm(stack: Stack, at: Names, of: 'query' | 'key', count: number, headDim: number): Norm | undefined {
  const { part, layout, computes } = stack;
  const kind = layout.attention.norm?.(part);
  if (kind === undefined) return computes.plainHeadNorms ? normOf(stack, at, undefined, headDim) : undefined;
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

function feedForwardOf(stack: Stack, layer: Layer, at: Names): FeedForwardSpec {
  const { layout } = stack;
  const { feedForward, index } = layer;
  if (feedForward.kind !== 'dense')
    throw new ModelError(`Layer ${index} has no feed-forward network, which Headscope does not run yet.`);
  return networkOf(stack, at, feedForward.size, layout.mlp);
}

/** A dense network: of a layer, of one expert, or of what stands beside the experts. */
function networkOf(stack: Stack, at: Names, size: number, names: DecoderLayout['mlp']): FeedForwardSpec {
  const { part } = stack;
  const hidden = part.hiddenSize;
  const { inputs, output, fused, innerNorm, slopes } = names;
  const [first = '', second] = inputs;
  const linear = (name: string) => mapOf(stack, at, name, hidden, size);
  const rows = (firstRow: number) => at.linear(first, hidden, size, { firstRow, storedRows: 2 * size });
  const [positive, negative] = slopes ?? [];
  const learned =
    activationName(stack) === 'xielu' && positive !== undefined && negative !== undefined
      ? ({ kind: 'xielu', positive: at.name(positive), negative: at.name(negative) } as const)
      : undefined;
  return {
    activation: learned ?? activationOf(activationName(stack)),
    ...(fused === true
      ? { gate: rows(0), up: rows(size) }
      : second === undefined
        ? { up: linear(first) }
        : { gate: linear(first), up: linear(second) }),
    ...(innerNorm === undefined ? {} : { innerNorm: normOf(stack, at, innerNorm, size) }),
    down: mapOf(stack, at, output, size, hidden),
  };
}

const activationName = ({ part, computes, input }: Stack): string | undefined =>
  computes.activation?.(part, input.model.transformersVersion) ?? part.activation;

/** `beside` is the layer itself. */
function routedOf(stack: Stack, layer: Layer, beside: Names, names: RoutedNames): RoutedSpec {
  const { part, computes } = stack;
  const { experts, size } = layer.feedForward;
  if (!experts || !computes.router)
    throw new ModelError(`Layer ${layer.index} has routed experts, which Headscope does not run for this family yet.`);
  if (experts.latentSize !== undefined)
    throw new ModelError(`Layer ${layer.index} has experts of another width than the stream, which are not run yet.`);
  const { count, perToken, sharedSize } = experts;
  if (perToken < 1 || perToken > count)
    throw new ModelError(
      `Layer ${layer.index} chooses ${perToken} of ${count} experts for each token. Correct the config.`,
    );
  const at = beside.at(names.prefix);
  const hidden = part.hiddenSize;
  const [gate, up, down] = names.sharedProjections ?? names.projections ?? ['gate_proj', 'up_proj', 'down_proj'];
  const bias = names.routerBias === undefined || !at.has(names.routerBias) ? undefined : at.name(names.routerBias);
  const { sharedBeside } = names;
  const shared =
    sharedSize === 0
      ? undefined
      : sharedBeside
        ? networkOf(stack, beside.at(sharedBeside.prefix), sharedSize, {
            ...{ prefix: '', inputs: [sharedBeside.gateAndUp], fused: true, output: sharedBeside.down },
          })
        : names.shared === undefined
          ? undefined
          : networkOf(stack, at.at(names.shared), sharedSize, { prefix: '', inputs: [gate, up], output: down });
  return {
    router: {
      ...computes.router(part),
      linear: at.linear(names.router, hidden, count),
      perToken,
      ...(bias === undefined ? {} : { choiceBias: { name: bias, shape: at.shape(names.routerBias ?? '') } }),
    },
    experts: Array.from({ length: count }, (_, expert) =>
      names.inTurns
        ? expertInTurns(stack, at, names.inTurns, { expert, count, size })
        : names.stacked
          ? stackedExpert(stack, at, names.stacked, { expert, count, size })
          : networkOf(stack, at.at(`experts.${expert}.`), size, {
              ...{ prefix: '', inputs: (names.projections ?? []).slice(0, 2), output: names.projections?.[2] ?? '' },
            }),
    ),
    ...(shared ? { shared } : {}),
    ...(shared && experts.sharedGate && names.sharedGate !== undefined
      ? { sharedGate: at.linear(names.sharedGate, hidden, 1) }
      : {}),
  };
}

function expertInTurns(
  { part, computes }: Stack,
  at: Names,
  { maps, biases }: NonNullable<RoutedNames['inTurns']>,
  { expert, count, size }: { readonly expert: number; readonly count: number; readonly size: number },
): FeedForwardSpec {
  const hidden = part.hiddenSize;
  if (!computes.heldGate)
    throw new ModelError('Experts whose gate and up lie in turns have an activation of their own.');
  const map = (of: 0 | 1, inputs: number, outputs: number, columns: number): Linear => ({
    ...{ weight: at.name(maps[of]), bias: at.name(biases[of]), inputs, outputs, stored: 'inputs-outputs' },
    firstRow: inputs * expert,
    storedShape: [count, inputs, columns],
    biasRow: { row: expert, rows: count },
  });
  const both = map(0, hidden, size, 2 * size);
  return {
    activation: { kind: 'held-gate', ...computes.heldGate },
    gate: { ...both, everySecond: 0 },
    up: { ...both, everySecond: 1 },
    down: map(1, size, hidden, hidden),
  };
}

function stackedExpert(
  stack: Stack,
  at: Names,
  [gateAndUp, down]: NonNullable<RoutedNames['stacked']>,
  { expert, count, size }: { readonly expert: number; readonly count: number; readonly size: number },
): FeedForwardSpec {
  const hidden = stack.part.hiddenSize;
  const map = (name: string, inputs: number, outputs: number, firstRow: number, rows: number): Linear => ({
    ...{ weight: at.name(name), inputs, outputs, stored: 'outputs-inputs', firstRow },
    storedShape: [count, rows, inputs],
  });
  return {
    activation: activationOf(activationName(stack)),
    gate: map(gateAndUp, hidden, size, 2 * size * expert, 2 * size),
    up: map(gateAndUp, hidden, size, 2 * size * expert + size, 2 * size),
    down: map(down, size, hidden, hidden * expert, hidden),
  };
}
