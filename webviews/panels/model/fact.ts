/** One row of the facts of a model. */
export interface Fact {
  /** The same fact of another model has the same id. */
  readonly id: string;
  readonly group: string;
  readonly title: string;
  /** What the number is: unit, assumptions, source. */
  readonly meaning: string;
  readonly text: string;
  /** In full precision and in the unit named by `unit`; absent where the fact is no number. */
  readonly value?: number;
  readonly unit?: string;
  /** A sentence that is too long for a cell. */
  readonly detail?: string;
  /** Small counts differ by a number, amounts by a ratio. */
  readonly compare: 'ratio' | 'difference' | 'text';
}

export type Draft = Omit<Fact, 'group'>;
