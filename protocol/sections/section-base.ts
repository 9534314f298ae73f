/** What every section has. Ids are unique within a result: state of the panel and exports go by them. */
export interface SectionOf<Kind extends string> {
  readonly kind: Kind;
  readonly id: string;
  readonly title: string;
  /** One or two sentences under the title: what is seen, how it was got. */
  readonly caption?: string;
  /** What can be asked of a cell, row, token, node or edge (`Analysis.ask`), as the words of a button: `Show its attention`. */
  readonly ask?: string;
  /** Said in its place while there is nothing to draw. */
  readonly empty?: string;
}
