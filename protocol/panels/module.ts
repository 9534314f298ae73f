/**
 * Messages between the extension and the editor of a saved run of a module. The page speaks first: it posts `ready`, and the
 * extension replies with `open`, which holds everything that is drawn.
 */
import type { ModuleResult } from '../results/module-schema';

/** Sent by the extension. */
export interface ToModulePanel {
  readonly kind: 'open';
  /** Name of the file, without its ending. */
  readonly name: string;
  readonly result?: ModuleResult;
  /** Why the file cannot be shown, as a sentence. */
  readonly problem?: string;
  /** A second saved run to compare with. */
  readonly compareWith?: { readonly name: string; readonly result: ModuleResult };
}
