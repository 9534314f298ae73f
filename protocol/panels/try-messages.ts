/** How a panel tries changes on a prompt that was read, and what it hears: next tokens, and the text that the model writes on. */
import { interventionsField } from '../interventions/interventions';
import type { HeadStatistics } from '../results/heads-schema';
import type { NextTokens } from '../results/heads';
import { anyNumber, flag, optional, whole } from '../schema/fields';

const interventions = interventionsField;

/** The prompt by its place in the result; absent: the first. */
const of = { request: whole, prompt: optional(whole), interventions };

/** `request` numbers are the panel's own; an older one may be answered late or never. */
export const askTry = {
  nextTokens: of,
  /** Without the interventions, then with them. */
  generate: {
    ...of,
    /** The panel has the text without interventions. */
    changedOnly: optional(flag),
    maxNewTokens: anyNumber,
    temperature: anyNumber,
    topP: anyNumber,
    seed: anyNumber,
  },
  stopGenerating: {},
  /** Runs the analysis that removes each head in turn, on the prompt that is shown. */
  removeHeads: { prompt: optional(whole) },
  saveIntervention: { interventions },
  loadIntervention: {},
  /** Lets the person choose a file of vectors, which becomes one intervention. */
  chooseVector: {},
  /** Lets the person choose a cache plan, which becomes one intervention. */
  applyPlan: {},
  /** The labels of the heads as a file. */
  saveLabels: {},
};

/** Statistics of the heads at one query, by layer. */
export type QueryStatistics = { readonly [K in keyof HeadStatistics]: readonly (readonly number[])[] };

export type TryAnswer =
  | { readonly kind: 'nextTokens'; readonly request: number; readonly distributions: readonly NextTokens[] }
  /** One generated token of the plain run (`variant` false) or of the run with interventions. */
  | {
      readonly kind: 'token';
      readonly request: number;
      readonly variant: boolean;
      readonly index: number;
      readonly text: string;
      readonly probability: number;
      readonly statistics?: QueryStatistics;
    }
  | { readonly kind: 'generated'; readonly request: number; readonly variant: boolean; readonly text: string };
