/**
 * Distillation of a model with latent attention: all its weights are trained towards the next-token distributions of the model that it was made
 * of, KL(teacher || student), on the person's texts (kd_trainer.py of the release, its weight of the cross-entropy 0).
 */
import type { Network } from '../../kernels/training/network';
import { distillationNetwork } from '../../models/architectures/training-network';
import type { ModelSpec } from '../../models/architectures/model-spec';
import type { AnalysisJob } from '../analysis';
import type { ModelCheckpoint, NewTensor } from '../model-runner/checkpoint';
import type { ModelRunner } from '../model-runner/model-runner';
import { languageBatch } from '../training/language-batch';
import { halfCosine } from '../training/schedule';
import { train, type Training } from '../training/train';
import type { Batch, Parameters } from '../training/trainer';
import { logitsOf } from './converted-run';
import { shapesOf } from './student';

export interface DistillationPlan {
  readonly spec: ModelSpec;
  readonly tensors: readonly NewTensor[];
  readonly steps: number;
  readonly rate: number;
  readonly seed: number;
  /** Token ids to train on, and to measure on. */
  readonly calibration: readonly (readonly number[])[];
  readonly heldOut: readonly (readonly number[])[];
}

export interface Distilled {
  readonly parameters: Parameters;
  readonly training: Training;
  /** Mean KL(teacher || student) on the held-out texts, nats per token, before the first step and behind the last. */
  readonly kl: { readonly before: number; readonly after: number };
}

export async function* distil(
  model: ModelRunner,
  step: AnalysisJob<never>['step'],
  plan: DistillationPlan,
): AsyncGenerator<Training, Distilled> {
  const { spec, tensors, steps, rate, seed, calibration, heldOut } = plan;
  const network = distillationNetwork('latent attention', spec, shapesOf(tensors));
  const initial = await numbersOf(model.checkpoint, tensors);
  const batches: Batch[] = [];
  for (const ids of calibration) batches.push(await teacherBatch(model, spec, ids));
  const tests: Batch[] = [];
  for (const ids of heldOut) tests.push(await teacherBatch(model, spec, ids));
  const before = await step('distillation, before', () => klOf(model, network, initial, tests));
  const training = train(model.trainer, step, {
    key: 'distillation',
    network,
    initial,
    steps,
    rate: halfCosine(rate, steps),
    seed,
    batch: (at) => batches[(at - 1) % batches.length] ?? {},
    every: Math.max(10, Math.ceil(steps / 10)),
    measure: async (parameters) => ({ kl: await klOf(model, network, parameters, tests) }),
  });
  for (;;) {
    const next = await training.next();
    if (!next.done) yield next.value;
    else {
      const { checkpoints, parameters } = next.value;
      return { parameters, training: next.value, kl: { before, after: checkpoints.at(-1)?.measures['kl'] ?? before } };
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

/** Places of one text but its last, each with the logits of the teacher. */
async function teacherBatch(model: ModelRunner, spec: ModelSpec, ids: readonly number[]): Promise<Batch> {
  const logits = await logitsOf(model, { ids }, {});
  const length = ids.length - 1;
  const vocabulary = logits.length / ids.length;
  const { targets: _, ...batch } = languageBatch(spec, [{ ids, weights: ids.map(() => 1) }]);
  return { ...batch, teacher: { data: logits.slice(0, length * vocabulary), shape: [1, length, vocabulary] } };
}

async function klOf(
  { trainer }: ModelRunner,
  network: Network,
  parameters: Parameters,
  batches: readonly Batch[],
): Promise<number> {
  let [sum, places] = [0, 0];
  for (const batch of batches) {
    const [, length = 0] = batch['token_ids']?.shape ?? [];
    sum += length * (await trainer.forward(network, parameters, batch)).loss;
    places += length;
  }
  return sum / places;
}
