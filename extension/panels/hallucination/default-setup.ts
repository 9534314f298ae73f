/** The plan the Hallucination panel starts with, and plans from the storage of an earlier version or session. */
import { demoVisionPrompt } from '../../../protocol/inputs/demo-prompt';
import { defaultPictures } from '../../../protocol/inputs/truth';
import { type HallucinationSetup, hallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { HallucinationResult, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import { check } from '../../../protocol/schema/check';
import { fieldsIn } from '../../../protocol/schema/fields';
import type { Demo } from '../vision-demo';
import type { SavedHallucination } from '../../results/hallucination-file';
import { heldInterventions } from '../../../protocol/results/held-interventions';

/** One click on Run shows a word that is said by habit: the demo model on the first of its scenes. */
export const demoSetup = ({ folder, scenes, image, truth }: Demo): HallucinationSetup => ({
  mode: 'image',
  folder,
  image,
  images: scenes,
  prompt: demoVisionPrompt,
  chat: false,
  span: null,
  truth,
  maxNewTokens: 48,
  distance: 'l2',
  outliers: 'paper',
  positions: 'contiguous',
  k: null,
  alpha: 2,
  reinforcedLayers: null,
  reinforcedOutliers: null,
  lexicon: scenes === '' ? '' : `${scenes}/lexicon.txt`,
  setCaptions: 'reinforced',
  mostImages: defaultPictures,
  seed: 0,
});

/** The plan that made a saved result; what it does not say is taken from another one. */
export function setupOfSaved(saved: SavedHallucination, others: HallucinationSetup): HallucinationSetup {
  const common: HallucinationSetup = {
    ...others,
    folder: saved.model.folder,
    ...(saved.prompt === null ? {} : { prompt: saved.prompt }),
    chat: saved.settings['chat'] === true,
    distance: saved.distance,
    outliers: saved.outliers,
    positions: saved.positions,
  };
  return saved.kind === 'headscope-hallucination-set' ? ofSet(saved, common) : ofResult(saved, common);
}

function ofResult(
  { removed, image, truth, caption, settings }: HallucinationResult,
  plan: HallucinationSetup,
): HallucinationSetup {
  return {
    ...plan,
    mode: removed.kind === 'span' ? 'span' : 'image',
    image: image?.path ?? plan.image,
    span: removed.kind === 'span' ? [removed.start, removed.end] : plan.span,
    truth: truth ?? null,
    interventions: heldInterventions({ settings }),
    maxNewTokens: Math.max(plan.maxNewTokens, caption.tokens.length),
  };
}

function ofSet({ variants, seed, sample }: HallucinationSet, plan: HallucinationSetup): HallucinationSetup {
  const [first] = variants;
  return {
    ...plan,
    mode: 'set',
    setCaptions: variants.length === 0 ? 'plain' : variants.length === 1 ? 'reinforced' : 'controls',
    ...(first ? ofReinforcement(first.reinforcement, plan) : {}),
    mostImages: sample?.count ?? null,
    seed,
  };
}

const ofReinforcement = ({ alpha, layers, outliers }: Reinforcement, plan: HallucinationSetup) => ({
  alpha,
  reinforcedLayers: layers,
  reinforcedOutliers: outliers === plan.outliers ? null : outliers,
});

/** The folder of the extension moves with every update: what lies in it is stored by this name. */
const inExtension = 'extension:';

export const setupToStore = (plan: HallucinationSetup, extension: string): HallucinationSetup =>
  withPaths(plan, (path) => (path.startsWith(extension) ? inExtension + path.slice(extension.length) : path));

const withPaths = (plan: HallucinationSetup, change: (path: string) => string): HallucinationSetup => ({
  ...plan,
  folder: change(plan.folder),
  image: change(plan.image),
  images: change(plan.images),
  lexicon: change(plan.lexicon),
});

/** What plans did not say at first. */
const since = { reinforcedOutliers: null, chat: false } satisfies Partial<HallucinationSetup>;

/** Taken only when it has everything a plan has. */
export function storedSetup(stored: unknown, extension: string): HallucinationSetup | undefined {
  const checked = check(hallucinationSetup, { ...since, ...fieldsIn(stored) });
  if (!checked.ok) return undefined;
  return withPaths(checked.result, (path) =>
    path.startsWith(inExtension) ? extension + path.slice(inExtension.length) : path,
  );
}
