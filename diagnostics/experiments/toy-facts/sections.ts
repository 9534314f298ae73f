/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import type { Analysis } from '../../analysis';
import { curveChart, type Curves } from '../../shared/training/curves';
import type { ToyFactsResult } from './result';
import { percent } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';

export const accuracyName = 'accuracy';

export function finding(analysis: Pick<Analysis, 'finding'>, { curves, recall }: Partial<ToyFactsResult>): string {
  if (recall) return analysis.finding(recall);
  const step = curves?.loss.at(-1)?.step;
  return step === undefined ? 'The toy is not trained yet.' : `The toy was trained for ${step} steps so far.`;
}

export function sections(
  analysis: Pick<Analysis, 'sections'>,
  { curves, lastCurves, noise = 0, folder, recall }: Partial<ToyFactsResult>,
): readonly Section[] {
  const charts = (own: Curves | undefined, id: string, title: string, caption: string): readonly Section[] =>
    own
      ? [
          curveChart(own, {
            id: `${id}-loss`,
            title: `Loss: ${title}`,
            caption,
            y: build.logAxis('loss', 'log10', 'nats'),
            loss: true,
          }),
          curveChart(own, {
            id: `${id}-accuracy`,
            title: `Accuracy: ${title}`,
            caption: 'Share of the prompts of the file whose right answer has the largest logit.',
            y: build.shareAxis('accuracy'),
            measures: { [accuracyName]: 'prompts of the file' },
          }),
        ]
      : [];
  return [
    ...charts(curves, 'first', 'all layers but the last', 'Without noise. The last layer adds nothing yet.'),
    ...charts(
      lastCurves,
      'last',
      'the last layer',
      `It alone is trained; ${percent(noise)} of the answers are drawn at random, so that no model can be surer than that.`,
    ),
    ...(folder === undefined
      ? []
      : [
          build.paragraphs('folder', 'The model', [
            `The model, its facts (facts.csv) and sentences of its language (sentences.txt) are in ${folder}: choose the folder as the model, and facts.csv as the task, of any other analysis.`,
          ]),
        ]),
    ...(recall ? analysis.sections(recall) : []),
  ];
}
