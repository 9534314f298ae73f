/**
 * A factor on the output of a head that `gain` does not name, before its output projection: a head of cross-attention, or of a recurrence
 * beside attention. 0 removes it, 1 is neutral. Several gains of one head multiply.
 */
import { scale } from './gain';
import { always, changeKind, furtherHeadProblem, neutral } from './kind';
import type { FurtherHeads } from './sizes';

export interface FurtherGain<K extends string> {
  readonly kind: K;
  readonly layer: number;
  readonly head: number;
  readonly gain: number;
}

/** `input` [b, h], or [h, 1] in step graphs, only in layers that have such heads. */
const furtherGain = <K extends 'cross-gain' | 'state-gain'>(kind: K, slots: FurtherHeads, input: string) =>
  changeKind<FurtherGain<K>>()({
    kind,
    parts: [],
    headsOf: () => undefined,
    problem({ layer, head, gain }, sizes) {
      const problem = furtherHeadProblem(slots, sizes, head);
      if (problem !== undefined || Number.isFinite(gain)) return problem;
      return `The gain of head ${head} of layer ${layer} is ${gain}; give a finite number.`;
    },
    declare: (graph, { [slots]: heads }) =>
      heads === undefined ? undefined : graph.input(input, 'float32', ['b', heads]),
    feeds(changes, { [slots]: heads }) {
      if (heads === undefined) return {};
      const plain = neutral(1, changes.length * heads);
      const data = changes.every((own) => own.length === 0) ? plain : plain.slice();
      changes.forEach((own, v) => own.forEach((one) => scale(data, v * heads + one.head, one.gain)));
      return { [input]: { data, shape: [changes.length, heads] } };
    },
    steps: always,
    stepFeeds(changes, { [slots]: heads }) {
      if (heads === undefined) return {};
      const data = new Float32Array(heads).fill(1);
      for (const one of changes) scale(data, one.head, one.gain);
      return { [input]: { data, shape: [heads, 1] } };
    },
  });

export const crossGain = furtherGain('cross-gain', 'crossHeads', 'cross_head_gain');
export const stateGain = furtherGain('state-gain', 'stateHeads', 'state_head_gain');
