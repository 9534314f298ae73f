/** The analysis `imbalanced-attention`: how much of the attention is on the picture, and what raising it on informed tokens changes. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { headName } from '../../../protocol/schema/written-form';
import type { Analysis, AnalysisJob, GivenOffer, Support } from '../../analysis';
import { generatesWith } from '../../shared/captions/support';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { imageRows } from '../../model-runner/regions';
import { findingOf } from './finding';
import { sharesOf } from './grounding';
import { emphasisOf } from '../../shared/pictures/informed-tokens';
import { alphasUpTo, imbalancedParameters, layersOf, type ImbalancedParameters } from './parameters';
import { imbalancedResult, type ImbalancedResult } from './result';
import { imbalancedRun } from './run';
import { sectionIds, sectionsOf } from './sections';
import * as build from '../../../protocol/sections/builders';

export const imbalancedAttention: Analysis<ImbalancedParameters, ImbalancedResult> = {
  id: 'imbalanced-attention',
  title: 'Imbalanced attention',
  question: 'How much of the attention is on the picture, by depth, and what changes when informed tokens get more?',
  group: 'vision',
  source: {
    reference: 'arXiv:2501.12206; github.com/hasanar1f/PAINT',
    trust: 'medium',
    note: 'Spatial tokens are those that receive attention: the released code sums rows of a softmax, which are 1. Weighting by sensitivity, and encoders without a class row, are choices of Headscope.',
  },
  inputs: ['prompt'],
  parameters: imbalancedParameters,
  result: imbalancedResult,
  supports,
  estimate({ blocks }, { prompts: [prompt] }, { tokens, largest }) {
    const captions = 2 + alphasUpTo(largest).length;
    const heads = blocks.reduce((sum, block) => sum + block.heads, 0);
    const rows = (prompt?.ids.length ?? 0) + tokens;
    const cache = blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim * rows, 0);
    return { passes: 2 * captions, bytes: 4 * (cache + tokens * heads * sharesOf.length) };
  },
  run: imbalancedRun,
  ask,
  finding: findingOf,
  sections: sectionsOf,
  offers,
};

function supports(model: ModelFacts, parameters: ImbalancedParameters): Support {
  if (model.predicts && !model.summary.vision) {
    return { ok: false, why: 'The model reads text alone. Choose a vision-language model.' };
  }
  return generatesWith(model, () => layersOf(model, parameters));
}

/** Where a head looks when the first token is made, before. */
async function ask(
  model: ModelRunner,
  { input, variant, groups }: AnalysisJob<ImbalancedParameters>,
  { image }: ImbalancedResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const [prompt] = input.prompts;
  if (section !== sectionIds.heads || place.kind !== 'head' || !prompt) {
    throw refusal(`${section} cannot be asked about a ${place.kind}.`);
  }
  const { layer, head } = place;
  if (head >= (model.facts.blocks[layer]?.heads ?? 0)) throw refusal(`The model has no head ${headName(place)}.`);
  const rows = imageRows(prompt);
  // A group of its own for each token of the picture, beside those that the interventions name.
  const all = [...rows.map((row) => ({ name: `row ${row}`, positions: [row] })), ...groups];
  const { layers } = await model.run({
    ...prompt,
    groups: all,
    depth: layer + 1,
    variants: [variant],
    logits: 'none',
    lastMass: true,
  });
  const mass = layers[layer]?.lastMass;
  const values = rows.map((_, at) => mass?.[head * all.length + at] ?? Number.NaN);
  return {
    kind: 'image',
    id: `${section}-L${layer}H${head}`,
    title: `Where ${headName(place)} looks`,
    image,
    numbers: [
      build.scaled(
        build.ranges.sequential,
        'attention',
        'Attention',
        'p(query, key), the query of the first token of the plain caption',
        values,
      ),
    ],
  };
}

function offers({ top, bottom, alpha, beta, layers, heads, weights }: ImbalancedResult): readonly GivenOffer[] {
  const interventions = emphasisOf(
    { top, bottom },
    { alpha, beta, layers, ...(heads === 'sensitivity' ? { weights } : {}) },
  );
  if (interventions.length === 0) return [];
  return [
    {
      title: `Informed tokens raised, alpha ${alpha} and beta ${beta}`,
      description: `Raises the attention on ${top.length} and ${bottom.length} tokens of this picture, which were chosen for it alone, as the run did.`,
      interventions,
    },
  ];
}
