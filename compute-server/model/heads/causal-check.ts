/**
 * What labelled heads are worth: the change of the mean next-token loss when their output is removed (gain 0), each head alone
 * and all heads of a label at once. One induction head of several can be missed without loss, because the others do its work:
 * only the whole class shows what they do together.
 *
 * Measured twice: on the second half of a repeated random sequence, which no knowledge of language predicts, and on the
 * prompt of the run, over all tokens but its first (and but those that stand for a picture, which no model predicts). Loss:
 * mean of -ln of the probability of the next token, in nats a token; change: without the heads less with them.
 *
 * Both losses are those of the model under the gains of the run, under which the heads were measured. A head that these gains
 * have at 0 already cannot be removed once more: it is counted (`alreadyOff`), and a set of such heads alone is not measured.
 */
import { repeatedSequence } from '../../../diagnostics/patterns/probes';
import type { HeadsRequest } from '../../../protocol/compute/models';
import {
  headLabels,
  type CausalChange,
  type ClassAblation,
  type HeadClass,
  type HeadGain,
} from '../../../protocol/results/heads';
import { FailureError } from '../../../protocol/wire/failures';
import type { Surroundings } from '../../surroundings';
import { planChunk } from '../run/budget';
import { probeSettings } from './head-labels';
import type { Variant } from '../run/interventions';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { runPrompt } from '../run/model-run';
import { range } from '../run/runtime-arrays';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';

/** Sets of heads removed side by side in one run. */
const mostSideBySide = 8;

/** Heads that are removed at once. */
type HeadSet = readonly Pick<HeadGain, 'layer' | 'head'>[];

const keyOf = (heads: HeadSet): string => heads.map(({ layer, head }) => `${layer}.${head}`).join();

export interface CausalCheck {
  readonly classes: readonly HeadClass[];
  readonly ablations: readonly ClassAblation[];
}

/** Nothing is measured of a model that predicts no next token. */
export async function causalCheck(
  model: LoadedModel,
  sequence: Sequence,
  classes: readonly HeadClass[],
  request: HeadsRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<CausalCheck> {
  if (!model.spec.head.vocabulary || !model.summary.causal || classes.length === 0) return { classes, ablations: [] };
  const byLabel = headLabels
    .map((label) => ({ label, heads: classes.filter((each) => each.label === label) }))
    .filter(({ heads }) => heads.length > 0);
  const off = new Set(request.gains.filter(({ gain }) => gain === 0).map((one) => keyOf([one])));
  const stillOn = (heads: HeadSet): HeadSet => heads.filter((one) => !off.has(keyOf([one])));
  const sets = new Map<string, HeadSet>();
  for (const heads of [...classes.map((one) => [one]), ...byLabel.map(({ heads }) => heads)].map(stillOn))
    if (heads.length > 0) sets.set(keyOf(heads), heads);
  const measure = (text: Sequence, positions: readonly number[]) =>
    lossChanges(model, text, positions, sets, request, surroundings, signal);
  const settings = probeSettings(model, request.seed);
  const probe = settings && repeatedSequence(settings);
  const onProbe = probe ? await measure({ ids: probe.ids }, probe.counted) : new Map<string, number>();
  const positions = predictedFrom(sequence);
  const onPrompt = positions.length > 0 ? await measure(sequence, positions) : new Map<string, number>();
  const changeOf = (heads: HeadSet): CausalChange => {
    const removed = stillOn(heads);
    const key = keyOf(removed);
    const prompt = onPrompt.get(key);
    const alreadyOff = heads.length - removed.length;
    return {
      lossChange: onProbe.get(key) ?? Number.NaN,
      on: 'repeated random sequence, second half',
      ...(prompt === undefined ? {} : { promptLossChange: prompt }),
      ...(alreadyOff === 0 ? {} : { alreadyOff }),
    };
  };
  return {
    classes: classes.map((each) => ({ ...each, causal: changeOf([each]) })),
    ablations: byLabel.map(({ label, heads }) => ({ label, heads: heads.length, ...changeOf(heads) })),
  };
}

/** Positions whose next token the model predicts: not those before a row of a picture. */
function predictedFrom({ ids, embeddings }: Sequence): readonly number[] {
  const pictured = new Set(embeddings?.rows);
  return range(0, ids.length - 1).filter((position) => !pictured.has(position + 1));
}

/** By key of the set: mean loss at the positions without its heads, less that with them; both under the gains of the run. */
async function lossChanges(
  model: LoadedModel,
  sequence: Sequence,
  positions: readonly number[],
  sets: ReadonlyMap<string, HeadSet>,
  request: HeadsRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const chunkFor = (batch: number): number =>
    planChunk(
      model.spec,
      { length: sequence.ids.length, batch, keepCache: false, logits: 'none', prefix: sequence.prefix },
      surroundings.memoryLimit,
    );
  const losses = async (variants: readonly Variant[]): Promise<readonly number[]> => {
    const run = await runPrompt(
      model.spec,
      model.sessions,
      { ...sequence, variants, chunk: chunkFor(variants.length), logits: 'none', lossAt: positions },
      { signal },
    );
    return run.loss ?? [];
  };
  if (sets.size === 0) return new Map();
  const [withThem = Number.NaN] = await losses([{ gains: request.gains }]);
  const all = [...sets];
  const batch = largestThatFits(Math.min(mostSideBySide, all.length), chunkFor);
  const changes = new Map<string, number>();
  for (let first = 0; first < all.length; first += batch) {
    const removed = all.slice(first, first + batch);
    const without = await losses(
      removed.map(([, heads]) => ({
        gains: [...request.gains, ...heads.map(({ layer, head }) => ({ layer, head, gain: 0 }))],
      })),
    );
    removed.forEach(([key], at) => changes.set(key, (without[at] ?? Number.NaN) - withThem));
  }
  return changes;
}

/** Half as many at a time until the memory suffices: one at a time needs what the run itself needed. */
function largestThatFits(most: number, plan: (batch: number) => number): number {
  for (let batch = most; batch > 1; batch = Math.floor(batch / 2)) {
    try {
      plan(batch);
      return batch;
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.code !== 'out-of-memory') throw error;
    }
  }
  return 1;
}
