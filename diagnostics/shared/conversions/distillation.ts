/**
 * Distillation of a converted model: all its weights are trained towards the next-token distributions of the model that it was made of,
 * KL(teacher || student), on the person's texts (kd_trainer.py of X-EcoMLA's release, its weight of the cross-entropy 0).
 */
import type { Network } from '../../../kernels/training/network';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { AnalysisJob } from '../../analysis';
import type { ModelCheckpoint, NewTensor } from '../../model-runner/checkpoint';
import type { ModelRunner } from '../../model-runner/model-runner';
import { languageBatch } from '../training/language-batch';
import { halfCosine } from '../training/schedule';
import { train, type Measures, type Training } from '../training/train';
import type { Batch, BatchArray, ForwardResult, Parameters } from '../../model-runner/trainer';

/** Texts with what the teacher makes of them. */
export interface TaughtTexts {
  /** To train on, and to measure on: one text each. */
  readonly training: readonly Batch[];
  readonly tests: readonly Batch[];
}

export interface DistillationSetup {
  /** Unique among the trainings of a run. */
  readonly key: string;
  /** A `distillationNetwork` of the student. */
  readonly network: Network;
  readonly initial: Parameters;
  readonly texts: TaughtTexts;
  readonly steps: number;
  readonly rate: number;
  readonly seed: number;
  /** What else is measured on the held-out texts. */
  readonly measure?: (tests: readonly MeasuredText[]) => Measures;
}

export interface MeasuredText {
  /** Places that are predicted. */
  readonly places: number;
  readonly outputs: ForwardResult['outputs'];
}

export interface Distilled {
  readonly parameters: Parameters;
  readonly training: Training;
  /** Mean KL(teacher || student) on the held-out texts, nats per token, before the first step and behind the last. */
  readonly kl: { readonly before: number; readonly after: number };
  /** `kl` and those of the setup. */
  readonly measures: { readonly before: Measures; readonly after: Measures };
}

export async function taughtTexts(
  model: ModelRunner,
  spec: ModelSpec,
  calibration: readonly (readonly number[])[],
  heldOut: readonly (readonly number[])[],
): Promise<TaughtTexts> {
  const training: Batch[] = [];
  for (const ids of calibration) training.push(await teacherBatch(model, spec, ids));
  const tests: Batch[] = [];
  for (const ids of heldOut) tests.push(await teacherBatch(model, spec, ids));
  return { training, tests };
}

export async function* distil(
  { trainer }: Pick<ModelRunner, 'trainer'>,
  step: AnalysisJob<never>['step'],
  { key, network, initial, texts, steps, rate, seed, measure }: DistillationSetup,
): AsyncGenerator<Training, Distilled> {
  const measured = async (parameters: Parameters): Promise<Measures> => {
    const found: MeasuredText[] = [];
    for (const batch of texts.tests) {
      const [, places = 0] = batch['token_ids']?.shape ?? [];
      found.push({ places, outputs: (await trainer.forward(network, parameters, batch)).outputs });
    }
    return { kl: meanDivergence(found), ...measure?.(found) };
  };
  const before = await step(`${key}, before`, () => measured(initial));
  const training = train(trainer, step, {
    key,
    network,
    initial,
    steps,
    rate: halfCosine(rate, steps),
    seed,
    batch: (at) => texts.training[(at - 1) % texts.training.length] ?? {},
    every: Math.max(10, Math.ceil(steps / 10)),
    measure: measured,
  });
  for (;;) {
    const next = await training.next();
    if (!next.done) yield next.value;
    else {
      const { checkpoints, parameters } = next.value;
      const after = checkpoints.at(-1)?.measures ?? before;
      const kl = { before: before['kl'] ?? Number.NaN, after: after['kl'] ?? Number.NaN };
      return { parameters, training: next.value, kl, measures: { before, after } };
    }
  }
}

/** The tensors of a checkpoint that is to be made, in float32. */
export async function numbersOf(
  checkpoint: Pick<ModelCheckpoint<unknown>, 'numbers'>,
  tensors: readonly NewTensor[],
): Promise<Parameters> {
  const found: Record<string, Float32Array> = {};
  for (const { name, made } of tensors) {
    if (made.kind === 'taken') throw new RangeError(`${name} is a part of a tensor`);
    found[name] = made.kind === 'copied' ? await checkpoint.numbers(made.of) : await made.numbers();
  }
  return found;
}

/** The same tensors with the numbers that training gave them. */
export const withNumbers = (tensors: readonly NewTensor[], trained: Parameters): readonly NewTensor[] =>
  tensors.map((tensor) => {
    const numbers = trained[tensor.name];
    if (!numbers) throw new RangeError(`no numbers of ${tensor.name}`);
    return { ...tensor, made: { kind: 'computed', numbers: () => Promise.resolve(numbers) } };
  });

/** Places of one text but its last, each with the logits of the teacher. */
async function teacherBatch(model: ModelRunner, spec: ModelSpec, ids: readonly number[]): Promise<Batch> {
  const logits = (await model.run({ ids, logits: 'all' })).logits?.data;
  if (!(logits instanceof Float32Array)) throw new TypeError('the run gave no float32 logits');
  const length = ids.length - 1;
  const vocabulary = logits.length / ids.length;
  const { targets: _, ...batch } = languageBatch(spec, [{ ids, weights: ids.map(() => 1) }]);
  return { ...batch, teacher: { data: logits.slice(0, length * vocabulary), shape: [1, length, vocabulary] } };
}

function meanDivergence(texts: readonly MeasuredText[]): number {
  let [sum, places] = [0, 0];
  for (const text of texts) {
    for (const value of floatsOf(text.outputs['divergence'])) sum += value;
    places += text.places;
  }
  return sum / places;
}

/** An output of a network in float32. */
export function floatsOf(given: BatchArray | undefined): Float32Array {
  if (!(given?.data instanceof Float32Array)) throw new TypeError('the network gave no float32 output');
  return given.data;
}
