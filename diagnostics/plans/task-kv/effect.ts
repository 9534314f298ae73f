/** How plans change the continuation of a prompt. */
import { changesOf, withAll, type Variant } from '../../../models/instrument/changes/changes';
import { planIntervention } from '../../../protocol/interventions/plan';
import { divergenceOf, logProbabilities } from '../../shared/maps/changed-output';
import { continued } from '../../model-runner/decoding';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { positionAt, type Sequence } from '../../model-runner/sequence';
import type { TaskKvParameters } from './parameters';
import type { Heads } from './plans';
import type { TaskKvResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';

export interface Continued {
  readonly ids: readonly number[];
  readonly from: NonNullable<TaskKvResult['measured']>['from'];
}

/** Tokens behind the prompt: the person's, or what the model writes greedily. */
export async function continuationOf(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  { continuation, tokens }: TaskKvParameters,
): Promise<Continued> {
  const { contextLength = Infinity } = model.facts.summary;
  const room = Math.min(tokens, contextLength - sequence.ids.length);
  if (continuation !== '') return { ids: model.encode(continuation).slice(0, room), from: 'person' };
  if (room < 2) return { ids: [], from: 'model' };
  const run = await model.continuation({ sequence, variant, further: room });
  const ids: number[] = [];
  const request = { maxNewTokens: room, stopIds: [], sampling: { temperature: 0, topP: 1, seed: 0 } };
  for await (const { id } of continued(run, request, { signal: model.signal })) ids.push(id);
  // Behind the end of its answer a model says nothing that is meant; two tokens are the least that reads the compressed cache.
  const end = ids.findIndex((id, at) => at > 0 && model.facts.stopIds.includes(id));
  return { ids: end < 0 ? ids : ids.slice(0, end + 1), from: 'model' };
}

export const withContinuation = (prompt: Sequence, ids: readonly number[]): Sequence => {
  const all = [...prompt.ids, ...ids];
  return {
    ...prompt,
    ids: all,
    ...(prompt.positions ? { positions: all.map((_, row) => positionAt(prompt, row)) } : {}),
  };
};

export interface Effect {
  /** Mean over the queries behind the prompt of KL(full cache | plan) of the next token, nats. */
  readonly divergence: number;
  /** Mean over the same queries of -ln p of the token of the continuation that follows, nats. */
  readonly nll: number;
}

/**
 * Effects of each plan; the first is the full cache. The last query of the prompt still reads all of it, so that the first token of the continuation is
 * the same under every plan and is left out.
 */
export async function effectsOf(
  model: ModelRunner,
  prompt: Prompt,
  { ids, variant }: { readonly ids: readonly number[]; readonly variant: Variant },
  plans: readonly Heads[],
): Promise<readonly Effect[]> {
  const sequence = withContinuation(prompt, ids);
  const start = prompt.ids.length;
  const variants: Variant[] = [variant];
  for (const heads of plans) {
    const planned = await model.variant([planIntervention(heads, 'dense', start)], prompt);
    variants.push(withAll(variant, 'plan', changesOf(planned.variant, 'plan')));
  }
  const past = await model.prefix(sequence, start, variant);
  let full: readonly Float32Array[] = [];
  const effects: Effect[] = [];
  for (const one of variants) {
    const { logits } = await model.run({ ...sequence, past, variants: [one], logits: 'all' });
    if (!(logits?.data instanceof Float32Array)) throw new TypeError('the run gave no logits');
    const { data } = logits;
    const width = data.length / ids.length;
    const rows = ids.slice(1).map((_, at) => data.subarray(at * width, (at + 1) * width));
    if (effects.length === 0) full = rows;
    effects.push({
      divergence: mean(rows.map((row, at) => divergenceOf(full[at] ?? row, row))),
      nll: mean(rows.map((row, at) => -(logProbabilities(row)[ids[at + 1] ?? -1] ?? Number.NaN))),
    });
  }
  return effects;
}
