/** The analysis `head-index`: for every head the strongest, decile and random examples of what it reads in a corpus. */
import type { Analysis } from '../../analysis';
import { bins } from './examples';
import { headIndexParameters, type HeadIndexParameters } from './parameters';
import { headIndexResult, type HeadIndexResult } from './result';
import { runHeadIndex } from './run';
import { examplesOfHead, finding, sections } from './sections';

/** Of an example while it is kept, and as part of a result. */
const bytesOfExample = 280;
const bytesOfToken = 40;

export const headIndex: Analysis<HeadIndexParameters, HeadIndexResult> = {
  id: 'head-index',
  title: 'Index of heads',
  question: 'What does each head read, over a corpus?',
  group: 'patterns',
  source: {
    reference: 'arXiv:2004.10102, section 2 (norm-based strength); arXiv:2305.03210 (AttentionViz)',
    trust: 'medium',
    note: 'Examples without the first token and the own one, deciles from counts, and limits by document are choices of Headscope.',
  },
  inputs: ['corpus'],
  parameters: headIndexParameters,
  result: headIndexResult,
  supports: () => ({ ok: true }),
  estimate({ blocks }, { corpus }, { documents, tokens, strongest, random, measure }) {
    const passes = Math.min(documents, Math.max(1, corpus?.documents.length ?? 1));
    const heads = blocks.reduce((sum, block) => sum + block.heads, 0);
    const values = measure === 'value' ? blocks.reduce((sum, block) => sum + block.kvHeads * block.headDim, 0) : 0;
    const kept = heads * (bytesOfExample * (strongest + random + bins) + 8 * bins);
    // The most-read keys of a pass: four numbers of 4 bytes, twice.
    const pass = tokens * (32 * heads + 4 * values);
    return { passes, tokens, bytes: kept + pass + passes * tokens * bytesOfToken };
  },
  run: runHeadIndex,
  ask(_model, _job, result, { place }) {
    if (place.kind !== 'head') throw new RangeError('a head is asked for');
    return Promise.resolve(examplesOfHead(result, place));
  },
  finding,
  sections,
};
