/**
 * Two specifications of one model that is stored in two ways: which linear maps of one can be taken from the other. Tensors of the other
 * have the prefix `beside/`, so one graph can read both.
 */
import type { AttentionSpec } from './attention-spec';
import type { BlockSpec, ModelSpec } from './model-spec';
import { isRouted } from './network-spec';
import type { Linear } from './weights-spec';

const mark = 'beside/';

/** The name of a tensor in the other model; undefined if it is a tensor of the model itself. */
export const otherName = (name: string): string | undefined =>
  name.startsWith(mark) ? name.slice(mark.length) : undefined;

interface Mixed {
  /** Layers that run otherwise, rising: the first one for the embedding, the last one for the language head. */
  readonly layers: readonly number[];
  readonly spec: ModelSpec;
}

/** Maps that are taken from the other model together. */
export interface Exchange extends Mixed {
  /** Names of their tensors in the model itself. */
  readonly tensors: readonly string[];
  /** The same of the encoder of an encoder-decoder, if maps of it are taken. */
  readonly source?: Mixed;
}

/** A model, and the encoder that it reads a source with. */
interface Stacks {
  readonly spec: ModelSpec;
  readonly source?: ModelSpec | undefined;
}

const isLinear = (value: object): value is Linear =>
  'weight' in value && 'inputs' in value && 'outputs' in value && 'stored' in value;

/** Every linear map of a part of a specification, by its place in it. */
export function linearsOf(value: unknown, place = ''): readonly (readonly [place: string, linear: Linear])[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isLinear(value)) return [[place, value]];
  return Object.entries(value).flatMap(([key, item]) => linearsOf(item, place === '' ? key : `${place}.${key}`));
}

const marked = (linear: Linear): Linear => ({
  ...linear,
  weight: `${mark}${linear.weight}`,
  ...(linear.bias === undefined ? {} : { bias: `${mark}${linear.bias}` }),
});

/** The part, with its linear maps at these places (or at all) taken from the other model. */
function taken<T>(own: T, other: unknown, wanted: (place: string) => boolean = () => true, place = ''): T {
  if (typeof own !== 'object' || own === null || typeof other !== 'object' || other === null) return own;
  if (isLinear(own)) return isLinear(other) && wanted(place) ? (marked(other) as T) : own;
  const part = (key: string, item: unknown): unknown =>
    taken(item, (other as Record<string, unknown>)[key], wanted, place === '' ? key : `${place}.${key}`);
  if (Array.isArray(own)) return own.map((item, at) => part(String(at), item)) as T;
  return Object.fromEntries(Object.entries(own).map(([key, item]) => [key, part(key, item)])) as T;
}

/** How the rotation of a layer pairs the rows of queries and keys; undefined if it does not rotate. */
export const layoutOf = ({ ropes }: ModelSpec, { rope }: AttentionSpec): 'half' | 'interleaved' | undefined =>
  rope === undefined ? undefined : ropes[rope]?.layout;

/**
 * What can be exchanged: the embedding, each map of attention and network, experts of a layer together, the language head. A tensor that an
 * encoder shares with its decoder is exchanged in both.
 */
export function exchangesOf(own: Stacks, other: Stacks): readonly Exchange[] {
  const found = ofStack(own.spec, other.spec);
  const ofSource = own.source && other.source ? ofStack(own.source, other.source) : [];
  const sourceOf = ({ tensors }: Exchange) => ofSource.find((each) => each.tensors.join() === tensors.join());
  const shared = new Set(found.map(sourceOf));
  return [
    ...found.map((each) => ({ ...each, ...given(sourceOf(each)) })),
    ...ofSource
      .filter((each) => !shared.has(each))
      .map((each) => ({ tensors: each.tensors, layers: [], spec: own.spec, ...given(each) })),
  ];
}

const given = (source: Mixed | undefined): Pick<Exchange, 'source'> =>
  source ? { source: { layers: source.layers, spec: source.spec } } : {};

