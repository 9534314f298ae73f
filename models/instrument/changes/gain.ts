/** Gain: a factor on the output of a head before the output projection; 0 removes it, 1 is neutral. Of several of one head gains multiply. */
import { always, changeKind, neutral } from './kind';

export interface HeadGain {
  readonly layer: number;
  /** Query head. */
  readonly head: number;
  readonly gain: number;
}

export interface GainChange extends HeadGain {
  readonly kind: 'gain';
}

/** The same gain of some heads. */
export const gainsOf = (
  heads: readonly { readonly layer: number; readonly head: number }[],
  factor: number,
): readonly GainChange[] => heads.map(({ layer, head }) => ({ kind: 'gain', layer, head, gain: factor }));

export const gainChanges = (gains: readonly HeadGain[]): readonly GainChange[] =>
  gains.map((one) => ({ kind: 'gain', ...one }));

export const gain = changeKind<GainChange>()({
  kind: 'gain',
  parts: [],
  problem: ({ layer, head, gain: factor }) =>
    Number.isFinite(factor) ? undefined : `The gain of layer ${layer} head ${head} is ${factor}; give a finite number.`,
  /** [b, h] */
  declare: (graph, { heads }) => graph.input('head_gain', 'float32', ['b', heads]),
  feeds(changes, { heads }) {
    const plain = neutral(1, changes.length * heads);
    const data = changes.every((own) => own.length === 0) ? plain : plain.slice();
    changes.forEach((own, v) => own.forEach((one) => scale(data, v * heads + one.head, one.gain)));
    return { head_gain: { data, shape: [changes.length, heads] } };
  },
  steps: always,
  stepFeeds(changes, { heads }) {
    const data = new Float32Array(heads).fill(1);
    for (const one of changes) scale(data, one.head, one.gain);
    return { head_gain: { data, shape: [heads, 1] } };
  },
});

/** Multiplies one number of an array. */
export function scale(data: Float32Array, at: number, factor: number): void {
  data[at] = (data[at] ?? 1) * factor;
}
