/** The analysis `quantisation-damage`: what quantising did to a model, compared with the checkpoint that it was made from. */
import type { Analysis } from '../../analysis';
import { textParameters, textsAhead } from '../../shared/beside/texts';
import { mapBytes, passesOfMaps } from '../../shared/maps/layer-maps';
import { usualNullSequences } from '../../shared/labels/label-run';
import { damageResult, type DamageResult } from './result';
import { damageRun, type DamageParameters } from './run';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

/** A pass over the text and those over random sequences. */
const labelPasses = 1 + 2 * (1 + usualNullSequences);

export const quantisationDamage: Analysis<DamageParameters, DamageResult> = {
  id: 'quantisation-damage',
  title: 'Damage by quantising',
  question: 'Which heads did quantising hurt, and which tensors should stay wider?',
  group: 'patterns',
  source: {
    reference: 'Endres and Schindelin 2003 (Jensen-Shannon distance); llama.cpp, tools/perplexity --kl-divergence',
    trust: 'medium',
    note: 'Divergences of the next token are those that llama.cpp reports. Errors by head, and ranking tensors by what each alone recovers, are choices of Headscope.',
  },
  inputs: ['prompt', 'corpus', 'task'],
  sources: 'also',
  exactWeights: true,
  parameters: {
    against: field.folder('Made from', 'The checkpoint that the model was made from: a folder, or a GGUF file.'),
    exchange: field.flag(
      'Try tensors',
      'Runs the model once for each tensor, with that tensor as it was before quantising.',
      true,
    ),
    labels: field.flag('Labels', 'Labels the heads of both models, and lists those whose labels differ.', true),
    ...textParameters,
  },
  result: damageResult,
  supports({ patches }, { against }) {
    if (patches) {
      const why = 'The model reads pictures, and this reads texts. Choose a model of texts.';
      return { ok: false, why };
    }
    if (against.trim() === '') {
      const why =
        'The checkpoint that the model was made from is not named. Choose it as "Made from", or give --against MODEL.';
      return { ok: false, why, byParameters: true };
    }
    return { ok: true };
  },
  estimate(facts, input, { exchange, labels, ...parameters }) {
    const { count, rows } = textsAhead(input, parameters);
    const { blocks, sourceBlocks = [] } = facts;
    const isCrossed = blocks.some(({ cross }) => cross !== undefined);
    const exchanges = 7 * (blocks.length + 4) + (isCrossed ? 4 * blocks.length + 6 * sourceBlocks.length : 0);
    const ofMaps = passesOfMaps(facts) * (isCrossed ? 3 : 1);
    const ofText = 2 * ofMaps + (facts.predicts ? 2 + (exchange ? exchanges : 0) : 0);
    const answers = input.task && facts.predicts ? 2 * input.task.samples.length : 0;
    return {
      passes: count * ofText + (labels ? 2 * labelPasses * (isCrossed ? 2 : 1) : 0) + answers,
      ...(input.corpus ? { tokens: rows } : {}),
      bytes:
        2 * mapBytes(facts, Math.max(rows, input.prompts[0]?.source?.ids.length ?? 0)) +
        4 * 4 * rows * facts.summary.vocabulary,
    };
  },
  run: damageRun,
  finding,
  sections,
};
