import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export const senders = ['counterpart', 'mean'] as const;

// A type and no interface: values are records.
export type RecallParameters = {
  readonly sender: string;
  readonly freezeMlps: boolean;
  readonly threshold: number;
  readonly window: string;
  readonly heldOut: number;
  readonly alphas: string;
  readonly gain: number;
  readonly share: number;
  readonly text: string;
};

export const parameters: ParameterTable<RecallParameters> = {
  sender: field.choice(
    'Sender',
    'What a head puts out when its effect is measured: its output on the counterpart of the prompt, or its mean over all counterparts (as in the published code; effects are smaller).',
    { options: senders, default: 'counterpart' },
  ),
  freezeMlps: field.flag(
    'Hold MLPs',
    'Hold MLPs at the last position too, so that only the direct path of a head to the logits counts.',
    false,
  ),
  threshold: field.number(
    'Effect of a mover',
    'Heads with at least this effect that is beyond chance are those that move the topic.',
    { min: 0, max: 1, default: 0.05 },
  ),
  window: field.heads(
    'Heads of the regression',
    'Heads whose outputs explain an MLP one by one, as 2.5,3.*; empty: all of the layers from the first mover to the MLP.',
  ),
  heldOut: field.number(
    'Held out',
    'Share of the templates (of the prompts, where there are fewer than three) that regressions and the correction are tested on.',
    { min: 1, max: 90, default: 34, unit: '%' },
  ),
  alphas: field.text(
    'Strengths of the function',
    'Factors on the intercept of an MLP when it is added to the stream of the bare topic.',
    '1,2,4',
  ),
  gain: field.number(
    'Gain of suppressing heads',
    'Correction: gain of the heads of the last layer that lower the right answer; 1 leaves them.',
    { min: 0, max: 1, default: 0 },
  ),
  share: field.number(
    'Share taken out of the last MLP',
    'For the correction: the share that is taken out of what the last MLP does against the leading token; 0 takes out nothing.',
    { min: 0, max: 1, default: 1 },
  ),
  text: field.file(
    'Neutral text',
    'A text file on which the harm of the correction is measured; empty: two paragraphs of plain English.',
  ),
};
