/** The tabs of the workbench, each a result or a run on its way to one, and the list of earlier results. */
import { analysisSetup } from '../analysis/schema';
import type { Output } from '../schema/check';
import { exactly, list, object, optional, text } from '../schema/fields';
import { place } from '../sections/section-base';

/** A head of a grid, with the id of the grid's section. */
export const chosenHead = object({ section: text, head: place });
export type ChosenHead = Output<typeof chosenHead>;

/** What a window keeps of a tab. */
const tabFields = {
  /** Names it in messages and in what the page keeps; not used again. */
  id: text,
  /** The request that gave the result, or will give it. */
  setup: analysisSetup,
  /** Title of the analysis. */
  title: text,
  /** Name of the model; empty where none is named. */
  model: text,
  /** ISO 8601: when the result was made, or the run asked for. */
  created: text,
  finding: optional(text),
  /** Id of the result in the history; absent until there is one. */
  entry: optional(text),
  /** Why its run ended before the result was whole. */
  stopped: optional(text),
  /** Its run was to go on when the window closes and has not begun: the next window begins it. */
  waits: optional(exactly(true)),
  /** It is the Look, first in the row: at most one tab is. */
  look: optional(exactly(true)),
  /** It ran by itself and nobody has used it: the next Look takes its place. */
  byItself: optional(exactly(true)),
  /** The head that was chosen last in one of its grids: a page that is built again chooses it again. */
  chosen: optional(chosenHead),
};

/** How far the run of a tab is. */
export interface TabStanding {
  readonly state: 'waiting' | 'running';
  readonly sentence: string;
  /** 0..1 */
  readonly share: number;
  readonly secondsLeft?: number;
}

const keptTab = object(tabFields);
export type KeptTab = Output<typeof keptTab>;

/** In their order; `active`: the one in front, absent where the question for the next is. */
export const keptTabs = object({ tabs: list(keptTab, 'a list of tabs'), active: optional(text) });
export type KeptTabs = Output<typeof keptTabs>;

export interface WorkbenchTab extends KeptTab {
  readonly pinned: boolean;
  /** Absent: the run has ended. */
  readonly standing?: TabStanding;
  /** Why the run ended before its result was whole. */
  readonly failed?: string;
  /** Number of its run in this window: the messages of a run name it. */
  readonly run?: number;
}

export interface ShownTabs {
  readonly tabs: readonly WorkbenchTab[];
  readonly active?: string;
}

/** A row of the list of earlier results. */
export interface HistoryRow {
  readonly id: string;
  readonly title: string;
  readonly question?: string;
  readonly model: string;
  /** How its weights were held, in words; absent: exact. */
  readonly weights?: string;
  /** What was read, in words. */
  readonly input: string;
  readonly created: string;
  readonly pinned: boolean;
}
