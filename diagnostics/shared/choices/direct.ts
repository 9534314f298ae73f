/**
 * Direct effects on the labels: what the output of each head and MLP at the last position adds to their logits through the residual
 * stream alone, the final norm frozen at its scale (diagnostics/circuits/direct-logit-attribution). With w(n)[t] what node n adds to the
 * logit of label t, the direct effect on a prompt with right label c is w(n)[c] - mean over t of w(n)[t].
 */
import { lastOf } from './answers';
import type { ChoicePrompt } from './prompt';
import { streamRow } from '../../model-runner/stream-row';
import type { ModelRunner } from '../../model-runner/model-runner';
import { mean } from '../../../kernels/tensors/vectors';

/** The direct effects on one prompt, in logits. */
export interface DirectPrompt {
  readonly right: number;
  /** w, [nodes][labels]; layer by layer, heads, then the MLP. */
  readonly written: readonly (readonly number[])[];
  /** What embeddings and biases add, [labels]. */
  readonly rest: readonly number[];
  /** [labels] */
  readonly logits: readonly number[];
}

export async function directPrompt(model: ModelRunner, prompt: ChoicePrompt): Promise<DirectPrompt> {
  const row = await streamRow(model, { ids: prompt.ids }, [], lastOf(prompt));
  const written: number[][] = [];
  const rest: number[] = [];
  const logits: number[] = [];
  for (const token of prompt.answers) {
    const effects = await model.direct.effects(row, [{ token, weight: 1 }]);
    effects.heads
      .flatMap((heads, layer) => [...heads, effects.mlp[layer] ?? 0])
      .forEach((effect, node) => (written[node] ??= []).push(effect));
    const beside = (effects.recurrent ?? []).reduce((sum, value) => sum + value, 0);
    rest.push(effects.embedding + effects.rest + beside);
    logits.push(effects.logit);
  }
  return { right: prompt.right, written, rest, logits };
}

/** Less their mean: what all labels get alike decides nothing. */
export function centred(values: readonly number[]): readonly number[] {
  const middle = mean(values);
  return values.map((value) => value - middle);
}

export const directEffect = (written: readonly number[], right: number): number =>
  centred(written)[right] ?? Number.NaN;

/** |sum of the parts - logit| of the label where it is largest, over the largest |logit|, at least 1. */
export function sumError({ written, rest, logits }: DirectPrompt): number {
  const sums = rest.map((own, t) => written.reduce((sum, node) => sum + (node[t] ?? 0), own));
  const apart = centred(sums).map((sum, t) => Math.abs(sum - (centred(logits)[t] ?? Number.NaN)));
  return Math.max(...apart) / Math.max(1, ...logits.map(Math.abs));
}

export interface OutputNodes {
  /** Places of the fewest nodes that reach the share, largest first. */
  readonly nodes: readonly number[];
  /** Share of all positive effects that the largest 1, 2, … have. */
  readonly cumulative: readonly number[];
}

export function outputNodes(effects: readonly number[], share: number): OutputNodes {
  const order = [...effects.keys()]
    .filter((node) => (effects[node] ?? 0) > 0)
    .sort((a, b) => (effects[b] ?? 0) - (effects[a] ?? 0));
  const all = order.reduce((sum, node) => sum + (effects[node] ?? 0), 0);
  let sum = 0;
  const cumulative = order.map((node) => (sum += effects[node] ?? 0) / all);
  // The last sum may miss 1 by its rounding.
  const reached = cumulative.findIndex((reach) => reach >= share - 1e-12);
  return { nodes: order.slice(0, reached + 1), cumulative };
}

/** Mean over the prompts with each right label of the centred w of a node, [labels][labels]; NaN where a label is never right. */
export function writtenTable(prompts: readonly DirectPrompt[], node: number): readonly (readonly number[])[] {
  const labels = prompts[0]?.logits ?? [];
  return labels.map((_, c) => {
    const own = prompts.filter(({ right }) => right === c).map(({ written }) => centred(written[node] ?? []));
    return labels.map((__, t) => mean(own.map((values) => values[t] ?? Number.NaN)));
  });
}
