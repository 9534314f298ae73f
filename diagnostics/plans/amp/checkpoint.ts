/** The pruned checkpoint, measured against its source and against gains of 0. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { dtypeBytes } from '../../../models/formats/estimates/estimate';
import type { TaskMetric } from '../../../protocol/analysis/tasks';
import type { AnalysisJob, Step } from '../../analysis';
import {
  decodingSpeeds,
  qualityOf,
  sizesOf,
  type BeforeAfter,
  type Side,
  type Sizes,
  type Speeds,
} from '../../shared/conversions/before-after';
import { cutConfig, cutTensors } from '../../shared/conversions/cut';
import { drafted, settingsOf } from '../../shared/conversions/folder';
import { largestDifference } from '../../shared/conversions/largest-difference';
import type { ConversionTexts } from '../../shared/conversions/texts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { removedWeights, type PrunedLayer } from './budget';
import { keptParts, type Removed } from './choose';
import type { AmpParameters } from './parameters';
import type { AmpResult } from './result';

/** Sizes of the checkpoint that the removed parts would leave; biases of fused projections are counted as if they stayed. */
export function emulatedSizes(
  { parameters, weightBytes, kvBytesPerToken }: Sizes,
  checkpoint: ModelRunner['checkpoint'],
  layers: readonly PrunedLayer[],
  removed: readonly Removed[],
): Sizes {
  const number = dtypeBytes(checkpoint.description).bytes;
  const cached = layers.reduce((sum, { headDim }, at) => sum + 2 * (removed[at]?.groups.length ?? 0) * headDim, 0);
  const cache = kvBytesPerToken - cached * number;
  if (checkpoint.spec.blocks.every(({ attention }) => attention?.projection.kind === 'separate')) {
    const tensors = cutTensors(checkpoint, keptParts(layers, removed));
    return { ...sizesOf({ ...checkpoint, tensors }), kvBytesPerToken: cache };
  }
  const counts = removed.map(({ groups, units }) => ({ groups: groups.length, units: units.length }));
  const gone = removedWeights(layers, counts);
  return {
    parameters: parameters - gone,
    weightBytes: weightBytes - Math.round((gone * weightBytes) / parameters),
    kvBytesPerToken: cache,
  };
}

export interface Written {
  readonly after: Side;
  readonly speeds: Speeds;
  readonly surgery: number;
  readonly written: NonNullable<BeforeAfter['written']>;
}

export async function* written(
  model: ModelRunner,
  {
    job: { parameters, seed, step },
    layers,
    removed,
    realised,
    texts,
    emulation,
    metric,
  }: {
    readonly job: AnalysisJob<AmpParameters>;
    readonly layers: readonly PrunedLayer[];
    readonly removed: readonly Removed[];
    readonly realised: number;
    readonly texts: ConversionTexts;
    readonly emulation: Variant;
    readonly metric: TaskMetric | undefined;
  },
  at: (sentence: string) => Step<AmpResult>,
): AsyncGenerator<Step<AmpResult>, Written> {
  const { checkpoint } = model;
  const kept = keptParts(layers, removed);
  const writing = drafted(model, parameters.folder, {
    config: cutConfig(checkpoint, kept),
    tensors: cutTensors(checkpoint, kept),
    record: {
      method: 'amp',
      sentence: `${Number((100 * realised).toFixed(2))} % of the parameters were removed: in each layer the key/value groups of heads and the MLP units with the lowest scores.`,
      settings: settingsOf(parameters),
      seed,
      facts: { removed },
    },
  });
  for (;;) {
    const next = await writing.next();
    if (!next.done) {
      yield at(next.value.sentence);
      continue;
    }
    const draft = next.value;
    yield at('Measuring the new checkpoint');
    const small = await draft.open();
    const { surgery, quality } = await step('new checkpoint', async () => ({
      surgery: await largestDifference(model, emulation, small, texts.heldOut[0]?.ids ?? []),
      quality: (await qualityOf(small, texts, metric))[0],
    }));
    if (!quality) throw new RangeError('one variant has one quality');
    yield at('Decoding with both models in turns');
    const speeds = await step('speeds', () => decodingSpeeds(model, small, texts.heldOut[0]?.ids ?? []));
    const sizes = sizesOf(small.checkpoint);
    const place = await draft.keep();
    return {
      after: { ...sizes, ...quality, tokensPerSecond: speeds.after },
      speeds,
      surgery,
      written: place,
    };
  }
}
