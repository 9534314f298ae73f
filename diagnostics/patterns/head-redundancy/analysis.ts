/** The analysis `head-redundancy`: how alike the maps of a layer's heads are, and which heads can go. */
import type { MapSection } from '../../../protocol/sections/map';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { Analysis } from '../../analysis';
import { mapBytes, passesOfMaps } from '../../shared/maps/layer-maps';
import { headRedundancyResult, type HeadRedundancyResult } from './result';
import { headRedundancyRun, type HeadRedundancyParameters } from './run';
import { finding, layerMap, sections } from './sections';
import * as field from '../../../kernels/parameters';

export const headRedundancy: Analysis<HeadRedundancyParameters, HeadRedundancyResult> = {
  id: 'head-redundancy',
  title: 'Redundant heads',
  question: 'Which heads of a layer do the same, and which can be left out?',
  group: 'patterns',
  source: {
    reference: 'arXiv:2401.16456 (SHViT), section 2.2: cosine similarity of maps, one head left out, one head kept',
    trust: 'high',
    note: 'The paper measures accuracy on ImageNet; here the change of the predictions on the prompt, or of the last stream. The baseline of other keys, the order of the plan and its budget are choices of Headscope.',
  },
  inputs: ['prompt'],
  readsMaps: true,
  parameters: {
    effects: field.flag(
      'Measure effects',
      'Runs the model without each head and with each alone in its layer, and makes the plan.',
      true,
    ),
    budget: field.number(
      'Budget',
      'How far the output may change when several heads are removed together: in nats of the predictions, or as 1 - cosine of the last stream where a model predicts nothing.',
      { min: 0, max: 100, default: 0.05 },
    ),
  },
  result: headRedundancyResult,
  supports({ summary: { captured, name } }, { effects }) {
    if (!captured || !effects) return { ok: true };
    const why = `Effects of heads are measured by running the model, and ${name} is captured attention. Switch "Measure effects" off (effects=false).`;
    return { ok: false, why, byParameters: true };
  },
  estimate(facts, { prompts: [prompt] }, { effects }) {
    const rows = prompt?.ids.length ?? 0;
    const heads = facts.blocks.reduce((sum, block) => sum + block.heads, 0);
    const outputs = 5 * 4 * rows * (facts.hiddenSize + (facts.predicts ? facts.summary.vocabulary : 0));
    return {
      passes: passesOfMaps(facts) + (effects ? 3 * heads : 0),
      bytes: 2 * mapBytes(facts, rows) + (effects ? outputs : 0),
    };
  },
  run: headRedundancyRun,
  ask: (_, __, result, question) => Promise.resolve(layerOf(result, question)),
  finding,
  sections,
  offers({ plan, budget }) {
    if (plan.length === 0) return [];
    return [
      {
        title: `Without ${plan.length} ${plan.length === 1 ? 'head' : 'heads'}`,
        description: `Sets the gains of the heads of the plan to 0, which together changed the output by at most ${budget}.`,
        interventions: plan.map(({ layer, head }) => ({ kind: 'gain', layer, head, gain: 0 })),
      },
    ];
  },
};

function layerOf(result: HeadRedundancyResult, { place }: SectionQuestion): MapSection {
  return layerMap(result, place.kind === 'head' ? place.layer : 0);
}
