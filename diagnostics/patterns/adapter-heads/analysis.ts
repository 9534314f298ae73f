/** The analysis `adapter-heads`: which heads an adapter moved, by their weights and on a prompt. */
import * as field from '../../../kernels/parameters';
import type { Analysis } from '../../analysis';
import { mapBytes, passesOfMaps } from '../../shared/maps/layer-maps';
import { adapterHeadsResult, type AdapterHeadsResult } from './result';
import { adapterHeadsRun, type AdapterHeadsParameters } from './run';
import { finding, sections } from './sections';

export const adapterHeads: Analysis<AdapterHeadsParameters, AdapterHeadsResult> = {
  id: 'adapter-heads',
  title: 'Heads that an adapter moved',
  question: 'Which heads did the adapter move, and what does that change on a prompt?',
  group: 'patterns',
  source: {
    reference: 'Hu et al. 2021 (LoRA, arXiv:2106.09685); Endres and Schindelin 2003 (Jensen-Shannon distance)',
    trust: 'medium',
    note: 'Norms of changes by head, and ranking heads by them, are choices of Headscope.',
  },
  inputs: ['prompt'],
  exactWeights: true,
  parameters: {
    against: field.folder(
      'Base',
      'The base of a merged model. If empty, a model with an adapter is compared with its own base.',
    ),
  },
  result: adapterHeadsResult,
  supports({ predicts, patches, sourceBlocks, adapted }, { against }) {
    if (!predicts || patches || sourceBlocks)
      return { ok: false, why: 'The model does not predict the next token of a text. Choose a decoder.' };
    if (adapted !== true && against.trim() === '') {
      const why =
        'The model has no adapter. Choose one as "Adapter" (--adapter FOLDER). For a merged model, name its base as "Base" (--against).';
      return { ok: false, why, byParameters: true };
    }
    return { ok: true };
  },
  estimate(facts, { prompts: [prompt] }) {
    const rows = prompt?.ids.length ?? 0;
    return {
      passes: 2 * passesOfMaps(facts) + 2,
      bytes: 2 * mapBytes(facts, rows) + 4 * 2 * rows * facts.summary.vocabulary,
    };
  },
  run: adapterHeadsRun,
  finding,
  sections,
};
