/**
 * The two runs of DuoAttention on one prompt: one with full attention, and one whose heads give alpha times the full output, that of
 * the first run as in the release, plus 1 - alpha times their own output over sinks and recents. The distance of both is the mean over
 * the labelled rows and the channels of the squared difference behind the final norm.
 */
import { planChanges } from '../../model-runner/plan-changes';
import type { Variant } from '../../../models/instrument/changes/changes';
import { heldOf } from '../../../protocol/plans/held';
import type { Gates } from '../../../protocol/plans/gates';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { KeyPrompt } from './pass-keys';

export interface Windows {
  readonly trainSinks: number;
  readonly trainRecent: number;
}

/** While gates are trained the query's own position is one of the recents; a plan counts those before it. */
export const trainingPlan = ({ trainSinks, trainRecent }: Windows): HeadPlan => ({
  kind: 'recent',
  sinks: trainSinks,
  recent: trainRecent - 1,
});

export interface FullRun {
  /** By layer, [h, n, d]. */
  readonly outputs: readonly Float32Array[];
  /** What leaves the last layer at the labelled rows, [rows, w]. */
  readonly stream: Float32Array;
}

/** With the outputs of the heads, or without (an empty list). */
export async function fullRun(model: ModelRunner, { ids, labels }: KeyPrompt, heads: boolean): Promise<FullRun> {
  const { blocks, hiddenSize } = model.facts;
  const last = blocks.length - 1;
  const { layers } = await model.run({
    ids,
    taps: [
      ...(heads ? blocks.map((_, layer) => ({ layer, tap: 'attention.head_output' as const })) : []),
      { layer: last, tap: 'residual' },
    ],
    logits: 'none',
  });
  const floats = (data: unknown): Float32Array => {
    if (!(data instanceof Float32Array)) throw new TypeError('the run gave no tap');
    return data;
  };
  const whole = floats(layers[last]?.taps.residual?.data);
  const stream = new Float32Array(labels.length * hiddenSize);
  labels.forEach((row, at) => stream.set(whole.subarray(row * hiddenSize, (row + 1) * hiddenSize), at * hiddenSize));
  return { outputs: heads ? layers.map(({ taps }) => floats(taps['attention.head_output']?.data)) : [], stream };
}

/** The distance, and its gradient with respect to the gate of each key/value head, [layers][g]. */
export async function mixedRun(
  model: ModelRunner,
  prompt: KeyPrompt,
  gates: Gates,
  windows: Windows,
): Promise<{ readonly distance: number; readonly gradient: Gates }> {
  const { blocks } = model.facts;
  const { ids, labels } = prompt;
  const full = await fullRun(model, prompt, true);
  const held = heldOf(trainingPlan(windows), ids.length);
  const variant: Variant = [
    ...planChanges({ prompt: ids.length, from: 0, heads: gates.map((row) => row.map(() => held)) }),
    // A layer without attention keeps no keys, and runs as it is.
    ...blocks.flatMap(({ heads, kvHeads }, layer) =>
      kvHeads === 0
        ? []
        : [
            {
              kind: 'mixture' as const,
              layer,
              shares: Array.from(
                { length: heads },
                (_, head) => gates[layer]?.[Math.floor(head / (heads / kvHeads))] ?? 1,
              ),
              outputs: full.outputs[layer] ?? new Float32Array(0),
            },
          ],
    ),
  ];
  const { objective, layers } = await model.gradients({
    ids,
    variant,
    objective: { kind: 'distance', rows: labels, other: full.stream },
    mixtureShares: true,
  });
  const gradient = blocks.map(({ heads, kvHeads }, layer) => {
    const ofHeads = layers.find((each) => each.layer === layer)?.mixtureShares ?? new Float32Array(heads);
    const group = heads / kvHeads;
    return Array.from({ length: kvHeads }, (_, head) =>
      ofHeads.subarray(head * group, (head + 1) * group).reduce((sum, each) => sum + each, 0),
    );
  });
  return { distance: objective, gradient };
}

/** The distance of a run under a variant from the full run. */
export async function distanceOf(
  model: ModelRunner,
  { ids, labels }: KeyPrompt,
  { stream }: FullRun,
  variant: Variant,
): Promise<number> {
  const objective = { kind: 'distance', rows: labels, other: stream } as const;
  return (await model.gradients({ ids, variant, objective })).objective;
}
