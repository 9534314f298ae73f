/** How a panel asks for the attention of one head on a prompt that was read, and what it hears. */
import type { HeadTile } from '../results/heads';
import { type KindsOutput, optional, whole } from '../schema/fields';
import { stack } from '../sections/section-base';

/** Which head of which prompt: the prompt by its place in the result; absent: the first. `stack` as in `MatrixSection`. */
const of = { request: whole, prompt: optional(whole), stack: optional(stack), layer: whole, head: whole };

/** `request` numbers are the panel's own; an older one may be answered late or never. */
export const askHead = {
  tile: {
    ...of,
    rowStart: whole,
    rowCount: whole,
    columnStart: whole,
    columnCount: whole,
    outRows: whole,
    outColumns: whole,
  },
  row: { ...of, query: whole },
};
export type AskHead = KindsOutput<typeof askHead>;

export type HeadAnswer =
  | { readonly kind: 'tile'; readonly request: number; readonly tile: HeadTile }
  /** All probabilities of one query of one head, [keys]. */
  | { readonly kind: 'row'; readonly request: number; readonly row: Float32Array };
