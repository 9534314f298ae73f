/** What a person chooses of path patching. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { exactShareParameter } from '../../shared/circuits/first-pass';
import { headInputs, type HeadInput } from '../../shared/circuits/receivers';
import { leastGapParameter } from '../../shared/effects/gap';
import { metricTable, type MetricParameters } from '../../shared/effects/metric';
import { refusal } from '../../../protocol/wire/failures';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
export type PathParameters = MetricParameters & {
  readonly receivers: string;
  readonly at: string;
  readonly next: string;
  readonly kept: number;
  readonly freezeMlps: boolean;
  readonly leastGap: number;
  readonly exactShare: number;
};

export const pathTable: ParameterTable<PathParameters> = {
  receivers: field.text(
    'Receivers',
    'What the heads act through: the logits, or queries, keys and values of heads and MLPs, such as 5.1.q,5.2.q,4.mlp.',
    'logits',
  ),
  at: field.text(
    'Position',
    'Where senders and receivers stand: a role of the task (query is the last position), or positions such as 3-5,9.',
    'query',
  ),
  next: field.text(
    'Next stages',
    'What acts on the heads that were found: their inputs with a position, such as q, then v@repeated-subject, one stage each: "q, v@repeated-subject". Without a position, that of the stage before.',
  ),
  kept: field.number('Heads kept', 'Share of all heads that a stage keeps, largest effect first; at least one.', {
    min: 0.1,
    max: 100,
    default: 2,
    unit: '%',
  }),
  freezeMlps: field.flag(
    'Hold MLPs',
    'Hold MLPs at their values too, so that a path leads through none of them; else they are computed anew.',
    false,
  ),
  ...metricTable,
  leastGap: leastGapParameter('prompts and counterparts'),
  exactShare: exactShareParameter('heads'),
};

export interface NextStage {
  readonly inputs: readonly HeadInput[];
  /** Undefined: that of the stage before. */
  readonly at: string | undefined;
}

/** Stages behind the first at most: a model has no longer chain of heads that means something. */
const mostStages = 6;

/** Fails with a sentence. */
export function nextStages(text: string): readonly NextStage[] {
  const parts = text
    .split(/[,;]/u)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length > mostStages) throw refusal(`There are ${parts.length} next stages. Give at most ${mostStages}.`);
  return parts.map((part) => {
    const [, letters = '', at] = /^([qkv]{1,3})(?:@(.+))?$/iu.exec(part) ?? [];
    if (letters === '') {
      throw refusal(
        `"${part.slice(0, 60)}" is no stage. Give the inputs of the heads that were found, with a position: q, or v@repeated-subject.`,
      );
    }
    const inputs = headInputs.filter((input) => letters.toLowerCase().includes(input[0] ?? ''));
    return { inputs, at: at?.trim() };
  });
}
