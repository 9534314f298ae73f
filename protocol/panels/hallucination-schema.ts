/** Messages of the Hallucination panel to the extension, and the plan of its form as it is kept. */
import { interventionsField } from '../interventions/interventions';
import {
  outlierRules,
  removedPositions,
  vhdDistances,
  layerList,
  reinforcementFields,
} from '../interventions/reinforcement';
import type { Output, Schema } from '../schema/check';
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
import { fromModelRunPanel, headPlace } from './messages';

const setupOf = (number: Schema<number>) =>
  object({
    /** One picture; a folder of pictures with their truth; a model of text, where a span of the prompt is removed instead. */
    mode: oneOf(['image', 'set', 'span']),
    folder: text,
    /** Where it runs; absent: on the device of the setting. */
    device: optional(text),
    /** Path of the picture; empty: none chosen yet. */
    image: text,
    /** Folder of pictures with a truth file; empty: none chosen yet. */
    images: text,
    prompt: text,
    /** The prompt goes into the model's chat template as one user message, with the picture where the template puts it. */
    chat: flag,
    /** Token positions [start, end) that are removed in the mode `span`. */
    span: orNull(pair(whole, whole, 'a pair of positions')),
    /** Objects in the picture; null: words are marked, not judged. */
    truth: orNull(texts),
    maxNewTokens: number,
    distance: oneOf(vhdDistances),
    outliers: oneOf(outlierRules),
    positions: oneOf(removedPositions),
    /** Null: max(1, round(heads / 8)). */
    k: orNull(whole),
    alpha: number,
    /** Null: layer 1 and the last ceil(14/32 L). */
    reinforcedLayers: orNull(layerList),
    /** Which heads reinforcement leaves out; null: those that the measurement leaves out. */
    reinforcedOutliers: orNull(oneOf(outlierRules)),
    /** A JSON file of object classes with their synonyms; empty: the 80 classes of COCO. */
    lexicon: text,
    /**
     * In the mode `set`, the captions beside the plain one: none, the reinforced one, or that one with its controls (random heads,
     * and direction alone).
     */
    setCaptions: oneOf(['plain', 'reinforced', 'controls']),
    /** In the mode `set`: so many pictures, drawn by the seed; null: all. */
    mostImages: orNull(whole),
    /** Draws the sample of pictures and the random heads. */
    seed: number,
    /** Held in both passes, and while the caption is written: a cache plan. Not in the mode `set`. */
    interventions: optional(interventionsField),
  });

/** A plan that was kept. */
export const hallucinationSetup = setupOf(number);
/** What the person has typed and chosen; kept for reload, and enough to start the run again. */
export type HallucinationSetup = Output<typeof hallucinationSetup>;
export type HallucinationMode = HallucinationSetup['mode'];
export type SetCaptions = HallucinationSetup['setCaptions'];
const plan = setupOf(anyNumber);

const { outliers, heads, normMatched, executor } = reinforcementFields;

const reinforcement = object({
  alpha: anyNumber,
  layers: optional(layerList),
  outliers,
  heads,
  normMatched,
  executor,
  seed: anyNumber,
});

const request = whole;

/** `request` numbers are the panel's own; an older one may be answered late or never. */
export const fromHallucinationPanel = byKind({
  ...fromModelRunPanel(plan),
  browseImage: {},
  browseImages: {},
  browseLexicon: {},
  /** Lets the person choose a cache plan, which becomes one intervention. */
  applyPlan: {},
  openImage: { request, folder: text, image: text, prompt: text, chat: flag },
  tokenise: {
    request,
    folder: text,
    text,
    chat: flag,
    /** Pictures come into it: a prompt without a place for one is refused. */
    pictures: flag,
  },
  /** How long the pictures of the folder will take, before they are run. */
  folderTime: { request, plan },
  /** What the folder of the chosen model says of it. */
  card: { folder: text },
  /** Opens that text in an editor. */
  openCard: { folder: text },
  run: { plan, resume: flag },
  reinforce: { request, reinforcement },
  map: {
    request,
    /** Token whose query is meant, of the plain caption or of a variant by its place in the result. */
    step: whole,
    variant: orNull(whole),
    heads: list(headPlace),
  },
  /** All divergences of a later step of the plain caption. */
  step: { request, step: whole },
});
export type FromHallucinationPanel = Output<typeof fromHallucinationPanel>;
