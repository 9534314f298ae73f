/** Messages of the Heads panel to the extension, and the plan of its form as it is kept. */
import { interventionsField } from '../interventions/interventions';
import type { Output, Schema } from '../schema/check';
import { byKind, flag, number, object, optional, text, anyNumber, whole } from '../schema/fields';
import { askHead } from './head-messages';
import { fromModelRunPanel, prompt } from './messages';

const interventions = interventionsField;

const setupOf = (seed: Schema<number>) =>
  object({
    folder: text,
    /** Where it runs; absent: on the device of the setting. */
    device: optional(text),
    prompt,
    interventions,
    classify: flag,
    causal: flag,
    seed,
  });

/** A plan that was kept. */
export const headsSetup = setupOf(number);
/** What the person has typed and chosen; kept for reload, and enough to start the run again. */
export type HeadsSetup = Output<typeof headsSetup>;
const plan = setupOf(anyNumber);

const request = whole;

/** `request` numbers are the panel's own; an older one may be answered late or never. */
export const fromHeadsPanel = byKind({
  ...fromModelRunPanel(plan),
  tokenise: { request, folder: text, prompt },
  run: { plan },
  ...askHead,
  nextTokens: { request, interventions },
  generate: {
    request,
    interventions,
    /** The panel has the text without interventions. */
    changedOnly: optional(flag),
    maxNewTokens: anyNumber,
    temperature: anyNumber,
    topP: anyNumber,
    seed: anyNumber,
  },
  /** The effect of removing each head, on the prompt that is shown. */
  measureEffects: { request },
  /** Why a head gives a key its weight, as an analysis of the prompt that is shown. */
  explainWeight: { layer: whole, head: whole, query: whole, key: whole },
  saveIntervention: { interventions },
  loadIntervention: {},
  /** Lets the person choose a file of vectors, which becomes one intervention. */
  chooseVector: {},
  /** Lets the person choose a cache plan, which becomes one intervention. */
  applyPlan: {},
  saveLabels: {},
});
export type FromHeadsPanel = Output<typeof fromHeadsPanel>;
