/** Where the time of a run goes that several devices share, and what crosses between them. */
import type { PartTimes, Crossing } from '../../protocol/compute/serving';
import type { DevicePart } from '../../protocol/schema/parts';
import type { ModelSpec } from '../../models/architectures/model-spec';
import type { LayerSessions } from '../model/run/graphs/layer-sessions';
import { sideOf, type Piece } from '../model/run/graphs/pieces';

/**
 * Seconds by part: from the moment that a session of the part is asked for until that of another part is, so that a stream that crosses
 * counts for the part that takes it.
 */
export class TimedParts {
  /** As the model's own; runs through them are timed. */
  readonly sessions: LayerSessions;
  private seconds: number[];
  private at = 0;
  private since = 0;

  constructor(
    real: LayerSessions,
    private readonly parts: readonly DevicePart[],
    /** Milliseconds. */
    private readonly now = (): number => performance.now(),
  ) {
    this.seconds = parts.map(() => 0);
    this.sessions = Object.create(real) as LayerSessions;
    this.sessions.session = (piece) => {
      this.goTo(this.partOf(piece));
      return real.session(piece);
    };
  }

  /** Of one run, by part; they add up to the time of the run. */
  async of(act: () => Promise<unknown>): Promise<readonly number[]> {
    this.seconds = this.parts.map(() => 0);
    this.at = this.partOf({ kind: 'embedding' });
    this.since = this.now();
    await act();
    this.goTo(this.at);
    return this.seconds;
  }

  private goTo(part: number): void {
    const now = this.now();
    this.seconds[this.at] = (this.seconds[this.at] ?? 0) + (now - this.since) / 1000;
    [this.at, this.since] = [part, now];
  }

  private partOf(piece: Piece): number {
    const side = sideOf(piece);
    const found = this.parts.findIndex(({ layers, embedding, head }) =>
      typeof side === 'number'
        ? layers !== undefined && side >= layers.first && side <= layers.last
        : side === 'head'
          ? head
          : embedding,
    );
    return Math.max(0, found);
  }
}

/** Of the fastest of these runs. */
export function partTimes(
  parts: readonly DevicePart[],
  prompts: readonly (readonly number[])[],
  steps: readonly (readonly number[])[],
): readonly PartTimes[] {
  const [prefill, decode] = [fastestOf(prompts), fastestOf(steps)];
  return parts.map((part, at) => ({ ...part, prefill: prefill[at] ?? 0, decode: decode[at] ?? 0 }));
}

const total = (seconds: readonly number[]): number => seconds.reduce((sum, each) => sum + each, 0);

const fastestOf = (runs: readonly (readonly number[])[]): readonly number[] =>
  runs.reduce((best, run) => (total(run) < total(best) ? run : best));

/**
 * Bytes in float32 that go from one device to another in a prompt of so many rows and in a token: the residual stream before the first
 * layer of a device (and the output that a shortcut carries beside it), and the last row before the head. Between parts of one device
 * nothing is copied.
 */
export function crossings(
  { blocks, hiddenSize, head }: Pick<ModelSpec, 'blocks' | 'hiddenSize' | 'head'>,
  parts: readonly DevicePart[],
  prompt: number,
): readonly Crossing[] {
  const holderOf = (layer: number): string =>
    parts.find(({ layers }) => layers && layer >= layers.first && layer <= layers.last)?.id ?? 'cpu';
  const row = 4 * hiddenSize;
  const found: Crossing[] = [];
  let from = 'cpu';
  for (const { index, shortcut } of blocks) {
    const to = holderOf(index);
    const streams = shortcut === 'joins' ? 2 : 1;
    if (to !== from) found.push({ from, to, before: index, prefill: prompt * row * streams, decode: row * streams });
    from = to;
  }
  const last = parts.find((part) => part.head)?.id ?? 'cpu';
  if (head.vocabulary && last !== from) found.push({ from, to: last, before: 'head', prefill: row, decode: row });
  return found;
}
