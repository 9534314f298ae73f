/**
 * Messages between the extension and the Sweeps panel. The page speaks first: it posts `ready`. The extension replies with `open`, then
 * with `picture` whenever there is something new: while the sweep runs, and after each `look`.
 */
import type { SweepMistakes, SweepPicture } from '../sweeps/sweep-picture';

interface Open {
  readonly kind: 'open';
  /** Name of the file, without its ending. */
  readonly name: string;
  /** True, or why nothing runs here. */
  readonly canRun: true | string;
  /** The document has changes that are not saved; the panel shows the saved file. */
  readonly unsaved: boolean;
}

/** Sent by the extension. */
export type ToSweepPanel =
  | Open
  | { readonly kind: 'picture'; readonly picture: SweepPicture }
  | ({ readonly kind: 'mistakes' } & SweepMistakes)
  /** Something is being done, or was done: a sentence. */
  | { readonly kind: 'doing'; readonly sentence: string }
  | { readonly kind: 'done'; readonly sentence: string }
  | { readonly kind: 'failed'; readonly sentence: string; readonly details?: string };
