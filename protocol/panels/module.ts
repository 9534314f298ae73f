/**
 * Messages between the extension and the editor of a saved run of a module. The page speaks first: it posts `ready`, and the
 * extension replies with `open`, which holds everything that is drawn.
 */
import type { ModuleResult } from '../results/module-schema';
import type { FromRunPanel } from './run-panel';

/** Sent by the extension. */
export interface ToModulePanel {
  readonly kind: 'open';
  /** Of the file, without its ending. */
  readonly name: string;
  readonly result?: ModuleResult;
  /** Why the file cannot be shown, as a sentence. */
  readonly problem?: string;
  /** A second saved run to compare with. */
  readonly compareWith?: { readonly name: string; readonly result: ModuleResult };
}

/** Sent by the page. */
export type FromModulePanel = Extract<
  FromRunPanel<never>,
  { readonly kind: 'ready' | 'compare' | 'stopComparing' | 'export' | 'copy' }
>;
