/**
 * What a run reads, row by row: token ids, some rows with embeddings of their own (a picture's), and the position of each
 * row. Rows are counted from 0 without gaps and index everything else (groups, taps, statistics); positions alone decide
 * rotation, learned positions and the reach of a window.
 */
import type { Variant } from '../../models/instrument/changes/changes';
import type { ChatPrompt, ImageSpan } from '../../protocol/schema/parts';

/** A named set of rows: their keys. */
export interface KeyGroup {
  readonly name: string;
  /** Token positions. */
  readonly positions: readonly number[];
}

/** What is wrong with groups of the keys of a prompt of `length` tokens. */
export function groupProblem(groups: readonly KeyGroup[], length: number): string | undefined {
  const names = groups.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) return `Two key groups are called "${twice}". Give each a name of its own.`;
  for (const { name, positions } of groups) {
    const outside = positions.find((position) => position >= length);
    if (outside === undefined) continue;
    return `The group "${name}" names position ${outside}, and the prompt has ${length} tokens, from 0.`;
  }
  return undefined;
}

/** What the encoder of an encoder-decoder reads. */
export interface SourceRows {
  readonly ids: readonly number[];
  /** Like those of a `Sequence`, at the input of the encoder. */
  readonly embeddings?: NonNullable<Sequence['embeddings']>;
  /**
   * What the encoder makes of them, [m, w]: the stream that leaves it, behind its last norm. A run of the decoder needs it; what is asked
   * before a run leaves it out.
   */
  readonly stream?: Float32Array;
  /** What was changed in the encoder that gave the stream; absent: nothing. */
  readonly variant?: Variant;
  /** The groups of its own keys that these changes name. */
  readonly variantGroups?: readonly KeyGroup[];
  /** Named sets of rows of the source: keys of cross-attention. */
  readonly groups?: readonly KeyGroup[];
}

export interface Sequence {
  /** For an encoder-decoder the rows of the decoder, which begin with its start token. */
  readonly ids: readonly number[];
  /** Present where the model is an encoder-decoder, and only there. */
  readonly source?: SourceRows;
  /** Position of each row, rising; absent: 0, 1, 2, … */
  readonly positions?: readonly number[];
  /** Rows whose embeddings are these and not the table's, [rows, hiddenSize]. */
  readonly embeddings?: { readonly rows: readonly number[]; readonly data: Float32Array };
  /** The first `prefix` rows read each other in both directions, those after them read what is before them (PaliGemma). */
  readonly prefix?: number;
  readonly groups?: readonly KeyGroup[];
  readonly image?: ImageSpan;
  /** Where the text went through the chat template. */
  readonly chatPrompt?: ChatPrompt;
  /** How many of the last ids an encoder-decoder wrote by itself, as no target was given; absent: none. */
  readonly written?: number;
}

/** The fields of a sequence alone, out of a request that carries them. */
export function sequencePart({ ids, source, positions, embeddings, prefix, groups, image }: Sequence): Sequence {
  return {
    ids,
    ...(source ? { source } : {}),
    ...(positions ? { positions } : {}),
    ...(embeddings ? { embeddings } : {}),
    ...(prefix === undefined ? {} : { prefix }),
    ...(groups ? { groups } : {}),
    ...(image ? { image } : {}),
  };
}

/** Half-open range of rows. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * `contiguous`: the rows after the span move up, as if it had never been written. `original`: they keep their positions, so
 * that distances between the remaining rows are those of the whole sequence.
 */
export type RemovedPositions = 'contiguous' | 'original';

/** The position of a row; rows behind the sequence (generated tokens) go on from its last one. */
export function positionAt({ ids, positions }: Pick<Sequence, 'ids' | 'positions'>, row: number): number {
  if (!positions) return row;
  const last = positions.at(-1) ?? -1;
  return row < ids.length ? (positions[row] ?? last) : last + 1 + row - ids.length;
}

/** The sequence with the rows of a span deleted. Groups and embeddings follow their rows; a group that loses all is gone. */
export function withoutSpan(sequence: Sequence, { start, end }: Span, kept: RemovedPositions): Sequence {
  const { ids, source, embeddings, groups, prefix, image } = sequence;
  if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= ids.length)) {
    throw new RangeError(`rows ${start} to ${end} are no span of a sequence of ${ids.length} rows`);
  }
  const length = end - start;
  const stays = (row: number): boolean => row < start || row >= end;
  const moved = (row: number): number => (row < start ? row : row - length);
  const rows = range(0, ids.length).filter(stays);
  const remaining = (embeddings?.rows ?? []).map((row, at) => ({ row, at })).filter(({ row }) => stays(row));
  const width = embeddings && embeddings.rows.length > 0 ? embeddings.data.length / embeddings.rows.length : 0;
  const data = new Float32Array(remaining.length * width);
  remaining.forEach(({ at }, to) =>
    data.set((embeddings?.data ?? data).subarray(at * width, (at + 1) * width), to * width),
  );
  const imageStays = image && (image.end <= start || image.start >= end) ? image : undefined;
  return {
    ids: rows.map((row) => ids[row] ?? 0),
    ...(source ? { source } : {}),
    ...(kept === 'original' || sequence.positions
      ? {
          positions:
            kept === 'original'
              ? rows.map((row) => positionAt(sequence, row))
              : range(positionAt(sequence, 0), rows.length),
        }
      : {}),
    ...(remaining.length > 0 ? { embeddings: { rows: remaining.map(({ row }) => moved(row)), data } } : {}),
    ...(prefix === undefined ? {} : { prefix: prefix <= start ? prefix : Math.max(start, prefix - length) }),
    ...(groups
      ? {
          groups: groups
            .map((group) => ({ ...group, positions: group.positions.filter(stays).map(moved) }))
            .filter(({ positions }) => positions.length > 0),
        }
      : {}),
    ...(imageStays
      ? { image: { ...imageStays, start: moved(imageStays.start), end: moved(imageStays.end - 1) + 1 } }
      : {}),
  };
}

/** Whole numbers from `start` on. */
const range = (start: number, count: number): number[] => Array.from({ length: count }, (_, at) => start + at);
