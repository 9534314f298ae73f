/** The status of a sweep as data, which `headscope sweep status --json` writes. */
import type { CellSettings, EngineId } from './sweep-file';

/**
 * `open`: it was never submitted; `waiting`: an engine has it; `failed`: it ended with an error, or died as often as the sweep allows;
 * `cancelled`: a person cancelled it.
 */
export const cellStates = ['open', 'waiting', 'running', 'done', 'failed', 'cancelled'] as const;
export type CellState = (typeof cellStates)[number];

export interface CellStatus {
  readonly key: string;
  readonly state: CellState;
  /** How many times it was started. */
  readonly tries: number;
  /** Its result, relative to the folder of the sweep; only of a cell that is done. */
  readonly file?: string;
  /** Why it failed, as a sentence with a next step. */
  readonly reason?: string;
  /** What it printed to stderr the last time, relative to the folder of the sweep. */
  readonly log?: string;
  /** Its number in the sweep, from 0. */
  readonly cell: number;
  /** The settings in which it differs from other cells: values of the matrix or of its entry in `cells`, and its seed. */
  readonly settings: CellSettings;
  /** Seconds that it took. */
  readonly seconds?: number;
  /** Present if its set of examples is cut into parts. */
  readonly parts?: { readonly done: number; readonly total: number };
}

export interface SweepStatus {
  readonly title: string;
  /** What runs in each cell. */
  readonly run: string;
  /** Absent: it was never submitted. */
  readonly engine?: EngineId;
  readonly cells: readonly CellStatus[];
  readonly done: number;
  readonly total: number;
  readonly states: Readonly<Record<CellState, number>>;
  /** Names of the settings in which cells differ. */
  readonly axes: readonly string[];
  /** Seconds until the last cell ends, estimated from those that are done; absent while none is. */
  readonly secondsLeft?: number;
  /** Whether tasks of it wait or run now. */
  readonly active: boolean;
}
