/** What a person arranged in the panel; survives a reload. Pure. */
import type { SectionView } from '../../sections/section-kind';
import type { RunView } from '../../ui/run-state';

/** Whose attention is drawn over the picture. */
export type MapChoice = 'head' | 'layer' | 'all';

export interface View extends RunView {
  /** The selected head; the selected set of its layer; the selected set of all layers. */
  readonly map: MapChoice;
  /** What was arranged in each section. */
  readonly sections: Readonly<Record<string, SectionView>>;
  /** End of the marked part that the keyboard moves, and a token of the window of the text that is drawn. */
  readonly spanFocus?: number;
  readonly spanWindow?: number;
}

export const initialView: View = {
  map: 'head',
  // The head that differs most is read first.
  sections: { heads: { sort: { column: 'vhd', descending: true } } },
  open: {},
};
