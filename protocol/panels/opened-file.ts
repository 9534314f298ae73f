/**
 * Messages between the extension and an editor of a file. The page speaks first: it posts `ready`, and the extension replies with
 * `open`, which holds everything that is drawn and comes again whenever the text of the file changes. The page changes nothing
 * itself: it asks for an edit, and draws what the file says afterwards.
 */
import { text } from '../schema/fields';
import { fromResultPanel } from './messages';

export interface Compared<Saved> {
  readonly name: string;
  readonly result: Saved;
}

/** Sent by the extension. */
export interface OpenedFile<Saved> {
  readonly kind: 'open';
  /** Name of the file, without its ending. */
  readonly name: string;
  readonly result?: Saved;
  /** Why the file cannot be shown, as a sentence. */
  readonly problem?: string;
  /** A second file whose differences are shown. */
  readonly compareWith?: Compared<Saved>;
}

/** The same of a file that the page edits. */
export interface EditedFile<Saved> extends OpenedFile<Saved> {
  /** True, or why no model runs here. */
  readonly canRun: true | string;
}

/** What every page says that edits a file; each change is one step of Undo. */
export const fromFileEditor = {
  ...fromResultPanel,
  retitle: { title: text },
  undo: {},
  redo: {},
  /** The file as text, where it cannot be drawn or is to be edited by hand. */
  openText: {},
};
