/** The analysis `divergence`: which heads read the image, or another span, and which generated words lean on it. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { Analysis, AnalysisJob, Support } from '../../analysis';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { preparedAnalysis, runDivergence } from './analysis-run';
import { compareDivergence } from './comparison';
import { divergenceAfter } from '../../shared/divergence/divergence-run';
import { findingOf } from './finding';
import { headName } from '../../../protocol/schema/written-form';
import { quotedToken } from '../../../protocol/wire/token-name';
import { divergenceParameters, settingsOf, type DivergenceParameters } from './parameters';
import { readsTextAlone } from '../../shared/divergence/reinforcement';
import { generatesWith } from '../../shared/captions/support';
import { divergenceResult, type DivergenceResult } from '../../../protocol/results/divergence-result';
import { headTables, sectionIds, sectionsOf, spanSection } from '../../../protocol/results/sections/divergence';
import { refusal } from '../../../protocol/wire/failures';
import { spanMap } from '../../shared/divergence/span-map';

export const divergence: Analysis<DivergenceParameters, DivergenceResult> = {
  id: 'divergence',
  title: 'Vision-aware head divergence',
  question: 'Which heads look at the image, and which words of the caption were said without it?',
  group: 'vision',
  source: {
    reference: 'arXiv:2412.13949, equations 4 to 7',
    trust: 'medium',
    note: 'k and the reinforced layers of models other than LLaVA-1.5 are choices of Headscope, and so is removing a span of text instead of the image.',
  },
  inputs: ['prompt'],
  parameters: divergenceParameters,
  result: divergenceResult,
  supports,
  estimate({ blocks }, { prompts }, { tokens, reinforce }) {
    const rows = (prompts[0]?.ids.length ?? 0) + tokens;
    // Keys and values of the second pass, in float32.
    const cache = blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim * rows, 0);
    return { passes: reinforce ? 7 : 3, bytes: 4 * cache };
  },
  run: runDivergence,
  ask,
  finding: findingOf,
  sections: sectionsOf,
  compare: compareDivergence,
  offers({ reinforced }) {
    if (!reinforced || reinforced.gains.length === 0) return [];
    const { alpha, layers } = reinforced.reinforcement;
    return [
      {
        title: `Heads x ${alpha} that were reinforced here`,
        description: `The ${reinforced.gains.length} heads selected in the layers ${layers.join(', ')} at the first token of this prompt; they were chosen for this prompt alone.`,
        interventions: reinforced.gains.map((gain) => ({ kind: 'gain', ...gain })),
      },
    ];
  },
};

function supports(model: ModelFacts, parameters: DivergenceParameters): Support {
  if (parameters.removed === 'image' && model.predicts && !model.summary.vision) {
    return { ok: false, why: readsTextAlone };
  }
  return generatesWith(model, () => settingsOf(model, parameters));
}

/** A head: where it reads at the first token. A token of a caption: all heads at its step. */
async function ask(
  model: ModelRunner,
  job: AnalysisJob<DivergenceParameters>,
  result: DivergenceResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const { pair, measure, variant } = preparedAnalysis(model, job);
  const own = variant ? { variant } : {};
  if (section === sectionIds.heads && place.kind === 'head') {
    const { layer, head } = place;
    if (head >= (model.facts.blocks[layer]?.heads ?? 0)) throw refusal(`The model has no head ${headName(place)}.`);
    const rows = pair.whole.groups?.[0]?.positions ?? [];
    const values = [...(await spanMap(model, { sequence: pair.whole, rows, heads: [{ layer, head }], ...own }))];
    const what = result.image ? 'looks' : 'reads';
    const map = spanSection(`${section}-L${layer}H${head}`, `Where ${headName(place)} ${what}`, result, {
      values,
      definition: 'p(query, key), the query of the first token',
    });
    if (map) return map;
  }
  const caption = section === sectionIds.caption ? result.caption : result.reinforced;
  if ((section === sectionIds.caption || section === sectionIds.reinforced) && caption && place.kind === 'token') {
    const { token } = place;
    if (token >= caption.tokens.length) throw refusal(`The caption has ${caption.tokens.length} tokens, from 0.`);
    const before = caption.tokens.slice(0, token).map(({ id }) => id);
    const step = await divergenceAfter(model, { pair, measure }, before, own);
    return {
      kind: 'heads',
      id: `${section}-${token}`,
      title: `Heads at token ${token} (${quotedToken(caption.tokens[token]?.text ?? '')})`,
      ...headTables(step, result),
    };
  }
  throw refusal(`${section} cannot be asked about a ${place.kind}.`);
}
