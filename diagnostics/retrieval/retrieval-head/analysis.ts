/** The analysis `retrieval-head`: which heads copy a fact from far back into the answer, and what the model does without them. */
import type { Analysis } from '../../analysis';
import { headList } from '../../shared/retrieval/head-list';
import { compare } from './compare';
import { finding, offers } from './finding';
import { plannedSets } from './head-sets';
import { look } from './look';
import { mostKept } from './needle-test';
import { parameters, supports, type RetrievalParameters } from './parameters';
import { retrievalHeadResult, type RetrievalHeadResult } from './result';
import { runRetrievalHead } from './run';
import { sections } from './sections';

/** Each test holds three numbers by head, and a byte for each kept token. */
const [numberBytes, numbersOfHead] = [8, 3];

export const retrievalHead: Analysis<RetrievalParameters, RetrievalHeadResult> = {
  id: 'retrieval-head',
  title: 'Retrieval heads',
  question: 'Which heads copy a fact from far back into the answer, and what is lost without them?',
  group: 'retrieval',
  source: {
    reference:
      'arXiv:2404.15574, sections 2 and 3 (Wu et al. 2024); github.com/nightdessert/Retrieval_Head (detection and masking)',
    trust: 'high',
    note: 'The needle is placed by the tokens of the prompt and not by their overlap. Masked heads attend equally to the tokens so far; the authors’ code includes later tokens while it reads the prompt. Equal weights count for the earlier key. Lengths fit the context of the model and not 50,000 tokens.',
  },
  inputs: ['task'],
  usualTask: { task: 'needle-grid', samples: 30 },
  files: [{ field: 'headScores', title: 'Scores by head and test, as the authors publish them' }],
  parameters,
  result: retrievalHeadResult,
  supports,
  estimate(facts, { task }, asked) {
    const tests = task?.samples.length ?? 0;
    const chosen = headList(asked.chosen, facts);
    const planned = plannedSets(facts, { ...asked, chosen: chosen.ok ? chosen.heads : [] });
    const heads = facts.blocks.reduce((sum, block) => sum + block.heads, 0);
    return {
      passes: tests * (1 + (planned.ok ? planned.sets.length : 0)),
      bytes: tests * heads * (numbersOfHead * numberBytes + Math.min(asked.tokens, mostKept)),
    };
  },
  run: runRetrievalHead,
  ask: look,
  finding,
  sections,
  compare,
  offers,
};
