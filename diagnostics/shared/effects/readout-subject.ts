/** What is measured of a model that gives labels, or embeddings, in place of the next token. */
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { refusal } from '../../../protocol/wire/failures';
import { listed } from '../../../protocol/wire/listed';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { Readout, ReadoutFacts } from '../../model-runner/readout';
import type { AskedRow } from '../../model-runner/run-request';
import type { Sequence } from '../../model-runner/sequence';
import { comparesTwo, isMetric, type MetricParameters } from './metric';

export interface ReadoutSubject {
  readonly asked: readonly AskedRow[];
  /** For a similarity: the embedding that the prompt's is compared with. */
  readonly embedding?: Float64Array;
  readonly metric: EffectMetric;
  /** What stands for the right and the wrong answer, in words. */
  readonly answers: { readonly right: string; readonly wrong?: string };
}

/** The readout that a metric is of; undefined where it is of the next token. */
export const measuredReadout = (
  { readout, facts }: ModelRunner,
  { metric }: Pick<MetricParameters, 'metric'>,
): Readout | undefined => (readout && (!facts.predicts || metric === 'similarity') ? readout : undefined);

/** `usual`: what a prompt is compared with where no text is named. Fails with a sentence where something is missing. */
export async function readoutSubject(
  model: ModelRunner,
  readout: Readout,
  prompt: Prompt,
  parameters: MetricParameters,
  usual: Sequence | undefined,
): Promise<ReadoutSubject> {
  const { labels } = readout;
  return labels && parameters.metric !== 'similarity'
    ? ofLabels(readout, labels, prompt, parameters)
    : ofSimilarity(model, readout, parameters, usual);
}

async function ofLabels(
  readout: Readout,
  labels: NonNullable<ReadoutFacts['labels']>,
  prompt: Prompt,
  { metric: chosen, answer, against }: MetricParameters,
): Promise<ReadoutSubject> {
  if (answer === '' && against !== '')
    throw refusal('A wrong label is given and no right one. Give `answer` too, or leave `against` out.');
  const [rows = []] = await readout.logits(prompt, [[]]);
  const named = answer === '' ? undefined : labelNamed(labels.names, answer);
  // Where tokens are labelled: the token that has the label most, or that is surest of one.
  const [row, right] = largestOf(rows, named);
  const wrong = against === '' ? undefined : labelNamed(labels.names, against);
  if (wrong === right)
    throw refusal('`answer` and `against` are the same label, so their difference is 0. Name two labels.');
  const metric = isMetric(chosen) ? chosen : wrong === undefined ? 'logit' : 'logit-difference';
  if (comparesTwo(metric) && wrong === undefined)
    throw refusal(
      'A difference needs a right and a wrong label. Give `answer` and `against`, or choose another metric.',
    );
  const { names } = labels;
  return {
    asked: [{ row, tokens: wrong === undefined ? [right] : [right, wrong] }],
    metric,
    answers: { right: names[right] ?? '', ...(wrong === undefined ? {} : { wrong: names[wrong] ?? '' }) },
  };
}

/** The place of the largest logit: of one label, or of all. */
function largestOf(rows: readonly Float64Array[], label: number | undefined): readonly [row: number, label: number] {
  let [best, place]: [number, readonly [number, number]] = [-Infinity, [0, label ?? 0]];
  rows.forEach((logits, row) =>
    logits.forEach((value, at) => {
      if ((label === undefined || at === label) && value > best) [best, place] = [value, [row, at]];
    }),
  );
  return place;
}

/** By its name, whatever its case, or as #2. */
function labelNamed(names: readonly string[], typed: string): number {
  const byNumber = /^#(\d+)$/u.exec(typed)?.[1];
  const lower = typed.toLowerCase();
  const found = byNumber === undefined ? names.findIndex((name) => name.toLowerCase() === lower) : Number(byNumber);
  if (names[found] !== undefined) return found;
  const shown = names.slice(0, 8).map((name) => `"${name}"`);
  throw refusal(
    `There is no label "${typed}". The model has ${names.length} labels: ${listed(names.length > 8 ? [...shown, '…'] : shown)}.`,
  );
}

async function ofSimilarity(
  model: ModelRunner,
  readout: Readout,
  { metric, answer, against }: MetricParameters,
  usual: Sequence | undefined,
): Promise<ReadoutSubject> {
  if (metric !== 'usual' && metric !== 'similarity')
    throw refusal('This model makes embeddings and predicts nothing. Choose similarity as the metric.');
  if (against !== '') throw refusal('A similarity is to one text. Leave `against` out.');
  const ids = /^\s*#\d+(\s+#\d+)*\s*$/u.test(answer)
    ? Array.from(answer.matchAll(/#(\d+)/gu), ([, id]) => Number(id))
    : undefined;
  const compared =
    answer === '' ? usual : await model.prompt(ids ? { kind: 'ids', ids } : { kind: 'text', text: answer });
  if (!compared)
    throw refusal('A similarity needs a text to compare the prompt with. Give it as `answer`, or give a counterpart.');
  const [embedding] = await readout.embeddings(compared, [[]]);
  return {
    asked: [{ row: 0, tokens: [] }],
    ...(embedding ? { embedding } : {}),
    metric: 'similarity',
    answers: { right: answer === '' ? ((compared as Partial<Prompt>).text ?? 'the other prompt') : answer },
  };
}
