/**
 * A training-free method: how the tokens behind a prompt with a picture are chosen without a change of the weights. One file of this
 * folder is one method, and `list.ts` lists it: its parameters, row, captions and answers come with that line.
 */
import type { ParameterTable } from '../../../../protocol/analysis/parameters';
import type { ParameterValues } from '../../../../protocol/schema/parts';
import type { Intervention } from '../../../../protocol/interventions/interventions';
import type { Continuation, ModelFacts, ModelRunner, Prompt } from '../../../model-runner/model-runner';

/** The prompt of one picture, which is among its rows. */
export interface PicturePrompt {
  readonly prompt: Prompt;
  /** Tokens that will follow at most. */
  readonly further: number;
  /** For what is drawn at random. */
  readonly seed: number;
}

export interface Method<P extends ParameterValues = ParameterValues> {
  /** Names the method in `--param methods=…` and in saved results: never changed. */
  readonly id: string;
  readonly title: string;
  /** Paper or code, and what was chosen where it leaves a choice open. */
  readonly source: string;
  /** Names are unique over all methods. */
  readonly parameters: ParameterTable<P>;
  /** How it is set, for the table: `alpha 2`; empty where there is nothing to set. */
  settings(values: P, facts: ModelFacts): string;
  /** Fails with a sentence where the model does not have what the parameters name. Nothing runs. */
  require?(facts: ModelFacts, values: P): void;
  /** The prompt, run: greedy decoding goes on from it. */
  start(model: ModelRunner, picture: PicturePrompt, values: P): Promise<Continuation>;
}

/** The prompt under interventions on it. */
export async function startUnder(
  model: ModelRunner,
  { prompt, further }: PicturePrompt,
  interventions: readonly Intervention[],
): Promise<Continuation> {
  const { variant, groups } = await model.variant(interventions, prompt);
  return model.continuation({ sequence: { ...prompt, ...(groups ? { groups } : {}) }, variant, further });
}
