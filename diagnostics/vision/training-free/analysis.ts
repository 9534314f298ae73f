/** The analysis `training-free`: methods against hallucination that change no weight, side by side on the same pictures. */
import type { Analysis } from '../../analysis';
import { generatesWith } from '../../shared/captions/support';
import { finding } from './finding';
import { methodsIn, parameters, type TrainingFreeParameters } from './parameters';
import { trainingFreeResult, type TrainingFreeResult } from './result';
import { runTrainingFree } from './run';
import { captionsOf, sections } from './sections';

/** Image tokens that are guessed before a picture is read, as LLaVA-1.5 has them. */
const guessedRows = 576;

export const trainingFree: Analysis<TrainingFreeParameters, TrainingFreeResult> = {
  id: 'training-free',
  title: 'Training-free methods against hallucination',
  question: 'Which method that needs no training makes captions name less of what is not there, and at what price?',
  group: 'vision',
  source: {
    reference: 'arXiv:1809.02156 (CHAIR), arXiv:2305.10355 (POPE); of each method in the notes of the result',
    trust: 'medium',
    note: 'Intervals over pictures, CHAIR at equal length and defaults that a paper does not have are choices of Headscope.',
  },
  inputs: ['image-set'],
  interventionsOnEach: true,
  parameters,
  result: trainingFreeResult,
  supports(model, values) {
    if (model.predicts && !model.summary.vision) {
      const why =
        'The model reads text alone: it has no vision encoder, so it cannot caption pictures. Choose a vision-language model.';
      return { ok: false, why };
    }
    if (model.predicts && values.truth === '') {
      const why = 'No truth is given. Name a JSON file of what the pictures hold, {"image.png": ["object", …]}.';
      return { ok: false, why };
    }
    return generatesWith(model, () => {
      for (const method of methodsIn(values, [])) method.require?.(model, values);
    });
  },
  estimate({ blocks }, { given }, values) {
    const pictures = given.kind === 'image-set' ? given.samples : 0;
    const methods = methodsIn(values, []).length;
    const rows = guessedRows + values.tokens;
    // Keys and values of a second text, in float32.
    const cache = blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim * rows, 0);
    // About half of the methods read the prompt twice.
    return { passes: Math.ceil(1.5 * pictures * methods * (1 + 2 * values.objects)), bytes: 4 * cache };
  },
  run: runTrainingFree,
  finding,
  sections,
  ask(_model, _job, result, { place }) {
    const entry = place.kind === 'row' ? result.entries[place.row] : undefined;
    if (!entry) throw new RangeError('the captions of a picture are asked for');
    return Promise.resolve(captionsOf(result, entry));
  },
};
