/**
 * Keys and values of a source for the cross-attention of a layer: made when a run first reads the stream of the source, and kept as long
 * as that array is. So a text that is written reads them token by token, and variants and repeated runs of a prompt share them.
 */
import type { Sequence } from '../../../../diagnostics/model-runner/sequence';
import { ModelError, type BlockSpec, type ModelSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import type { LayerSessions } from '../graphs/layer-sessions';
import { floats } from '../graphs/runtime-arrays';
import { requireFinite } from '../graphs/run-stream';

/** [1, g, m, d] each. */
export interface SourceKeys {
  readonly key: RuntimeArray;
  readonly value: RuntimeArray;
}

const made = new WeakMap<LayerSessions, WeakMap<Float32Array, Map<number, SourceKeys>>>();

export async function sourceKeys(
  model: ModelSpec,
  sessions: LayerSessions,
  block: BlockSpec,
  /** [m, w] */
  stream: Float32Array,
): Promise<SourceKeys> {
  const ofModel = made.get(sessions) ?? new WeakMap<Float32Array, Map<number, SourceKeys>>();
  made.set(sessions, ofModel);
  const layers = ofModel.get(stream) ?? new Map<number, SourceKeys>();
  ofModel.set(stream, layers);
  const known = layers.get(block.index);
  if (known) return known;
  const width = model.sourceWidth ?? 0;
  const session = await sessions.session({ kind: 'cross', layer: block.index });
  const values = await session.run({ source: { data: stream, shape: [1, stream.length / width, width] } });
  const of = (name: string): RuntimeArray => {
    const data = floats(values, name);
    requireFinite(data, data.length, 1, 0, `Layer ${block.index}`);
    return { data, shape: values[name]?.shape ?? [] };
  };
  const keys = { key: of('cross_key'), value: of('cross_value') };
  layers.set(block.index, keys);
  return keys;
}

/** Keys and values of a batch, [b, g, m, d]: one source for all of it, or one each. */
export function ofBatch(each: readonly SourceKeys[], batch: number): SourceKeys {
  const [first] = each;
  if (!first) throw new RangeError('there is no source');
  if (batch === 1) return first;
  const join = (side: 'key' | 'value'): RuntimeArray => {
    const { shape } = first[side];
    const size = shape.reduce((product, axis) => product * axis, 1);
    const data = new Float32Array(batch * size);
    for (let at = 0; at < batch; at++) data.set((each[at] ?? first)[side].data as Float32Array, at * size);
    return { data, shape: [batch, ...shape.slice(1)] };
  };
  return { key: join('key'), value: join('value') };
}

/** Inputs of a step graph. */
export const crossFeeds = (keys: SourceKeys | undefined): Record<string, RuntimeArray> =>
  keys
    ? {
        cross_key: { data: keys.key.data, shape: keys.key.shape.slice(1) },
        cross_value: { data: keys.value.data, shape: keys.value.shape.slice(1) },
      }
    : {};

/** The stream that cross-attention reads, [m, w]. */
export function sourceOf({ source }: Pick<Sequence, 'source'>): Float32Array {
  if (source?.stream) return source.stream;
  throw new ModelError('The model is an encoder-decoder, and this run gives its decoder no source to read.');
}

/** What a graph that is differentiated reads of a source: the stream itself. */
export function sourceFeed(
  { sourceWidth: width }: ModelSpec,
  { cross }: BlockSpec,
  sequence: Pick<Sequence, 'source'>,
): Record<string, RuntimeArray> {
  if (!cross || width === undefined) return {};
  const data = sourceOf(sequence);
  return { source: { data, shape: [1, data.length / width, width] } };
}
