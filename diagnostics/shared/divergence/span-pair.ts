/** A sequence and the same without a span (the image, a document), as the two passes of a divergence read them. */
import type { Removed } from '../../../protocol/interventions/reinforcement';
import { refusal } from '../../../protocol/wire/failures';
import { withoutSpan, type RemovedPositions, type Sequence, type Span } from '../../model-runner/sequence';

export interface SpanPair {
  /** Its one key group is what the second pass lacks: of an image the tokens, without the separators between its tiles. */
  readonly whole: Sequence;
  readonly without: Sequence;
  readonly span: Span;
}

export function spanPair(sequence: Sequence, removed: Removed, positions: RemovedPositions): SpanPair {
  const span = spanOf(sequence, removed);
  const keys =
    removed.kind === 'image'
      ? (sequence.groups?.find(({ name }) => name === 'image')?.positions ?? rowsOf(span))
      : rowsOf(span);
  requireRest(span, sequence.ids.length, removed.kind);
  const whole = { ...sequence, groups: [{ name: 'removed', positions: keys }] };
  return { whole, span, without: { ...withoutSpan(sequence, span, positions), groups: [] } };
}

/** Refuses a span without which the position that predicts the next token would be gone. */
export function requireRest({ start, end }: Span, length: number, kind: Removed['kind']): void {
  if (end < length) return;
  const image = kind === 'image';
  if (start === 0) {
    throw refusal(
      image
        ? 'The prompt holds nothing but the image, so nothing would be left without it. Write a question about the image.'
        : 'The span is the whole prompt, so nothing would be left without it. Choose a part of the prompt.',
    );
  }
  throw refusal(
    image
      ? 'The prompt ends with the image, so that the position which predicts the next token would be removed with it. Write a question after the image.'
      : 'The span reaches the end of the prompt, so that the position which predicts the next token would be removed. Let the prompt go on after it.',
  );
}

function spanOf(sequence: Sequence, removed: Removed): Span {
  const { image, ids } = sequence;
  if (removed.kind === 'image') {
    if (!image) {
      throw refusal(
        'The prompt names no image, so there is no image to leave out. Give one (--image on the command line), or a span of the text (--span): heads that read it are found in the same way.',
      );
    }
    return { start: image.start, end: image.end };
  }
  const { start, end } = removed;
  if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= ids.length)) {
    throw refusal(
      `Tokens ${start} to ${end} are not a span of the prompt, which has ${ids.length} tokens, from 0. Give the first token and the one after the last.`,
    );
  }
  return { start, end };
}

const rowsOf = ({ start, end }: Span): number[] => Array.from({ length: end - start }, (_, at) => start + at);

/** The sequence with tokens behind it. */
export function extended(sequence: Sequence, ids: readonly number[]): Sequence {
  const { positions } = sequence;
  const last = positions?.at(-1) ?? -1;
  return {
    ...sequence,
    ids: [...sequence.ids, ...ids],
    ...(positions ? { positions: [...positions, ...ids.map((_, i) => last + 1 + i)] } : {}),
  };
}
