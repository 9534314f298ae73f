/** Messages of the Sweeps panel to the extension. */
import type { Output } from '../schema/check';
import { byKind, flag, text, whole } from '../schema/fields';
import { sweepLook } from '../sweeps/sweep-picture';
import { copied, exported } from './messages';

export const fromSweepPanel = byKind({
  ready: {},
  look: { look: sweepLook },
  refresh: {},
  /** Starts the cells without a result, or only those that failed. */
  submit: { failedOnly: flag },
  cancel: {},
  /** Runs one cell again, by its key. */
  again: { cell: text },
  openResult: { cell: text },
  openLog: { cell: text },
  compare: { one: text, other: text },
  /** The file as text. */
  openText: {},
  /** The file as text, at a line from 1. */
  openLine: { line: whole },
  export: exported,
  copy: copied,
});
export type FromSweepPanel = Output<typeof fromSweepPanel>;
