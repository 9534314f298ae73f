/**
 * What the metric M of a prompt would change by if an output z were that of the baseline z', estimated for all of them by few
 * gradients (attribution patching; Syed et al. 2023, arXiv:2310.10348):
 *
 *   estimate = sum over positions and dimensions of (z' - z) . g
 *
 * g is the gradient of M with respect to z at the prompt, or its mean at the middles of equal parts of the straight line between the
 * token embeddings of counterpart and prompt (integrated gradients; Sundararajan et al. 2017, arXiv:1703.01365; on this line as
 * Hanna et al. 2024, arXiv:2403.17806). It is exact where M is linear in z. Unit: that of the metric.
 *
 * In an encoder-decoder the line goes through the embeddings of source and target together, and the gradient continues from what the
 * decoder reads of the source into the encoder.
 */
import type { GradientTap, LayerGradients } from '../../model-runner/gradients';
import { tapOf } from '../../../models/instrument/changes/replacement';
import { encoderInput, encoderOf, encoderOutputs, sourceIn } from '../../shared/effects/encoder';
import { Outputs } from '../../shared/effects/outputs';
import type { Rows } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sequencePart, type Sequence } from '../../model-runner/sequence';
import { cellSizes, isHead, positionsOf, targetOf, type Cell } from './cells';
import type { Attribution } from './prompts';
import type { CellSite } from './result';
import { type Attributed, type GradientSettings, pointsOf, objectiveAt } from '../../shared/gradients/objective';

export interface Estimating extends GradientSettings, Pick<Attribution, 'columns'> {
  /** What replaces an output; only for a baseline without counterparts. */
  readonly standIn?: (cell: Cell) => Rows;
}

const tapIn = (site: CellSite): GradientTap => tapOf[targetOf(site)] as GradientTap;

/** By cell. */
export async function estimated(
  model: ModelRunner,
  prompt: Attributed,
  cells: readonly Cell[],
  settings: Estimating,
): Promise<readonly number[]> {
  const changes = await changesOf(model, prompt, cells, settings);
  const sums = new Float64Array(cells.length);
  for await (const { point, share } of pointsOf(model, prompt, settings)) {
    const gradientOf = await gradientsAt(model, point, prompt, cells, settings);
    cells.forEach((cell, at) => {
      const positions = prompt.pair && positionsOf(cell, prompt.pair, settings.columns);
      const change = changes.get(`${cell.layer} ${cell.site}`);
      const gradient = gradientOf(cell)?.taps[tapIn(cell.site)]?.data;
      if (!change || !(gradient instanceof Float32Array))
        throw new RangeError(`no gradient of ${cell.site} in layer ${cell.layer}`);
      const { slots, width } = cellSizes(model.facts, cell);
      sums[at] = (sums[at] ?? 0) + share * productOf(cell, { slots, width, change, gradient, positions });
    });
  }
  return [...sums];
}

/** Gradients of the layer that a cell is in. */
async function gradientsAt(
  model: ModelRunner,
  point: Sequence,
  prompt: Attributed,
  cells: readonly Cell[],
  settings: Estimating,
): Promise<(cell: Cell) => LayerGradients | undefined> {
  const { variant } = settings;
  const tapsIn = (inEncoder: boolean) => {
    const own = cells.filter(({ site }) => (site === 'encoder-head') === inEncoder);
    const layers = new Set(own.map(({ layer }) => layer));
    return [...layers].flatMap((layer) => {
      const sites = new Set(own.filter((cell) => cell.layer === layer).map(({ site }) => site));
      return [...sites].map((site) => ({ layer, tap: tapIn(site) }));
    });
  };
  const ofEncoder = tapsIn(true);
  const { layers, source: weights } = await model.gradients({
    ...{ ...sequencePart(point), variant, taps: tapsIn(false) },
    objective: await objectiveAt(model, point, prompt, settings),
    ...(ofEncoder.length > 0 ? { sourceStream: true } : {}),
  });
  const source = weights && sourceIn(point);
  const behind = source && {
    ...{ ...encoderInput(source), variant: source.variant ?? [], taps: ofEncoder },
    objective: { kind: 'source', weights } as const,
  };
  const encoder = behind ? (await encoderOf(model).gradients(behind)).layers : [];
  return ({ site, layer }) => (site === 'encoder-head' ? encoder : layers).find((one) => one.layer === layer);
}

/** z' - z by layer and site, [slots, positions, width]. */
type Changes = ReadonlyMap<string, Float32Array>;

/** Outputs of a run by site, in the decoder and in the encoder. */
export async function outputsOf(
  model: ModelRunner,
  sequence: Sequence,
  variant: Estimating['variant'],
  cells: readonly Cell[],
): Promise<(site: CellSite) => Outputs> {
  const [own, inEncoder] = [false, true].map((is) => cells.filter(({ site }) => (site === 'encoder-head') === is));
  const layersOf = (some: readonly Cell[] = []) => [...new Set(some.map(({ layer }) => layer))];
  const targets = [...new Set(own?.map(({ site }) => targetOf(site)))];
  const decoder = own?.length ? await Outputs.of(model, sequence, variant, targets, layersOf(own)) : undefined;
  const encoder = inEncoder?.length ? await encoderOutputs(model, sourceIn(sequence), layersOf(inEncoder)) : undefined;
  return (site) => {
    const outputs = site === 'encoder-head' ? encoder : decoder;
    if (!outputs) throw new RangeError(`nothing is kept of ${site}`);
    return outputs;
  };
}

async function changesOf(
  model: ModelRunner,
  { sequence, pair }: Attributed,
  cells: readonly Cell[],
  { variant, standIn }: Estimating,
): Promise<Changes> {
  const own = await outputsOf(model, sequence, variant, cells);
  const other = pair && (await outputsOf(model, pair.corrupted, variant, cells));
  const changes = new Map<string, Float32Array>();
  for (const { site, layer } of cells) {
    if (changes.has(`${layer} ${site}`)) continue;
    const { slots, width } = cellSizes(model.facts, { site, layer });
    const rows = site === 'encoder-head' ? sourceIn(sequence).ids : sequence.ids;
    const size = rows.length * width;
    const change = new Float32Array(slots * size);
    for (let slot = 0; slot < slots; slot++) {
      const z = own(site).slot(targetOf(site), layer, slot);
      // A stand-in of one row is used at every position.
      const by = other
        ? other(site).slot(targetOf(site), layer, slot)
        : (standIn?.({ site, layer, slot }).data ?? new Float32Array(width));
      for (let at = 0; at < size; at++) change[slot * size + at] = (by[at % by.length] ?? 0) - (z[at] ?? 0);
    }
    changes.set(`${layer} ${site}`, change);
  }
  return changes;
}

interface Product {
  readonly slots: number;
  readonly width: number;
  readonly change: Float32Array;
  readonly gradient: Float32Array;
  readonly positions: readonly number[] | undefined;
}

function productOf({ site, slot }: Cell, { slots, width, change, gradient, positions }: Product): number {
  const rows = change.length / slots / width;
  const from = isHead(site) ? slot * rows : 0;
  let sum = 0;
  for (const row of positions ?? Array.from({ length: rows }, (_, at) => at)) {
    for (let at = (from + row) * width; at < (from + row + 1) * width; at++) {
      sum += (change[at] ?? 0) * (gradient[at] ?? 0);
    }
  }
  return sum;
}
