/** The analysis `pope`: yes/no questions about objects of pictures, plainly and with reinforced heads. */
import { popeAnswers, type PopeAnswers } from '../../../protocol/results/pope';
import { popeSections } from '../../../protocol/results/sections/pope';
import { pointsOf } from '../../../protocol/results/share-change';
import type { Analysis } from '../../analysis';
import { imageRows } from '../../shared/captions/image-rows';
import { generatesWith } from '../../shared/captions/support';
import { readsTextAlone } from '../../shared/divergence/reinforcement';
import { counted, percent } from '../../../protocol/wire/number-words';
import { popeParameters, settingsOf, type PopeParameters } from './parameters';
import { runPope } from './run';

export const pope: Analysis<PopeParameters, PopeAnswers> = {
  id: 'pope',
  title: 'Questions about objects',
  question: 'Does the model say yes to objects that are not there, and does reinforcement of heads change it?',
  group: 'vision',
  source: {
    reference: 'arXiv:2305.10355 (POPE); arXiv:2412.13949 (reinforcement)',
    trust: 'high',
    note: 'Intervals over pictures and reading answers by the logits of yes and no are choices of Headscope (docs/hallucination.md).',
  },
  inputs: ['image-set'],
  interventionsOnEach: true,
  stepsOfPictures: ['first', 'splits'],
  parameters: popeParameters,
  result: popeAnswers,
  supports(model, parameters) {
    if (model.predicts && !model.summary.vision) return { ok: false, why: readsTextAlone };
    if (model.predicts && parameters.truth === '') {
      const why = 'No truth is given. Name a JSON file of what the pictures hold, {"image.png": ["object", …]}.';
      return { ok: false, why };
    }
    return generatesWith(model, () => settingsOf(model, parameters, 0));
  },
  estimate(facts, { given }, parameters) {
    const { splits, reinforcement } = settingsOf(facts, parameters, 0);
    const pictures = parameters.first > 0 ? parameters.first : given.kind === 'image-set' ? given.samples : 0;
    const rows = imageRows(facts) + parameters.tokens;
    // Keys and values of the second pass, in float32.
    const cache = facts.blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim * rows, 0);
    // Three objects that are there, and three of each split that are not.
    return { passes: pictures * 3 * (1 + splits.length) * (reinforcement ? 4 : 2), tokens: rows, bytes: 4 * cache };
  },
  run: runPope,
  stopped: (known) => ('total' in known ? (known as PopeAnswers) : undefined),
  finding,
  sections: popeSections,
};

function finding({ splits = [], pictures = 0, total, failures = [] }: Partial<PopeAnswers>): string {
  const [failed] = failures;
  if (failed && failures.length === total) return `No picture could be asked about. ${failed.name}: ${failed.why}`;
  const [first] = splits;
  if (!first || pictures === 0) return 'No picture has been asked about yet.';
  const { split, plain, change } = first;
  const of = total !== undefined && total > pictures ? ` of ${total}` : '';
  const asked = `${pictures}${of} ${total === 1 ? 'picture' : 'pictures'}, ${counted(plain.questions, 'question', 'questions')} of the ${split} split`;
  if (!plain.accuracy) return `${asked}.`;
  const right = `${asked}: ${percent(plain.accuracy.value)} of the answers are right (${percent(plain.accuracy.low)} to ${percent(plain.accuracy.high)}, 95 % interval over pictures).`;
  if (!change?.accuracy) return right;
  return `${right} Reinforced heads change that share by ${pointsOf(change.accuracy)} percentage points.`;
}
