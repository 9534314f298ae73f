/** Messages of the Heads panel to the extension, and the plan of its form as it is kept. */
import { interventionsField } from '../interventions/interventions';
import type { Schema } from '../schema/check';
import { byKind, flag, number, object, optional, text, anyNumber, whole } from '../schema/fields';
import type { FromHeadsPanel, HeadsSetup } from './heads';
import { fromModelRunPanel, prompt } from './messages';

const interventions = interventionsField;

const setupOf = (seed: Schema<number>): Schema<HeadsSetup> =>
  object<HeadsSetup>({
    folder: text,
    device: optional(text),
    prompt,
    interventions,
    classify: flag,
    causal: flag,
    seed,
  });

/** A plan that was kept. */
export const headsSetup = setupOf(number);
const plan = setupOf(anyNumber);

const request = whole;

export const fromHeadsPanel: Schema<FromHeadsPanel> = byKind<FromHeadsPanel>({
  ...fromModelRunPanel(plan),
  tokenise: { request, folder: text, prompt },
  run: { plan },
  tile: {
    request,
    layer: whole,
    head: whole,
    rowStart: whole,
    rowCount: whole,
    columnStart: whole,
    columnCount: whole,
    outRows: whole,
    outColumns: whole,
  },
  row: { request, layer: whole, head: whole, query: whole },
  nextTokens: { request, interventions },
  generate: {
    request,
    interventions,
    changedOnly: optional(flag),
    maxNewTokens: anyNumber,
    temperature: anyNumber,
    topP: anyNumber,
    seed: anyNumber,
  },
  measureEffects: { request },
  explainWeight: { layer: whole, head: whole, query: whole, key: whole },
  saveIntervention: { interventions },
  loadIntervention: {},
  chooseVector: {},
  applyPlan: {},
  saveLabels: {},
});
