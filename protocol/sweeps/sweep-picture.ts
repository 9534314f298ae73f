/**
 * What the Sweeps panel is sent of a sweep: counts, one page of its matrix and of its cells, and sections of its results. Its size does
 * not depend on the number of cells.
 */
import type { Output } from '../schema/check';
import { object, oneOf, optional, record, text, whole } from '../schema/fields';
import type { Section } from '../sections/section';
import { cellStates, type CellState, type CellStatus } from './sweep-status';
import type { EngineId } from './sweep-file';

/** The most of each in one picture. */
export const most = { rows: 40, columns: 24, cells: 50, values: 200, choices: 200 } as const;

/** What a person looks at. */
export const sweepLook = object({
  /** Axes of the matrix, down and across; absent: the first and the last. An empty `columns`: all cells of a row in one place. */
  rows: optional(text),
  columns: optional(text),
  /** The first row and column that are shown, from 0. */
  rowFrom: optional(whole),
  columnFrom: optional(whole),
  /** Only cells that have these values, by the name of the axis; values as JSON. */
  only: optional(record(text, 'an object of values', { most: 64 })),
  /** The number of the results that is drawn. */
  value: optional(text),
  /** Only cells in this state are listed. */
  show: optional(oneOf(cellStates)),
  /** The page of the list, from 0. */
  page: optional(whole),
  /** The key of a cell that is looked at. */
  cell: optional(text),
});
export type SweepLook = Output<typeof sweepLook>;

export interface AxisValue {
  /** The value as JSON. */
  readonly id: string;
  readonly label: string;
}

export interface SweepAxis {
  readonly name: string;
  /** The first of them, in the order of the sweep. */
  readonly values: readonly AxisValue[];
  readonly count: number;
}

/** One page of an axis of the matrix. */
export interface GridSide {
  readonly axis: string;
  /** Values as JSON. */
  readonly ids: readonly string[];
  readonly labels: readonly string[];
  readonly from: number;
  readonly count: number;
}

/** A place of the matrix: all cells with its two values. */
export interface GridTile {
  readonly cells: number;
  readonly states: Readonly<Partial<Record<CellState, number>>>;
  /** Of a single cell. */
  readonly key?: string;
}

export interface SweepGrid {
  readonly rows: GridSide;
  readonly columns?: GridSide;
  /** [row][column]; null where the sweep has no cell. */
  readonly tiles: readonly (readonly (GridTile | null)[])[];
}

export interface ShownCell extends Omit<CellStatus, 'settings'> {
  /** One for each axis; empty where the cell does not have it. */
  readonly labels: readonly string[];
  /** The first sentence of its result. */
  readonly finding?: string;
}

export interface SweepPicture {
  readonly title: string;
  readonly run: string;
  readonly engine?: EngineId;
  /** Where cells run, as a sentence; absent: what runs takes no device. */
  readonly place?: string;
  readonly total: number;
  readonly states: Readonly<Record<CellState, number>>;
  readonly secondsLeft?: number;
  readonly active: boolean;
  readonly axes: readonly SweepAxis[];
  /** With what was chosen for the person. */
  readonly look: SweepLook;
  /** Absent where cells differ in nothing. */
  readonly grid?: SweepGrid;
  /** One page of the cells, those first that a person should look at. */
  readonly cells: readonly ShownCell[];
  /** How many there are on all pages. */
  readonly listed: number;
  readonly chosen?: ShownCell;
  /** Numbers of the results that can be drawn. */
  readonly values: readonly string[];
  /** How many results have been read, of all that are there. */
  readonly read: number;
  /** Of the results that were read. */
  readonly sections: readonly Section[];
  /** Seconds that it took to find out. */
  readonly took: number;
}

/** Mistakes of a file that cannot be read as a sweep. */
export interface SweepMistakes {
  readonly mistakes: readonly { readonly line: number; readonly message: string }[];
}

/** What the panel asks the process that reads the sweep. */
export type SweepAsk =
  | { readonly kind: 'look'; readonly look: SweepLook }
  /** Starts the cells without a result, or only those that failed, or only one. */
  | { readonly kind: 'submit'; readonly which: 'open' | 'failed' }
  | { readonly kind: 'again'; readonly key: string }
  | { readonly kind: 'cancel' };

export interface SweepAnswers {
  readonly look: SweepPicture | SweepMistakes;
  /** What was done, as a sentence. */
  readonly submit: string;
  readonly again: string;
  readonly cancel: string;
}

export interface NumberedAsk {
  readonly id: number;
  readonly ask: SweepAsk;
}

export type NumberedAnswer =
  | { readonly id: number; readonly ok: SweepAnswers[SweepAsk['kind']] }
  | { readonly id: number; readonly failed: string; readonly details?: string };
