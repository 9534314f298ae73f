/** A mechanism in the terms that all share: the fields of kernels/template.ts, which says what each means. */
export interface TemplateInfo {
  readonly projected: string;
  readonly scores: string;
  readonly positions: { readonly words: string; readonly chosen: 'beforehand' | 'by data' };
  readonly normaliser: { readonly words: string; readonly averagesValues: boolean };
  readonly aggregation: string;
  readonly mixing: 'fixed' | 'data-dependent';
  readonly matrix: 'dense' | 'sparse' | 'low rank' | 'sparse and low rank' | 'diagonal';
  readonly state: { readonly words: string; readonly grows: boolean };
  readonly sharded: { readonly heads: string; readonly headsIndependent: boolean; readonly sequence: string };
}

/** The columns of a table, in the order in which a call goes through them. */
export const templateColumns: readonly { readonly title: string; readonly of: (template: TemplateInfo) => string }[] = [
  { title: 'Projected', of: ({ projected }) => projected },
  { title: 'Scores', of: ({ scores }) => scores },
  {
    title: 'Positions',
    of: ({ positions }) => (positions.chosen === 'by data' ? `${positions.words} (chosen by data)` : positions.words),
  },
  { title: 'Normaliser', of: ({ normaliser }) => normaliser.words },
  { title: 'Aggregation', of: ({ aggregation }) => aggregation },
  { title: 'Mixing', of: ({ mixing, matrix }) => `${mixing}, ${matrix}` },
  { title: 'State', of: ({ state }) => state.words },
  { title: 'Heads sharded', of: ({ sharded }) => sharded.heads },
  { title: 'Sequence sharded', of: ({ sharded }) => sharded.sequence },
];
