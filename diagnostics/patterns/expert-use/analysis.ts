/** The analysis `expert-use`: what the experts of a model specialise in, and how evenly they are used. */
import type { Analysis } from '../../analysis';
import { routedBlocks } from '../../shared/routed-experts';
import { expertUseParameters, type ExpertUseParameters } from './parameters';
import { expertUseResult, type ExpertUseResult } from './result';
import { runExpertUse } from './run';
import { expertName, finding, sections } from './sections';

export const expertUse: Analysis<ExpertUseParameters, ExpertUseResult> = {
  id: 'expert-use',
  title: 'Use of experts',
  question: 'What do routed experts specialise in, and how evenly are they used?',
  group: 'patterns',
  source: {
    reference:
      'arXiv:2409.02060, section 5 (OLMoE: domain and vocabulary specialization); arXiv:2401.04088, section 5 (Mixtral)',
    trust: 'medium',
    note: 'The papers show shares of choices. Mutual information, its null of permuted tokens at equal loads, and the correction over layers are choices of Headscope.',
  },
  inputs: ['prompt', 'corpus'],
  parameters: expertUseParameters,
  result: expertUseResult,
  supports: (facts) =>
    routedBlocks(facts).length > 0
      ? { ok: true }
      : {
          ok: false,
          why: 'The model has no routed experts. Choose one that has, such as OLMoE, Mixtral or Qwen3 MoE.',
        },
  estimate(facts, { prompts, corpus }, { documents, tokens }) {
    const passes = corpus ? Math.min(documents, Math.max(1, corpus.documents.length)) : prompts.length;
    const rows = corpus ? tokens : (prompts[0]?.ids.length ?? 0);
    const kept = routedBlocks(facts).reduce((sum, { count, perToken }) => sum + 12 * count + 2 * passes * perToken, 0);
    return { passes, ...(corpus ? { tokens } : {}), bytes: rows * kept };
  },
  run: runExpertUse,
  finding,
  sections,
  offers({ preferences }) {
    const [first] = preferences;
    if (!first) return [];
    const { layer, expert, taken, of } = first;
    return [
      {
        title: `Without ${expertName(first)}`,
        description: `Forbids the expert that deviates most from chance: ${taken} of ${of} tokens of one ${first.by === 'token' ? 'kind' : first.by} use it.`,
        interventions: [{ kind: 'forbid-expert', layer, expert }],
      },
    ];
  },
};
