/**
 * Documents cut into windows of the context. Windows do not overlap but for the token that a window needs to begin with, so
 * that every token behind the first of a document is predicted once: in a model whose tokenizer puts tokens in front of a text
 * (`lead`), each window begins with these and the first token is predicted as well; in others a window begins with the last token
 * of the one before it.
 */
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import { shuffled } from '../../tasks/draft';

export interface WindowShape {
  readonly lead: readonly number[];
  /** Tokens of a window at most, those of the lead included. */
  readonly size: number;
}

export interface Window {
  readonly document: number;
  /** The number of the window in its document. */
  readonly number: number;
  readonly ids: readonly number[];
  /** The token of the document that is predicted first. */
  readonly first: number;
  /** The row that predicts it: this and all behind it but the last are counted. */
  readonly from: number;
}

export function windowsOf(document: number, ids: ArrayLike<number>, { lead, size }: WindowShape): readonly Window[] {
  const step = size - Math.max(1, lead.length);
  const windows: Window[] = [];
  const part = (from: number, to: number): number[] => Array.prototype.slice.call(ids, from, to) as number[];
  const known = lead.length > 0 ? 0 : 1;
  for (let first = known; first < ids.length; first += step) {
    const body = part(first - known, first + step);
    windows.push({
      document,
      number: windows.length,
      ids: [...lead, ...body],
      first,
      from: Math.max(0, lead.length - 1),
    });
  }
  return windows;
}

export const predictedTokens = (length: number, { lead }: WindowShape): number =>
  Math.max(0, length - (lead.length > 0 ? 0 : 1));

/** Sequences that run at once at most, variants counted, and rows of all of them. */
const [mostAtOnce, mostRows] = [16, 2048];

/**
 * What runs at once: windows of about the same length, as far as they fill a run; in random order, so that what is known before
 * the end is a sample of the corpus. The windows of one document stay together.
 */
export function batchesOf(
  lengths: readonly number[],
  shape: WindowShape,
  variants: number,
  seed: number,
): readonly (readonly { readonly document: number; readonly number: number }[])[] {
  const most = Math.max(1, Math.floor(mostAtOnce / variants));
  const step = shape.size - Math.max(1, shape.lead.length);
  const counted = lengths.map((length, document) => {
    const windows = Math.ceil(predictedTokens(length, shape) / step);
    return { document, length, windows };
  });
  const units: { document: number; number: number }[][][] = [];
  let [batch, rows]: [{ document: number; number: number }[], number] = [[], 0];
  // Longest first: the first of a batch is the length that all of it is filled up to.
  for (const { document, length, windows } of [...counted].sort(
    (a, b) => b.length - a.length || a.document - b.document,
  )) {
    if (windows === 0) continue;
    const own = Array.from({ length: windows }, (_, number) => ({ document, number }));
    if (windows > 1) {
      const together = Math.max(1, Math.min(most, Math.floor(mostRows / (shape.size * variants))));
      const cut = Array.from({ length: Math.ceil(windows / together) }, (_, at) =>
        own.slice(at * together, (at + 1) * together),
      );
      units.push(cut);
      continue;
    }
    if (batch.length === 0) rows = (length + shape.lead.length) * variants;
    if (batch.length > 0 && (batch.length >= most || (batch.length + 1) * rows > mostRows)) {
      units.push([batch]);
      [batch, rows] = [[], (length + shape.lead.length) * variants];
    }
    batch.push(...own);
  }
  if (batch.length > 0) units.push([batch]);
  return shuffled(randomFrom(seedFor(seed, 'order of documents')), units).flat();
}
