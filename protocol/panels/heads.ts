/**
 * Messages between the extension and the Heads panel or its side view. The panel speaks first: it posts `ready`, the
 * extension replies with `open`, which holds everything needed to draw and may be sent again as the whole new state.
 */
import type { HeadsSetup } from './heads-schema';
import type { Tokenised } from '../compute/models';
import type { HeadThumbnails, NextTokens } from '../results/heads';
import type { HeadsResult, HeadStatistics } from '../results/heads-schema';
import type { ModelSummary } from '../schema/parts';
import type { HeadsLayer } from '../sections/heads';
import type { HeadAnswer } from './head-messages';
import type { DeviceChoices, ModelChoice, PanelPlace, ToModelRunPanel, WaitingModel } from './run-panel';

export type HeadsPlace = PanelPlace;

/** What the analysis `ablation` measures of each head, as its section gives it. */
export type HeadEffects = Pick<HeadsLayer, 'title' | 'unit' | 'definition' | 'values' | 'low' | 'high' | 'interval'>;

/** Sent by the extension to the panel. */
export type ToHeadsPanel =
  | ToModelRunPanel
  | {
      readonly kind: 'open';
      readonly place: HeadsPlace;
      readonly models: readonly ModelChoice[];
      readonly devices: DeviceChoices;
      readonly plan: HeadsSetup;
      /** The plan was chosen outside the form (a file of interventions, a folder, a command): it replaces what the form holds. */
      readonly replaces?: true;
      readonly model?: ModelSummary;
      readonly result?: HeadsResult;
      readonly thumbnails?: HeadThumbnails;
      readonly compareWith?: { readonly name: string; readonly result: HeadsResult };
      /** A head that a command or a link names: shown selected. */
      readonly select?: { readonly layer: number; readonly head: number };
      readonly canRun: true | string;
      readonly savedAs?: string;
      readonly waiting?: WaitingModel;
    }
  /** Answer to `tokenise`; `request` as it came. */
  | { readonly kind: 'tokenised'; readonly request: number; readonly tokenised: Tokenised }
  | { readonly kind: 'stage'; readonly sentence: string; readonly share: number; readonly secondsLeft?: number }
  | {
      readonly kind: 'layer';
      readonly layer: number;
      readonly statistics: { readonly [K in keyof HeadStatistics]: readonly number[] };
      readonly thumbnails?: HeadThumbnails;
    }
  | {
      readonly kind: 'result';
      readonly result: HeadsResult;
      readonly thumbnails?: HeadThumbnails;
      readonly savedAs?: string;
    }
  /** Where the measurement of effects stands; `effects`: of the heads that are measured, `finding`: at its end. */
  | {
      readonly kind: 'headEffects';
      readonly request: number;
      readonly sentence: string;
      readonly share: number;
      readonly secondsLeft?: number;
      readonly effects?: HeadEffects;
      readonly finding?: string;
    }
  | HeadAnswer
  | { readonly kind: 'nextTokens'; readonly request: number; readonly distributions: readonly NextTokens[] }
  /** One generated token of the plain run (`variant` false) or of the run with interventions. */
  | {
      readonly kind: 'token';
      readonly request: number;
      readonly variant: boolean;
      readonly index: number;
      readonly text: string;
      readonly probability: number;
      readonly statistics?: { readonly [K in keyof HeadStatistics]: readonly (readonly number[])[] };
    }
  | { readonly kind: 'generated'; readonly request: number; readonly variant: boolean; readonly text: string };
