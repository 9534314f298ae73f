/** A block of a row: attention and network, where their norms stand, and what they are multiplied by. */
import type { LayerMixture } from '../../formats/config/head-mixture';
import type { Computation, NormPlace } from '../../formats/families/shared/computation';
import { placeOfLayer } from '../../formats/families/shared/decoder-layout';
import type { Layer, ModelPart } from '../../formats/model-description';
import { activationOf, type Names } from '../architecture';
import { ModelError, type BlockSpec, type BranchNorms } from '../model-spec';
import { isRouted, type FeedForwardSpec, type RoutedSpec } from '../network-spec';
import type { Norm } from '../weights-spec';
import { attentionOf } from './attention';
import { carriedIn } from './carried';
import { crossOf } from './cross';
import { sharedOf } from './shared';
import { stateOf } from './state';
import { routedOf } from './experts';
import { feedForwardOf, networkOf } from './network';
import { normOf, scaled, type Stack } from './stack';

export function blockOf(whole: Stack, layer: Layer, names: Names, routing: LayerMixture | undefined): BlockSpec {
  const { part, layout, computes } = whole;
  const stack = { ...whole, epsilon: computes.layerEpsilon ?? whole.epsilon };
  const { layer: path } = layout;
  const place = placeOfLayer(layout, layer.index);
  const at = names.layer(place.layer, typeof path === 'function' ? path(layer.index, part) : path, place.part);
  const stored = typeof layout.norms === 'function' ? layout.norms(part, layer) : layout.norms;
  const places = placesOf(computes, part, layer, stored.length);
  const normAt = (place: NormPlace): Norm | undefined => {
    const index = places.indexOf(place);
    return index < 0 ? undefined : normOf(stack, at, stored[index], part.hiddenSize);
  };
  const carried = carriedIn(stack, at);
  const branch = (name: 'attention' | 'network'): BranchNorms => {
    const [input, output, after] = [normAt(name) ?? normAt('both'), normAt(`${name}.output`), normAt(`${name}.sum`)];
    const carry = layout.carries?.[name === 'attention' ? 0 : 1];
    return {
      ...(input ? { input } : {}),
      ...(output ? { output } : {}),
      ...(carry === undefined ? {} : { carry: at.name(carry) }),
      ...(after ? { after } : {}),
      ...(layout.scalar !== undefined && name === 'network' && !carried.vector
        ? { scalar: at.name(layout.scalar) }
        : {}),
    };
  };
  // A layer that has cross-attention alone reads what a text does not have, so it is left out.
  if (layer.crossAttention && layer.attention.kind === 'none' && stack.input.sourceWidth === undefined)
    return { index: layer.index, parallel: false, attentionNorms: {}, feedForwardNorms: {} };
  const factor = computes.branchFactor?.(part);
  const row = computes.state?.(part, layer);
  const state = row && stateOf(stack, row, layer.index, at);
  const sharedRow = computes.shared?.(part, layer);
  const shared = sharedRow && sharedOf(stack, sharedRow, layer, names);
  const attention = shared
    ? shared.attention
    : hasAttention(layer, computes)
      ? attentionOf(stack, layer, at.at(layout.attention.prefix), names, routing)
      : undefined;
  const replaced = computes.thinned?.(part, layer);
  if (replaced !== undefined)
    throw new ModelError(`Layer ${layer.index} has ${replaced}, which Headscope does not compute yet.`);
  const alone = (computes.state !== undefined || computes.thinned) && layer.feedForward.kind === 'none';
  const network = alone || shared ? undefined : feedForwardOrExperts(stack, layer, at);
  const cross = crossOf(stack, layer, at, places);
  return {
    index: layer.index,
    ...(cross ? { cross } : {}),
    parallel: computes.parallel?.(part) ?? places.includes('both'),
    ...(attention ? { attention: { ...attention, output: scaled(attention.output, factor) } } : {}),
    ...(shared ? { shared: shared.shared } : {}),
    ...(state ? { state: { ...state, output: scaled(state.output, factor) } } : {}),
    ...(computes.fourier ? { fourier: true } : {}),
    ...(network ? { feedForward: scaledNetwork(network, factor) } : {}),
    attentionNorms: branch('attention'),
    feedForwardNorms: branch('network'),
    ...(computes.shortcut ? { shortcut: computes.shortcut(part, layer) } : {}),
    ...adapterOf(stack, at),
    ...carried,
    ...(layer.index === 0 ? convolvedOf(stack, names) : {}),
  };
}

function convolvedOf({ part, layout: { convolved }, epsilon }: Stack, names: Names): Pick<BlockSpec, 'convolved'> {
  const size = convolved?.size(part);
  if (!convolved || size === undefined) return {};
  // With an even size, the class gives another number of positions than it reads.
  if (size % 2 === 0)
    throw new ModelError(`The convolution reads ${size} positions, which is not an odd number. Correct the config.`);
  const activation = convolved.activation(part);
  return {
    convolved: {
      ...{ weight: names.name(`${convolved.name}.weight`), bias: names.name(`${convolved.name}.bias`), size },
      activation: activation === 'tanh' ? 'tanh' : activationOf(activation),
      norm: names.layerNorm(convolved.norm, part.hiddenSize, epsilon),
    },
  };
}

/** The adapter of the language that the config names. */
function adapterOf(stack: Stack, at: Names): Pick<BlockSpec, 'adapter'> {
  const { part, layout } = stack;
  const { adapters } = layout;
  if (!adapters) return {};
  const { prefix, inputs, output, norm } = adapters;
  const [language, languages] = [adapters.language(part), adapters.languages(part)];
  if (language === undefined || !languages.includes(language)) {
    const said = language === undefined ? 'names no default_language' : `has the default_language "${language}"`;
    throw new ModelError(
      `The config ${said}, and this model has a network for each of its languages. Set default_language to one of ${languages.slice(0, 8).join(', ')}${languages.length > 8 ? ', …' : ''}.`,
    );
  }
  const names = { prefix: '', inputs: [inputs], output, bias: true };
  return {
    adapter: {
      network: networkOf(stack, at.at(prefix.replace('{language}', language)), adapters.size(part), names),
      norms: { after: normOf(stack, at, norm, part.hiddenSize) },
    },
  };
}

/** A family without recurrences has attention in every layer, unless it is thinned. Attention of another kind is refused. */
const hasAttention = ({ attention: { kind } }: Layer, { state, thinned, fourier }: Computation): boolean =>
  (state === undefined && !thinned && !fourier) || kind === 'full' || kind === 'window' || kind === 'chunked';

function feedForwardOrExperts(stack: Stack, layer: Layer, at: Names): FeedForwardSpec | RoutedSpec {
  const { layout } = stack;
  const names = layout.experts?.names;
  return layer.feedForward.kind === 'experts' && names
    ? routedOf(stack, layer, at, names)
    : feedForwardOf(stack, layer, at.at(layout.mlp.prefix));
}

/** What a branch adds, by a factor. */
export function scaledNetwork(
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
