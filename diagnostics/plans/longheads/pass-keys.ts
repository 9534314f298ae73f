/** Pass keys that a model finds: every token of the answer is the one with the largest logit, the earlier ones given. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sample } from '../../tasks/task';
import { passkey } from '../../tasks/passkey';
import { drawSamples } from '../../tasks/samples';
import { TaskTokens } from '../../tasks/task-tokens';

/** Queries of a chunk: scores of more at once fall out of the processor's caches (demo models, 2 cores, 2026-11-27). */
export const longChunk = 64;

export interface PassKeyRequest {
  readonly count: number;
  readonly seed: number;
  /** Tokens of a prompt, about. */
  readonly length: number;
}

/** Prompts of one length with keys of five digits at depths from 0.05 to 0.95 in turn. */
export async function passKeys(
  model: ModelRunner,
  { count, seed, length }: PassKeyRequest,
): Promise<readonly Sample[]> {
  const tokens = await TaskTokens.of(model, Infinity);
  const samples: Sample[] = [];
  const perDepth = Math.ceil(count / depths.length);
  for (const [at, depth] of depths.entries()) {
    const parameters = { length, depth, key: 'digits' };
    const drawing = drawSamples(passkey, { count: perDepth, seed: seed + at, parameters, files: {} }, tokens);
    for (;;) {
      const step = drawing.next();
      if (!step.done) continue;
      samples.push(...step.value.samples);
      break;
    }
  }
  // One of each depth after the other, so that any number of them is spread over the depths.
  return Array.from({ length: perDepth }, (_, row) => depths.map((_, at) => samples[at * perDepth + row]))
    .flat()
    .flatMap((sample) => sample ?? [])
    .slice(0, count);
}

const depths = [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95] as const;

export async function findsKey(model: ModelRunner, { prompt, answers }: Sample, variant: Variant): Promise<boolean> {
  const answer = [answers.right[0] ?? -1, ...answers.rest];
  const ids = [...prompt.ids, ...answer.slice(0, -1)];
  const asked = answer.map((_, at) => ({ row: prompt.ids.length - 1 + at, tokens: [] }));
  const { answers: found = [] } = await model.run({
    ids,
    variants: [variant],
    chunk: longChunk,
    logits: 'none',
    answersAt: asked,
  });
  return answer.every((id, at) => found[0]?.[at]?.largest === id);
}
