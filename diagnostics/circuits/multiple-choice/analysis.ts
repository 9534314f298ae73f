/** The analysis `multiple-choice`: which heads and MLPs name the letter of the right option. */
import type { Analysis } from '../../analysis';
import { partsOf } from '../../shared/effects/parts';
import { finding, offers } from './finding';
import { parameters, type MultipleChoiceParameters } from './parameters';
import { choiceResult, type ChoiceResult } from './result';
import { choiceRun } from './run';
import { attentionMap, rowsOf, sections, writtenMap } from './sections';
import * as build from '../../../protocol/sections/builders';

export const multipleChoiceAnalysis: Analysis<MultipleChoiceParameters, ChoiceResult> = {
  id: 'multiple-choice',
  title: 'Multiple choice',
  question: 'Which heads and MLPs name the letter of the right option?',
  group: 'circuits',
  source: {
    reference: 'Lieberum et al. 2023, arXiv:2307.09458, sections 3 and 4',
    trust: 'medium',
    note: 'The paper publishes neither code nor the thresholds of its head types. Loss and accuracy are among the labels; direct effects are centred over all labels; total effects are means over several prompts with another right label.',
  },
  inputs: ['none'],
  exactWeights: true,
  parameters,
  result: choiceResult,
  supports: ({ predicts }) =>
    predicts
      ? { ok: true }
      : {
          ok: false,
          why: 'The model predicts no next token, so it cannot answer a question. Choose a model with a language head.',
        },
  estimate({ blocks, hiddenSize }, _, { count, shots, labels, sources, patched }) {
    const options = labels.split(/\s+/u).length;
    const parts = partsOf(blocks).length;
    const row = blocks.reduce((sum, { heads, headDim }) => sum + 4 * (heads * headDim + 4 * hiddenSize), 0);
    return {
      passes: count * ((shots + 1) * (1 + options) + 3 + sources * (1 + Math.ceil(Math.min(patched, parts) / 8))),
      // Rows of a prompt and a source, effects of every part on each label, masses of every head.
      bytes: 3 * row + 8 * count * parts * 3 * (2 * options + 1),
    };
  },
  run: choiceRun,
  ask(_, __, result, { section, place }) {
    const node =
      place.kind === 'head'
        ? result.nodes?.find(({ layer, head }) => layer === place.layer && head === place.head)
        : place.kind === 'row'
          ? rowsOf(result)[place.row]
          : undefined;
    if (!node) throw new RangeError(`nothing is known of this place of ${section}`);
    const id = `${section}-${node.layer}-${node.head ?? 'mlp'}`;
    const written = place.kind === 'row' && node.written;
    if (!written && !node.attention) {
      return Promise.resolve(
        build.paragraphs(id, 'An MLP that is no output node', [
          'What a part writes is kept for output nodes; an MLP attends to nothing.',
        ]),
      );
    }
    return Promise.resolve(written ? writtenMap(result, node, id) : attentionMap(result, node, id));
  },
  finding,
  sections,
  offers,
};
