/** Messages of the Hallucination panel to the extension, and the plan of its form as it is kept. */
import type { ReinforcementRequest } from '../compute/hallucination';
import { interventionsField } from '../interventions/interventions';
import {
  outlierRules,
  removedPositions,
  vhdDistances,
  layerList,
  reinforcementFields,
} from '../interventions/reinforcement';
import type { Schema } from '../schema/check';
import {
  byKind,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  pair,
  text,
  texts,
  anyNumber,
  whole,
} from '../schema/fields';
import { hallucinationModes, setCaptions, type FromHallucinationPanel, type HallucinationSetup } from './hallucination';
import { fromModelRunPanel, headPlace } from './messages';

const setupOf = (number: Schema<number>): Schema<HallucinationSetup> =>
  object<HallucinationSetup>({
    mode: oneOf(hallucinationModes),
    folder: text,
    device: optional(text),
    image: text,
    images: text,
    prompt: text,
    chat: flag,
    span: orNull(pair(whole, whole, 'a pair of positions')),
    truth: orNull(texts),
    maxNewTokens: number,
    distance: oneOf(vhdDistances),
    outliers: oneOf(outlierRules),
    positions: oneOf(removedPositions),
    k: orNull(whole),
    alpha: number,
    reinforcedLayers: orNull(layerList),
    reinforcedOutliers: orNull(oneOf(outlierRules)),
    lexicon: text,
    setCaptions: oneOf(setCaptions),
    mostImages: orNull(whole),
    seed: number,
    interventions: optional(interventionsField),
  });

/** A plan that was kept. */
export const hallucinationSetup = setupOf(number);
const plan = setupOf(anyNumber);

const { outliers, heads, normMatched, executor } = reinforcementFields;

const reinforcement: Schema<ReinforcementRequest> = object<ReinforcementRequest>({
  alpha: anyNumber,
  layers: optional(layerList),
  outliers,
  heads,
  normMatched,
  executor,
  seed: anyNumber,
});

const request = whole;

export const fromHallucinationPanel: Schema<FromHallucinationPanel> = byKind<FromHallucinationPanel>({
  ...fromModelRunPanel(plan),
  browseImage: {},
  browseImages: {},
  browseLexicon: {},
  applyPlan: {},
  openImage: { request, folder: text, image: text, prompt: text, chat: flag },
  tokenise: { request, folder: text, text, chat: flag, pictures: flag },
  folderTime: { request, plan },
  card: { folder: text },
  openCard: { folder: text },
  run: { plan, resume: flag },
  reinforce: { request, reinforcement },
  map: { request, step: whole, variant: orNull(whole), heads: list(headPlace) },
  step: { request, step: whole },
});
