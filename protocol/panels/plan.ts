/**
 * Messages between the extension and the editor of a cache plan. The page speaks first: it posts `ready`, and the extension
 * replies with `open`, which holds everything that is drawn and comes again whenever the text of the file changes. The page
 * changes nothing itself: it asks for an edit, and draws what the file says afterwards.
 */
import type { Plan } from '../plans/plan-file';

/** Sent by the extension. */
export interface ToPlanPanel {
  readonly kind: 'open';
  /** Name of the file, without its ending. */
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
