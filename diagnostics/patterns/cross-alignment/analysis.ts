/** The analysis `cross-alignment`: which heads of cross-attention align the words of a source and of a target. */
import type { Analysis } from '../../analysis';
import { crossMap } from '../../shared/sections/head-maps';
import { finding } from './finding';
import { parameters, type CrossAlignmentParameters } from './parameters';
import { crossAlignmentResult, type CrossAlignmentResult } from './result';
import { crossAlignmentRun } from './run';
import { sections } from './sections';

export const crossAlignment: Analysis<CrossAlignmentParameters, CrossAlignmentResult> = {
  id: 'cross-alignment',
  title: 'Alignment of source and target',
  question: 'Which heads align the words of the source and the target?',
  group: 'patterns',
  source: {
    reference:
      'Och and Ney 2003 (error rate); Kobayashi et al. 2020, arXiv:2004.10102, section 5; Chen et al. 2020, arXiv:2004.14837, section 3 (which row aligns a token)',
    trust: 'high',
    note: 'Tokens are merged into words as in arXiv:1906.04341, section 4.1. The null of exchanged words, over all heads and both moments at once, is ours.',
  },
  inputs: ['prompt'],
  sources: 'only',
  parameters,
  result: crossAlignmentResult,
  supports: ({ blocks, summary }) =>
    blocks.some(({ cross }) => cross !== undefined)
      ? { ok: true }
      : { ok: false, why: `${summary.name} has no cross-attention. Choose an encoder-decoder.` },
  estimate({ blocks }, { prompts: [prompt] }) {
    const heads = Math.max(0, ...blocks.map(({ cross }) => cross?.heads ?? 0));
    const cells = (prompt?.ids.length ?? 0) * (prompt?.source?.ids.length ?? 0);
    // The maps of a layer, and the shares of words of all layers at both moments.
    return { passes: 1, bytes: heads * cells * (4 + 16 * blocks.length) };
  },
  run: crossAlignmentRun,
  ask(model, job, { best }, { section, place }) {
    const at = place.kind === 'row' ? best[place.row] : place.kind === 'head' ? place : undefined;
    if (!at) throw new RangeError('a head is asked for');
    return crossMap(model, job, at, section);
  },
  finding,
  sections,
};
