/** What is measured of the next token behind a prompt, and in which words. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { effectMetrics, type EffectMetric } from '../../../protocol/analysis/tasks';
import type { Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { RowAnswer } from '../../model-runner/run-request';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
export type MetricParameters = {
  readonly metric: string;
  readonly answer: string;
  readonly against: string;
};

export const metricTable: ParameterTable<MetricParameters> = {
  metric: field.choice(
    'Metric',
    'What is measured. Usual: the metric of the task; of a prompt the logit difference where two tokens are named, the probability where one is, else the loss of its own tokens. Of a classifier the logit of a label, or the difference of two; of an embedding model the similarity to another text.',
    { options: ['usual', ...effectMetrics], default: 'usual' },
  ),
  answer: field.text(
    'Answer',
    'The token that should follow the prompt, as it is shown (␣Paris), or as #17. Of a classifier a label; of an embedding model the text that the prompt is compared with. A task has answers of its own.',
  ),
  against: field.text(
    'Wrong answer',
    'The token, or the label, that the answer is compared with, for differences. Written like the answer.',
  ),
};

/** `right` of the tokens that were asked for are right, the others wrong. */
export function metricOf(
  metric: EffectMetric,
  { logits, logSumExp, largest }: Omit<RowAnswer, 'entropy'>,
  tokens: readonly number[],
  right: number,
): number {
  const mean = (some: readonly number[]): number => some.reduce((sum, each) => sum + each, 0) / some.length;
  const share = (some: readonly number[]): number => some.reduce((sum, each) => sum + Math.exp(each - logSumExp), 0);
  const [good, bad] = [logits.slice(0, right), logits.slice(right)];
  switch (metric) {
    case 'logit-difference':
      return mean(good) - mean(bad);
    case 'probability':
      return share(good);
    case 'probability-difference':
      return share(good) - share(bad);
    case 'accuracy':
      return tokens.slice(0, right).includes(largest) ? 1 : 0;
    case 'loss':
      // One right answer does without its probability, which may be 0 in float64.
      return good.length === 1 ? logSumExp - (good[0] ?? Number.NaN) : -Math.log(share(good));
    case 'logit':
      return mean(good);
    case 'similarity':
      throw new RangeError('a similarity is of embeddings, and no answer has it');
  }
}

/** Whether what the parameters ask for can be measured of a model. */
export function measures({ predicts, readout }: ModelFacts, { metric, answer, against }: MetricParameters): Support {
  if (metric === 'similarity' && !readout?.embedding) {
    return {
      ok: false,
      why: 'This model makes no embeddings: no pooling of sentence-transformers is in its folder. Choose another metric.',
    };
  }
  if (readout?.labels?.of === 'span') {
    return {
      ok: false,
      why: 'This model marks where an answer begins and ends, which no metric measures. Choose a model with a language head or a classifier.',
    };
  }
  if (!predicts && !readout?.labels && readout?.embedding && metric !== 'usual' && metric !== 'similarity') {
    return { ok: false, why: 'This model makes embeddings and predicts nothing. Choose similarity as the metric.' };
  }
  if (!predicts && !readout) {
    return {
      ok: false,
      why: 'This model predicts no next token, so there is nothing to measure. Choose a model with a language head.',
    };
  }
  return isMetric(metric) && comparesTwo(metric) && answer !== '' && against === ''
    ? { ok: false, why: 'A difference needs a wrong token too. Give `against`, or choose another metric.' }
    : { ok: true };
}

/** The same of analyses that follow what reaches the logits of the next token. */
export function measuresNext(facts: ModelFacts, parameters: MetricParameters): Support {
  if (parameters.metric === 'similarity')
    return {
      ok: false,
      why: 'Similarity is measured by activation patching, attribution and ablation. Choose another metric, or ask one of these.',
    };
  const { readout: _, ...rest } = facts;
  return measures(rest, parameters);
}

export const comparesTwo = (metric: EffectMetric): boolean =>
  metric === 'logit-difference' || metric === 'probability-difference';

interface MetricWords {
  readonly name: string;
  readonly unit: string;
  readonly definition: string;
}

export const metricWords: Readonly<Record<EffectMetric, MetricWords>> = {
  'logit-difference': {
    name: 'logit difference',
    unit: 'logits',
    definition: 'mean logit of the right answers less that of the wrong ones, at the last position',
  },
  probability: { name: 'probability', unit: '', definition: 'probability of the right answers together' },
  'probability-difference': {
    name: 'probability difference',
    unit: '',
    definition: 'probability of the right answers less that of the wrong ones',
  },
  accuracy: { name: 'accuracy', unit: '', definition: 'share whose largest logit is that of a right answer' },
  logit: { name: 'logit', unit: 'logits', definition: 'mean logit of the right answers' },
  similarity: {
    name: 'similarity',
    unit: '',
    definition: 'cosine of the embedding of the prompt and that of the text that it is compared with',
  },
  loss: { name: 'loss', unit: 'nats', definition: '-ln of the probability of the right answers together' },
};

export const isMetric = (name: string): name is EffectMetric => (effectMetrics as readonly string[]).includes(name);