function ofStack(own: ModelSpec, other: ModelSpec): readonly Exchange[] {
  const last = own.blocks.length - 1;
  const { embedding, head } = own;
  const found: Exchange[] = [];
  const vocabulary =
    head.vocabulary && other.head.vocabulary
      ? { ...own, head: { ...head, vocabulary: marked(other.head.vocabulary) } }
      : undefined;
  const tied = embedding !== undefined && embedding.tokens === head.vocabulary?.weight;
  if (embedding && other.embedding) {
    const spec = {
      ...(tied && vocabulary ? vocabulary : own),
      embedding: { ...embedding, tokens: `${mark}${other.embedding.tokens}` },
    };
    found.push({ tensors: [embedding.tokens], layers: tied && last > 0 ? [0, last] : [0], spec });
  }
  own.blocks.forEach((block, layer) => {
    const beside = other.blocks[layer];
    if (beside) found.push(...ofBlock({ spec: own, block }, { spec: other, block: beside }, layer));
  });
  if (vocabulary && head.vocabulary && !tied)
    found.push({ tensors: [head.vocabulary.weight], layers: [last], spec: vocabulary });
  return found;
}

interface Placed {
  readonly spec: ModelSpec;
  readonly block: BlockSpec;
}

function ofBlock(own: Placed, other: Placed, layer: number): readonly Exchange[] {
  const { spec, block } = own;
  const exchange = (tensors: readonly Linear[], changed: Partial<BlockSpec>, ropes = spec.ropes): Exchange => ({
    tensors: [...new Set(tensors.map(({ weight }) => weight))],
    layers: [layer],
    spec: { ...spec, ropes, blocks: spec.blocks.with(layer, { ...block, ...changed }) },
  });
  const found: Exchange[] = [];
  const ofHeads = (
    attention: AttentionSpec | undefined,
    beside: AttentionSpec | undefined,
    put: (changed: AttentionSpec) => Partial<BlockSpec>,
  ): void => {
    if (!attention || attention.projection.kind !== beside?.projection.kind) return;
    const turns = layoutOf(spec, attention) !== layoutOf(other.spec, beside);
    const rope = beside.rope === undefined ? undefined : other.spec.ropes[beside.rope];
    const part = (places: (place: string) => boolean, turned: boolean): void => {
      const linears = linearsOf(attention.projection).filter(([place]) => places(place));
      const projection = taken(attention.projection, beside.projection, places);
      const changed = { ...attention, projection, ...(turned ? { rope: spec.ropes.length } : {}) };
      const ropes = turned && rope ? [...spec.ropes, rope] : spec.ropes;
      if (linears.length > 0)
        found.push(
          exchange(
            linears.map(([, linear]) => linear),
            put(changed),
            ropes,
          ),
        );
    };
    if (attention.projection.kind === 'separate') {
      // Queries and keys are rotated alike.
      if (turns) part((place) => place === 'query' || place === 'key', true);
      else for (const name of ['query', 'key']) part((place) => place === name, false);
      part((place) => place === 'value', false);
    } else if (!turns && JSON.stringify(shapeOf(attention.projection)) === JSON.stringify(shapeOf(beside.projection))) {
      part(() => true, false);
    }
    found.push(exchange([attention.output], put({ ...attention, output: marked(beside.output) })));
  };
  ofHeads(block.attention, other.block.attention, (attention) => ({ attention }));
  const { cross, feedForward } = block;
  if (cross)
    ofHeads(cross.attention, other.block.cross?.attention, (attention) => ({ cross: { ...cross, attention } }));
  const network = other.block.feedForward;
  if (!feedForward || !network) return found;
  const places = linearsOf(feedForward);
  const same =
    places.map(([place]) => place).join() ===
    linearsOf(network)
      .map(([place]) => place)
      .join();
  if (!same) return found;
  const groups = isRouted(feedForward) ? [places] : places.map((each) => [each]);
  for (const group of groups) {
    const wanted = new Set(group.map(([place]) => place));
    const changed = taken(feedForward, network, (place) => wanted.has(place));
    found.push(
      exchange(
        group.map(([, linear]) => linear),
        { feedForward: changed },
      ),
    );
  }
  return found;
}

/** A projection without its maps: which rows belong to which part. */
const shapeOf = (projection: object): unknown =>
  Object.fromEntries(Object.entries(projection).filter(([, item]) => typeof item !== 'object'));
