/** What a person arranged in the panel; survives a reload. Pure. */
import type { SectionView } from '../../sections/section-kind';
import type { RunView } from '../../ui/run-state';
import type { Sort } from '../../ui/table';

/** Whose attention is drawn over the picture. */
export type MapChoice = 'head' | 'layer' | 'all';

/** How far the head's output is from that of the second pass; share of its attention on what that pass lacks. */
export type Measure = 'divergence' | 'attention';

export interface View extends RunView {
  /** The selected head; the selected set of its layer; the selected set of all layers. */
  readonly map: MapChoice;
  /** What was arranged in each section. */
  readonly sections: Readonly<Record<string, SectionView>>;
  /** What colours the cells of the heads. */
  readonly measure: Measure;
  /** End of the marked part that the keyboard moves, and a token of the window of the text that is drawn. */
  readonly spanFocus?: number;
  readonly spanWindow?: number;
  /** The same of the part that was removed, counted from its first token. */
  readonly spanMapWindow: number;
  readonly tableSort?: Sort;
  readonly entrySort?: Sort;
  readonly allHeads: boolean;
  readonly allEntries: boolean;
}

export const initialView: View = {
  map: 'head',
  sections: {},
  measure: 'divergence',
  spanMapWindow: 0,
  allHeads: false,
  allEntries: false,
  open: {},
};
