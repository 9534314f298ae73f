/** Looking at layers: what enters them, what their heads read of the picture, and what single keys add to the stream. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { random, seedFor } from '../../../kernels/tensors/random';
import { mostDimensions } from '../../../protocol/interventions/redistribute';
import { sinkProfile, sinkValue } from '../../shared/divergence/sinks';
import { layerGroups } from '../../shared/maps/layer-groups';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { LayerResult, TensorData } from '../../model-runner/run-request';
import type { Sequence } from '../../model-runner/sequence';
import { sample } from '../../tasks/draft';
import { contributionOf, writtenNorms } from './contribution';
import {
  besideSinks,
  headLooks,
  massiveRows,
  overlap,
  sinksByAttention,
  type Gate,
  type HeadLooks,
} from './layer-numbers';
import type { Seen, VarSettings } from './parameters';

export interface Looked {
  readonly sequence: Sequence;
  readonly variant: Variant;
  readonly seen: Seen;
}

/** D_sink and what it is read from; where dimensions are given they are taken as they are. */
export interface Massive {
  readonly profile: readonly number[];
  readonly dimensions: readonly number[];
}

export interface LayerLook {
  readonly phi: readonly number[];
  readonly sinks: readonly number[];
  readonly textSinks: readonly { readonly position: number; readonly phi: number }[];
  readonly attention: readonly number[];
  readonly byAttention: readonly number[];
  readonly both: number;
  readonly overlap: number;
  readonly mass: { readonly visual: number; readonly text: number; readonly others: number };
  readonly heads: readonly (Pick<HeadLooks, 'centric' | 'onVisual' | 'onText'> & {
    readonly imageMass: number;
    readonly besideSinks: number;
  })[];
  readonly contribution: { readonly sinks: number; readonly random: number; readonly others: number };
}

/** One pass; sinks form in the first two layers, so that those are not asked where there are others. */
export async function massiveDimensions(
  model: ModelRunner,
  { sequence, variant, seen }: Looked,
  { tau, dimensions }: Pick<VarSettings, 'tau' | 'dimensions'>,
): Promise<Massive> {
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    taps: model.facts.blocks.map((_, layer) => ({ layer, tap: 'residual.input' as const })),
    tapRows: [seen.first],
    logits: 'none',
  });
  const states = layers.map(({ taps }) => floatsOf(taps['residual.input']));
  const profile = sinkProfile(states.length > 2 ? states.slice(2) : states);
  return { profile, dimensions: dimensions ?? largest(profile, tau) };
}

/** Above tau; the largest where an intervention could not name as many. */
const largest = (profile: readonly number[], tau: number): readonly number[] =>
  profile
    .flatMap((value, d) => (value > tau ? [d] : []))
    .sort((a, b) => (profile[b] ?? 0) - (profile[a] ?? 0))
    .slice(0, mostDimensions)
    .sort((a, b) => a - b);

/** Bytes of what is kept of each layer while it is looked at. */
export const lookedBytes = ({ blocks, hiddenSize }: ModelFacts, rows: number): readonly number[] =>
  blocks.map(({ heads, kvHeads, headDim }) => 4 * rows * (heads * rows + hiddenSize + kvHeads * headDim));

/** Layers that one run looks at, so that their maps fit into memory. */
export const groupsOfLayers = (facts: ModelFacts, rows: number): readonly (readonly number[])[] =>
  layerGroups(lookedBytes(facts, rows));

export async function lookAt(
  model: ModelRunner,
  { sequence, variant, seen }: Looked,
  group: readonly number[],
  { dimensions }: Massive,
  settings: Gate & Pick<VarSettings, 'tau'> & { readonly seed: number },
): Promise<readonly LayerLook[]> {
  const { blocks } = model.facts;
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    taps: group.flatMap((layer) => [
      { layer, tap: 'residual.input' as const },
      { layer, tap: 'attention.value' as const },
    ]),
    maps: group.flatMap((layer) => Array.from({ length: blocks[layer]?.heads ?? 0 }, (_, head) => ({ layer, head }))),
    depth: 1 + Math.max(...group),
    logits: 'none',
  });
  const looks: LayerLook[] = [];
  for (const layer of group) {
    const found = layers[layer];
    if (!found) throw new RangeError(`the run gave no layer ${layer}`);
    looks.push(await lookAtLayer(model, found, sequence.ids.length, { seen, dimensions, ...settings }));
  }
  return looks;
}

interface LayerSettings extends Gate {
  readonly seen: Seen;
  readonly dimensions: readonly number[];
  readonly tau: number;
  readonly seed: number;
}

async function lookAtLayer(
  model: ModelRunner,
  { layer, taps, maps }: LayerResult,
  n: number,
  { seen, dimensions, tau, seed, ...gate }: LayerSettings,
): Promise<LayerLook> {
  const states = floatsOf(taps['residual.input']);
  const width = states.length / n;
  const state = (row: number): Float32Array => states.subarray(row * width, (row + 1) * width);
  const massive = massiveRows(n, state, dimensions, tau);
  const isMassive = new Set(massive.map(({ row }) => row));
  const shown = new Set(seen.rows);
  const visual = seen.rows.filter((row) => isMassive.has(row));
  const textSinks = massive.filter(({ row }) => !shown.has(row)).map(({ row, phi }) => ({ position: row, phi }));
  const places = { image: seen.rows, visual, text: textSinks.map(({ position }) => position), behind: seen.behind };
  const heads = [...maps.entries()].sort(([a], [b]) => a - b).map(([, map]) => headLooks(map, n, places, gate));
  const mean = (of: (head: HeadLooks) => number): number =>
    heads.reduce((sum, head) => sum + of(head), 0) / heads.length;
  const attention = seen.rows.map((_, at) => mean(({ onImage }) => onImage[at] ?? 0));
  const sinks = seen.rows.flatMap((row, at) => (isMassive.has(row) ? [at] : []));
  const byAttention = sinksByAttention(attention, n);
  const others = seen.rows.filter((row) => !isMassive.has(row));
  const drawn = sample(random(seedFor(seed, `layer ${layer}`)), others, Math.min(others.length, visual.length));
  const norms = await writtenNorms(
    model,
    await model.weights.layer(layer),
    layer,
    floatsOf(taps['attention.value']),
    n,
  );
  const written = (keys: readonly number[]): number =>
    contributionOf(
      heads.map(({ onKeys }) => onKeys),
      norms,
      keys,
    );
  return {
    phi: seen.rows.map((row) => sinkValue(state(row), dimensions)),
    sinks,
    textSinks,
    attention,
    byAttention,
    both: sinks.filter((at) => byAttention.includes(at)).length,
    overlap: overlap(sinks, byAttention),
    mass: {
      visual: mean(({ onVisual }) => onVisual),
      text: mean(({ onText }) => onText),
      others: mean(({ onOthers }) => onOthers),
    },
    heads: heads.map(({ last, centric, onVisual, onText }) => ({
      imageMass: last.seen,
      besideSinks: besideSinks(last),
      ...{ centric, onVisual, onText },
    })),
    contribution: { sinks: written(visual), random: written(drawn), others: written(others) },
  };
}

function floatsOf(tensor: TensorData | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError('the run gave no numbers of a layer');
  return tensor.data;
}
