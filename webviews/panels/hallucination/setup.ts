/** Plans: of the form, of a result, and what a run computes of one. Pure. */
import type { HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { heldInterventions } from '../../../protocol/results/held-interventions';
import { canonical } from '../../ui/canonical';
import { modelOfForm } from '../../ui/run-state';
import { readForm, type Form } from './form';

/** What is typed, and the model that was read last. */
interface Typed {
  readonly form: Form | undefined;
  readonly model: ModelSummary | undefined;
}

/** What a run computes of a plan; the rest are options of what is asked of its result. */
const runOf = (plan: HallucinationSetup): unknown => {
  const {
    mode,
    folder,
    device,
    image,
    images,
    prompt,
    chat,
    span,
    truth,
    maxNewTokens,
    distance,
    outliers,
    positions,
    k,
    lexicon,
  } = plan;
  const common = [mode, folder, device ?? null, prompt, chat, maxNewTokens, distance, outliers, positions, k, lexicon];
  const held = plan.interventions ?? [];
  if (mode === 'image') return [...common, image, truth, held];
  if (mode === 'span') return [...common, span, held];
  return [
    ...common,
    images,
    plan.setCaptions,
    plan.alpha,
    plan.reinforcedLayers,
    plan.reinforcedOutliers ?? outliers,
    plan.mostImages,
    plan.seed,
  ];
};

export const sameSetup = (a: HallucinationSetup | undefined, b: HallucinationSetup | undefined): boolean =>
  a !== undefined && b !== undefined && canonical(runOf(a)) === canonical(runOf(b));

/** The result was made of what is typed. */
export const samePrompt = ({ prompt, settings }: HallucinationResult, typed: Pick<Form, 'prompt' | 'chat'>): boolean =>
  prompt === typed.prompt && (settings['chat'] === true) === typed.chat;

export const setupOf = (state: Typed): HallucinationSetup | undefined => {
  if (!state.form) return undefined;
  const reading = readForm(state.form, modelOfForm(state));
  return reading.ok ? reading.plan : undefined;
};

/** The plan that a result was made by, with the options that it does not name from another one. */
export function setupOfResult(
  result: HallucinationResult,
  others: HallucinationSetup | undefined,
): HallucinationSetup | undefined {
  if (!others) return undefined;
  return {
    ...others,
    mode: result.removed.kind === 'span' ? 'span' : 'image',
    folder: result.model.folder,
    ...(result.image ? { image: result.image.path } : {}),
    ...(result.prompt === null ? {} : { prompt: result.prompt }),
    chat: result.settings['chat'] === true,
    span: result.removed.kind === 'span' ? [result.removed.start, result.removed.end] : others.span,
    truth: result.truth ?? null,
    distance: result.distance,
    outliers: result.outliers,
    positions: result.positions,
    interventions: heldInterventions(result),
  };
}
