/** A saved result of a picture or a text (`*.headscope-hallucination.json`) as one of the analysis `divergence`. */
import type { AnalysedPrompt, AnalysisResult } from '../../analysis/schema';
import type { PromptInput } from '../../inputs/prompt';
import type { ParameterValues } from '../../schema/parts';
import { divergenceAnalysis, type DivergenceResult, type ReinforcedCaption } from '../divergence-result';
import type { Caption, HallucinationResult } from '../hallucination-schema';
import { heldInterventions } from '../held-interventions';
import { sectionsOf } from '../sections/divergence';
import { divergenceFinding, divergenceOffers } from '../sections/divergence-finding';
import { withModel } from '../sections/heads-of-model';
import { madeOf } from './made';

export function resultOfVhd(saved: HallucinationResult): AnalysisResult {
  const { model, parity } = saved;
  const parameters = parametersOf(saved);
  const interventions = heldInterventions(saved);
  const result = measuredOf(saved);
  const offers = divergenceOffers(result);
  return {
    ...madeOf(saved),
    settings: parameters,
    analysis: divergenceAnalysis.id,
    title: divergenceAnalysis.title,
    input: { kind: 'prompt', prompt: promptOf(saved) },
    prompts: [readOf(saved)],
    parameters,
    interventions,
    finding: divergenceFinding(result),
    result,
    sections: withModel(sectionsOf(result), model, interventions),
    ...(offers.length > 0 ? { offers } : {}),
    ...(parity ? { parity } : {}),
  };
}

function measuredOf(saved: HallucinationResult): DivergenceResult {
  const { removed, distance, outliers, positions, k, image, promptTokens, steps, sinks, caption, settings } = saved;
  const { vhd, textEnergy, visualAttention, outlier, selected, truth, references, truthLabels } = saved;
  const { reinforcement: _, ...plain } = caption;
  const variants = saved.variants.flatMap(reinforcedOf);
  const { chunk } = settings;
  return {
    removed,
    distance,
    outliers,
    positions,
    k,
    ...(removed.kind === 'span' ? { span: promptTokens.slice(removed.start, removed.end) } : image ? { image } : {}),
    ...(typeof chunk === 'number' && Number.isSafeInteger(chunk) && chunk > 0 ? { chunk } : {}),
    vhd,
    textEnergy,
    visualAttention,
    outlier,
    selected,
    ...(steps ? { steps } : {}),
    ...(sinks ? { sinks } : {}),
    caption: plain,
    ...(variants.length > 0 ? { variants } : {}),
    ...(truth ? { truth } : {}),
    ...(references ? { references } : {}),
    ...(truthLabels ? { truthLabels } : {}),
  };
}

/** Whoever wrote a caption with scaled heads wrote which they are. */
function reinforcedOf({ reinforcement, reinforced, gains, ...caption }: Caption): readonly ReinforcedCaption[] {
  return reinforcement ? [{ ...caption, reinforcement, heads: reinforced ?? [], gains: gains ?? [] }] : [];
}

/** What the file says of how it was made. Which lexicon was used is not in it. */
function parametersOf(saved: HallucinationResult): ParameterValues {
  const { removed, distance, outliers, positions, k, steps, truth = [], settings } = saved;
  const { maxNewTokens } = settings;
  return {
    removed: removed.kind,
    ...(removed.kind === 'span' ? { start: removed.start, end: removed.end } : {}),
    distance,
    outliers,
    positions,
    k,
    ...(typeof maxNewTokens === 'number' ? { tokens: maxNewTokens } : {}),
    reinforce: false,
    ...(truth.some((object) => object.includes(',')) ? {} : { objects: truth.join(', ') }),
    allSteps: steps !== undefined,
  };
}

function promptOf({ prompt: text, promptIds: ids, image, settings }: HallucinationResult): PromptInput {
  const picture = image && image.path !== '' ? { image: image.path } : {};
  if (text === null) return { kind: 'ids', ids, ...picture };
  return { kind: 'text', text, ...(settings['chat'] === true ? { chat: true } : {}), ...picture };
}

/** The file has the texts of the rows outside the image: those of its rows are empty here. */
function readOf({
  prompt: text,
  promptIds: ids,
  promptTokens,
  image,
  chatPrompt,
}: HallucinationResult): AnalysedPrompt {
  const { start, end } = image ?? { start: 0, end: 0 };
  const tokens = ids.map((_, at) =>
    at >= start && at < end ? '' : (promptTokens[at < start ? at : at - (end - start)] ?? ''),
  );
  return { text, ids, tokens, ...(image ? { image } : {}), ...(chatPrompt ? { chatPrompt } : {}) };
}
