/** The plan as a person edits it: text stays as typed; `readForm` makes a plan of it or says what to correct. */
import type { HallucinationSetup, HallucinationMode, SetCaptions } from '../../../protocol/panels/hallucination-schema';
import { parseDo, printDo } from '../../../protocol/interventions/do-form';
import type { OutlierRule, RemovedPositions, VhdDistance } from '../../../protocol/interventions/reinforcement';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { deviceOfSetup, setupOfDevice } from '../../ui/device-field';
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

/** `1, 4-5`: null for empty or `auto`; a sentence where it cannot be read. */
export function readLayers(text: string, count?: number): readonly number[] | null | string {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === '' || trimmed === 'auto') return null;
  const found = new Set<number>();
  for (const part of trimmed.split(/[,;\s]+/).filter((one) => one !== '')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!range) return `“${part}” is not a layer: write them as 1, 4-5, or leave the field empty.`;
    const from = Number(range[1]);
    const to = Number(range[2] ?? range[1]);
    if (to < from) return `“${part}” goes backwards.`;
    if (count !== undefined && to >= count) return `The model has layers 0 to ${count - 1}: there is no layer ${to}.`;
    for (let layer = from; layer <= to && found.size < 4096; layer += 1) found.add(layer);
  }
  return [...found].sort((a, b) => a - b);
}

/** 1, 4, 5, 6 as `1, 4-6`. */
export function writeLayers(layers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < layers.length; at += 1) {
    const from = layers[at] ?? 0;
    let to = from;
    while (layers[at + 1] === to + 1) {
      at += 1;
      to += 1;
    }
    parts.push(from === to ? String(from) : `${from}-${to}`);
  }
  return parts.join(', ');
}
