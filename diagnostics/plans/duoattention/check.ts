/** What a choice of heads does on prompts that no gate was found on, beside as many other heads and a uniform window. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { seedFor } from '../../../kernels/tensors/random';
import { fullPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import { planBytes } from '../../../protocol/plans/plan-bytes';
import { divergenceOf } from '../../shared/maps/changed-output';
import type { ModelRunner } from '../../model-runner/model-runner';
import { randomPlan, uniformPlan } from '../../shared/plans/controls';
import { underPlan } from '../../shared/plans/plan-variant';
import type { KeyPrompt } from './pass-keys';
import type { CheckRow } from './result';
import { distanceOf, fullRun } from './two-way';
import { mean } from '../../../kernels/tensors/vectors';

type Heads = readonly (readonly HeadPlan[])[];

/** A choice of heads; a uniform window depends on the length of the prompt. */
export interface Choice {
  readonly name: string;
  readonly heads: (length: number) => Heads;
}

/** Random choices of as many heads. */
const draws = 3;

export function choicesBeside(model: ModelRunner, plan: Heads, seed: number): readonly Choice[] {
  const { blocks, summary } = model.facts;
  const kvHeads = blocks.map((block) => block.kvHeads);
  const { headDim, windows } = summary;
  return [
    { name: 'full cache', heads: () => plan.map((row) => row.map(() => fullPlan)) },
    { name: 'chosen heads', heads: () => plan },
    {
      name: 'uniform window',
      heads(length) {
        const { plan: bytes } = planBytes(plan, headDim, length, { windows });
        return uniformPlan(bytes, { kvHeads, headDim, length, windows }).heads;
      },
    },
    ...Array.from({ length: draws }, (_, at) => {
      const drawn = randomPlan(plan, seedFor(seed, `random heads ${at}`));
      return { name: `random heads ${at + 1}`, heads: () => drawn };
    }),
  ];
}

/** Measurements of one prompt, without the name of the choice. */
export type Measured = Omit<CheckRow, 'name'> & { readonly bytes: number; readonly fullBytes: number };

export async function measured(
  model: ModelRunner,
  prompt: KeyPrompt,
  choices: readonly Choice[],
): Promise<readonly Measured[]> {
  const { ids, answers } = prompt;
  const { headDim, windows } = model.facts.summary;
  const plans = choices.map(({ heads }) => heads(ids.length));
  const variants: readonly Variant[] = plans.map((plan) => underPlan(plan, ids.length));
  const full = await fullRun(model, prompt, false);
  const [tokens = []] = model.facts.predicts ? await model.nextTokens([ids], variants) : [];
  const last = await lastRows(model, prompt, plans);
  const rows: Measured[] = [];
  for (const [at, variant] of variants.entries()) {
    model.signal.throwIfAborted();
    const plan = plans[at] ?? [];
    const { plan: bytes, full: fullBytes } = planBytes(plan, headDim, ids.length, { windows });
    const next = tokens[at];
    rows.push({
      heads: plan.flat().filter(({ kind }) => kind === 'full').length,
      share: bytes / fullBytes,
      bytes,
      fullBytes,
      distance: await distanceOf(model, prompt, full, variant),
      // The row before a token predicts it.
      accuracy: next ? mean(answers.map((row) => (next.best[row - 1] === ids[row] ? 1 : 0))) : Number.NaN,
      loss: next ? mean(answers.map((row) => next.loss[row - 1] ?? Number.NaN)) : Number.NaN,
      divergence: last ? divergenceOf(last[0] ?? [], last[at] ?? []) : Number.NaN,
    });
  }
  return rows;
}

/** Logits behind the first token of the last key, by choice. */
async function lastRows(
  model: ModelRunner,
  { ids, answers }: KeyPrompt,
  plans: readonly Heads[],
): Promise<readonly Float32Array[] | undefined> {
  if (!model.facts.predicts) return undefined;
  // The last key is the last stretch of rows without a gap.
  const first = answers.findLast((row) => !answers.includes(row - 1)) ?? ids.length - 1;
  const cut = ids.slice(0, first + 1);
  const { logits } = await model.run({
    ids: cut,
    variants: plans.map((plan) => underPlan(plan, cut.length)),
    logits: 'last',
  });
  if (!(logits?.data instanceof Float32Array)) throw new RangeError('the run gave no logits');
  const { data } = logits;
  const width = data.length / plans.length;
  return plans.map((_, at) => data.subarray(at * width, (at + 1) * width));
}

/** Means over prompts; bytes over all of them. */
export function checkRows(choices: readonly Choice[], prompts: readonly (readonly Measured[])[]): readonly CheckRow[] {
  return choices.map(({ name }, at) => {
    const own = prompts.flatMap((rows) => rows[at] ?? []);
    const over = (of: (row: Measured) => number): number => mean(own.map(of));
    return {
      name,
      heads: own[0]?.heads ?? 0,
      share: over(({ bytes }) => bytes) / over(({ fullBytes }) => fullBytes),
      distance: over(({ distance }) => distance),
      accuracy: over(({ accuracy }) => accuracy),
      loss: over(({ loss }) => loss),
      divergence: over(({ divergence }) => divergence),
    };
  });
}
