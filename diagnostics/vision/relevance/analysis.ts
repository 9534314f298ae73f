/** The analysis `relevance`: which parts of a picture a word of the answer needs, and which words need a part of the picture. */
import type { Analysis } from '../../analysis';
import { generatesWith } from '../../shared/captions/support';
import { shares } from './deletion';
import { finding } from './finding';
import { lookCloser } from './look-closer';
import { relevanceParameters, type RelevanceParameters } from './parameters';
import { relevanceResult, type RelevanceResult } from './result';
import { rolloutBytes, rolloutPasses } from './rollout';
import { relevanceRun } from './run';
import { sections } from './sections';
import { seenOf, squaresOf } from './squares';

export const relevance: Analysis<RelevanceParameters, RelevanceResult> = {
  id: 'relevance',
  title: 'Relevance of a picture to words',
  question: 'Which parts of a picture does each word of the answer need, and which words need a part of it?',
  group: 'vision',
  source: {
    reference: 'arXiv:2103.15679 (ICCV 2021), section 3.1; LVLM-Interpret, arXiv:2404.03118',
    trust: 'medium',
    note: 'Relevancy maps are those of the paper for self-attention. Occlusion inside the language model, the comparison of maps by what hiding costs, and the use of a span of text instead of the picture are choices of Headscope.',
  },
  inputs: ['prompt'],
  exactWeights: true,
  parameters: relevanceParameters,
  result: relevanceResult,
  supports: (facts) =>
    facts.blocks.every(({ causal }) => causal)
      ? generatesWith(facts, () => undefined)
      : {
          ok: false,
          why: 'The model reads in both directions, so that it writes no answer. Choose one that generates text.',
        },
  estimate(facts, { prompts: [prompt] }, { tokens, span, side, curves, draws }) {
    const n = (prompt?.ids.length ?? 0) + tokens;
    const squares = prompt ? squaresOf(prompt, seenOf(prompt, span), side).places.length : 0;
    const orders = curves === 0 ? 0 : draws + 3 * Math.min(curves, tokens);
    // A token that is written costs about a twentieth of a prompt.
    const passes = 1 + tokens / 20 + 4 + tokens * rolloutPasses(facts, n) + squares + orders * shares.length;
    return { passes: Math.ceil(passes), bytes: rolloutBytes(facts, n) };
  },
  run: relevanceRun,
  ask: lookCloser,
  finding,
  sections,
};
