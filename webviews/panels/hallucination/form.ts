/** The plan as a person edits it: text stays as typed; `readForm` makes a plan of it or says what to correct. */
import type { HallucinationSetup, HallucinationMode, SetCaptions } from '../../../protocol/panels/hallucination-schema';
import { parseDo, printDo } from '../../../protocol/interventions/do-form';
import type { OutlierRule, RemovedPositions, VhdDistance } from '../../../protocol/interventions/reinforcement';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { deviceOfSetup, setupOfDevice } from '../../ui/device-field';
import { readLayers, writeLayers } from '../../ui/layers';
import { readSeed, seedProblem, wholeNumber, type FormProblems, type Reading } from '../../ui/form-fields';

export interface Form {
  readonly mode: HallucinationMode;
  readonly folder: string;
  /** Empty: the device of the setting. */
  readonly device: string;
  readonly image: string;
  readonly images: string;
  readonly prompt: string;
  readonly chat: boolean;
  readonly span: readonly [start: number, end: number] | null;
  readonly truth: string;
  readonly maxNewTokens: string;
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
  readonly k: string;
  readonly alpha: number;
  readonly layers: string;
  /** Null: the rule of the measurement. */
  readonly reinforcedOutliers: OutlierRule | null;
  readonly lexicon: string;
  readonly setCaptions: SetCaptions;
  readonly mostImages: string;
  readonly seed: string;
  /** In their written form (`--do`). */
  readonly interventions: readonly string[];
}

export const toForm = (plan: HallucinationSetup): Form => ({
  mode: plan.mode,
  folder: plan.folder,
  device: deviceOfSetup(plan),
  image: plan.image,
  images: plan.images,
  prompt: plan.prompt,
  chat: plan.chat,
  span: plan.span,
  truth: plan.truth?.join(', ') ?? '',
  maxNewTokens: String(plan.maxNewTokens),
  distance: plan.distance,
  outliers: plan.outliers,
  positions: plan.positions,
  k: plan.k === null ? '' : String(plan.k),
  alpha: plan.alpha,
  layers: plan.reinforcedLayers === null ? '' : writeLayers(plan.reinforcedLayers),
  reinforcedOutliers: plan.reinforcedOutliers,
  lexicon: plan.lexicon,
  setCaptions: plan.setCaptions,
  mostImages: plan.mostImages === null ? 'all' : String(plan.mostImages),
  seed: String(plan.seed),
  interventions: (plan.interventions ?? []).map(printDo),
});

export type Problems = FormProblems<Form>;
export type FormReading = Reading<HallucinationSetup, Form>;

const mostTokens = 512;

export function readForm(form: Form, model?: ModelSummary): FormReading {
  const maxNewTokens = wholeNumber(form.maxNewTokens, mostTokens);
  const seed = readSeed(form.seed);
  const k = form.k.trim() === '' ? null : wholeNumber(form.k, model?.heads ?? 1024);
  const mostImages = ['', 'all'].includes(form.mostImages.trim().toLowerCase())
    ? null
    : wholeNumber(form.mostImages, 1e6);
  const layers = readLayers(form.layers, model?.layers);
  const problems: Problems = {
    ...(form.folder === '' ? { folder: 'Choose a model first.' } : {}),
    ...(form.mode === 'image' && form.image === '' ? { image: 'Choose a picture first.' } : {}),
    ...(form.mode === 'set' && form.images === '' ? { images: 'Choose a folder of pictures first.' } : {}),
    ...(form.prompt.trim() === '' ? { prompt: 'Type a prompt first.' } : {}),
    ...(form.mode === 'span' && form.span === null ? { span: 'Mark the part of the prompt to remove.' } : {}),
    ...(maxNewTokens ? {} : { maxNewTokens: `Tokens are a whole number from 1 to ${mostTokens}.` }),
    ...(k === undefined || k === 0
      ? { k: `k is a whole number from 1 to ${model?.heads ?? 'the heads of a layer'}.` }
      : {}),
    ...(typeof layers === 'string' ? { layers } : {}),
    ...(mostImages === undefined || mostImages === 0
      ? { mostImages: 'Pictures are a whole number from 1, or all.' }
      : {}),
    ...(seed === undefined ? { seed: seedProblem } : {}),
  };
  if (
    Object.keys(problems).length > 0 ||
    maxNewTokens === undefined ||
    k === undefined ||
    typeof layers === 'string' ||
    mostImages === undefined ||
    seed === undefined
  ) {
    return { ok: false, problems };
  }
  const { mode, folder, image, images, prompt, span, distance, outliers, positions, alpha, lexicon } = form;
  const { reinforcedOutliers, setCaptions } = form;
  const chat = form.chat && model?.chatTemplate !== false;
  const truth = readTruth(form.truth);
  const interventions = form.interventions.map(parseDo).flatMap((read) => (read.ok ? [read.value] : []));
  return {
    ok: true,
    plan: {
      ...setupOfDevice(form.device),
      ...{ mode, folder, image, images, prompt, chat, span, truth, maxNewTokens, distance, outliers, positions, k },
      ...{ alpha, reinforcedLayers: layers, reinforcedOutliers, lexicon, setCaptions, mostImages, seed },
      ...(interventions.length === 0 ? {} : { interventions }),
    },
  };
}

/** `dog, ball`: null when nothing was named, so that words are marked and not judged. */
export function readTruth(text: string): readonly string[] | null {
  const objects = text
    .split(/[,;\n]/)
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '');
  return objects.length === 0 ? null : [...new Set(objects)];
}
