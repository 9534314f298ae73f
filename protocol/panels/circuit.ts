/**
 * Messages between the extension and the editor of a circuit. The page speaks first: it posts `ready`, and the extension replies
 * with `open`, which holds everything that is drawn and comes again whenever the text of the file changes. The page changes
 * nothing itself: it asks for an edit, and draws what the file says afterwards.
 */
import type { Circuit } from '../circuits/circuit-file';

/** Sent by the extension. */
export interface ToCircuitPanel {
  readonly kind: 'open';
  /** Name of the file, without its ending. */
  readonly name: string;
  readonly circuit?: Circuit;
  /** Why the file cannot be shown, as a sentence. */
  readonly problem?: string;
  /** True, or why no model runs here. */
  readonly canRun: true | string;
  /** A second circuit whose differences are shown. */
  readonly compareWith?: { readonly name: string; readonly circuit: Circuit };
}
