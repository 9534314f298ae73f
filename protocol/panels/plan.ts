/**
 * Messages between the extension and the editor of a cache plan. The page speaks first: it posts `ready`, and the extension
 * replies with `open`, which holds everything that is drawn and comes again whenever the text of the file changes. The page
 * changes nothing itself: it asks for an edit, and draws what the file says afterwards.
 */
import type { HeadPlan } from '../plans/head-plan';
import type { Plan } from '../plans/plan-file';
import type { FromRunPanel } from './run-panel';

export interface PaintedHead {
  readonly layer: number;
  /** Key/value head. */
  readonly head: number;
  readonly keep: HeadPlan;
}

/** Sent by the extension. */
export interface ToPlanPanel {
  readonly kind: 'open';
  /** Of the file, without its ending. */
  readonly name: string;
  readonly plan?: Plan;
  /** Why the file cannot be shown, as a sentence. */
  readonly problem?: string;
  /** Forms that a plan can be written in, for the menu. */
  readonly formats: readonly { readonly id: string; readonly title: string; readonly extension: string }[];
  /** True, or why no model runs here. */
  readonly canRun: true | string;
  /** A second plan whose differences are marked. */
  readonly compareWith?: { readonly name: string; readonly plan: Plan };
}

/** Sent by the page. */
export type FromPlanPanel =
  | Extract<FromRunPanel<never>, { readonly kind: 'ready' | 'compare' | 'stopComparing' | 'export' | 'copy' }>
  /** What these heads keep from now on; one step of Undo. */
  | { readonly kind: 'paint'; readonly heads: readonly PaintedHead[] }
  | { readonly kind: 'retitle'; readonly title: string }
  | { readonly kind: 'undo' }
  | { readonly kind: 'redo' }
  /** The file as text, where it cannot be drawn or is to be edited by hand. */
  | { readonly kind: 'openText' }
  /** Opens the Heads panel on the model of the plan, under the plan. */
  | { readonly kind: 'showHeads' }
  /** Opens the form of the analysis that evaluates a plan. */
  | { readonly kind: 'evaluate' }
  /** Writes the plan into a file of another form. */
  | { readonly kind: 'write'; readonly format: string };
