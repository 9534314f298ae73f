/** The analysis `concept-heads`: which heads of a vision encoder write what a text says into the embedding of a picture. */
import type { Analysis } from '../../analysis';
import { finding } from './finding';
import { lookCloser } from './look-closer';
import { conceptParameters, type ConceptParameters } from './parameters';
import { conceptHeadsResult, type ConceptHeadsResult } from './result';
import { bytesHeld, conceptHeadsRun } from './run';
import { conceptSections } from './sections';

export const conceptHeads: Analysis<ConceptParameters, ConceptHeadsResult> = {
  id: 'concept-heads',
  title: 'Heads by text',
  question: 'Which heads of CLIP or SigLIP write which concept into the embedding of a picture?',
  group: 'vision',
  source: {
    reference: 'arXiv:2310.05916 (Gandelsman, Efros, Steinhardt, ICLR 2024), sections 3 to 5',
    trust: 'medium',
    note: 'As published: the decomposition of CLIP, TextSpan, mean ablation. Choices of Headscope: contributions are centred first, shares of variance in place of accuracies, the controls, the list of texts, and SigLIP, whose pooling is held fixed at the weights that it gives a picture.',
  },
  inputs: ['none'],
  exactWeights: true,
  readsPictures: true,
  parameters: conceptParameters,
  result: conceptHeadsResult,
  supports({ jointWidth, summary }, { pictures }) {
    if (jointWidth === undefined) {
      const why = `The model has no ${summary.vision ? 'text encoder that shares a space with its pictures' : 'vision encoder'}, so no text says what its heads write. Choose a CLIP or SigLIP checkpoint with both towers.`;
      return { ok: false, why };
    }
    if (summary.vision && summary.vision.processor !== true) return { ok: false, why: summary.vision.processor };
    if (pictures === '') return { ok: false, why: 'No folder of pictures is given. Choose one of PNG or JPEG files.' };
    return { ok: true };
  },
  estimate: (facts, _, parameters) => ({ passes: parameters.count + 3, bytes: bytesHeld(facts, parameters) }),
  run: conceptHeadsRun,
  ask: lookCloser,
  finding,
  sections: conceptSections,
};
