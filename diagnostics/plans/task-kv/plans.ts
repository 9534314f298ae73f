/** Plans of one prompt that keep as many positions in each layer: Task-KV's, and others that give them to other heads or positions. */
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import { fullPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import { sample } from '../../tasks/draft';
import { keptBy, middleCount, smallestShare, type Kept, type Setting } from './allocation';
import type { LayerLook } from './look';
import { heterogeneous } from './separator';

export type Heads = readonly (readonly HeadPlan[])[];

interface LayerRoom {
  readonly heads: number;
  readonly whole: readonly number[];
  readonly scores: readonly Float64Array[];
  /** Middle positions of each head that does not keep everything. */
  readonly middle: number;
  /** Positions of a head, were those of the layer given to all alike. */
  readonly even: number;
}

export function roomsOf(looks: readonly LayerLook[], setting: Setting, budget: number): readonly LayerRoom[] {
  return looks.map(({ scores, parted }) => {
    const whole = heterogeneous(parted);
    const heads = scores.length;
    const of = { heads, full: whole.length, budget: budget * heads * setting.tokens };
    const middle = middleCount(setting, of);
    const limited = (heads - whole.length) * (setting.sinks + setting.recents + middle);
    return { heads, whole, scores, middle, even: Math.floor((whole.length * setting.tokens + limited) / heads) };
  });
}

export const smallestOf = (rooms: readonly LayerRoom[], setting: Setting): number => {
  const heads = rooms.reduce((sum, room) => sum + room.heads, 0);
  return rooms.reduce(
    (sum, room) => sum + (room.heads / heads) * smallestShare(setting, room.heads, room.whole.length),
    0,
  );
};

/** Layers whose whole heads, sinks and recents are more than the budget. */
export const tooSmallFor = (rooms: readonly LayerRoom[], setting: Setting, budget: number): readonly number[] =>
  rooms.flatMap(({ heads, whole }, layer) => (smallestShare(setting, heads, whole.length) > budget ? [layer] : []));

/** What each head keeps of the middle; undefined of those that keep everything. */
export const keptOf = (rooms: readonly LayerRoom[], setting: Setting): readonly (readonly (Kept | undefined)[])[] =>
  rooms.map(({ whole, scores, middle }) =>
    scores.map((of, head) => (whole.includes(head) ? undefined : keptBy(setting, of, middle))),
  );

/** First and last positions of the prompt, and what follows it; with `mean` the others count as their mean, which takes a position. */
function recentPlan({ tokens, sinks }: Setting, positions: number, mean = false): HeadPlan {
  if (positions >= tokens) return fullPlan;
  const first = Math.min(sinks, positions);
  const recent = Math.max(0, positions - first - (mean ? 1 : 0));
  return { kind: 'recent', sinks: first, recent, append: true, ...(mean ? { mean } : {}) };
}

export interface NamedPlan {
  readonly name: string;
  readonly title: string;
  readonly heads: Heads;
}

/** The first is Task-KV's. */
export function plansOf(
  rooms: readonly LayerRoom[],
  setting: Setting,
  { random, seed }: { readonly random: number; readonly seed: number },
): readonly NamedPlan[] {
  const { sinks, recents, tokens } = setting;
  const near = (of: (room: LayerRoom, head: number) => HeadPlan, whole = ({ whole: own }: LayerRoom) => own): Heads =>
    rooms.map((room) => {
      const own = whole(room);
      return room.scores.map((_, head) => (own.includes(head) ? fullPlan : of(room, head)));
    });
  const all = (of: (room: LayerRoom, head: number) => HeadPlan): Heads => near(of, () => []);
  const middle = ({ scores, middle: count }: LayerRoom, head: number): HeadPlan =>
    keptBy(setting, scores[head] ?? [], count).plan;
  const spread = ({ scores, even }: LayerRoom, head: number): HeadPlan => {
    const last = Math.max(0, Math.min(recents, even - sinks));
    const count = Math.max(0, Math.min(tokens - sinks - last, even - sinks - last));
    return keptBy({ ...setting, recents: last }, scores[head] ?? [], count).plan;
  };
  const source = randomFrom(seedFor(seed, 'task-kv random heads'));
  return [
    { name: 'task-kv', title: 'Task-KV', heads: near(middle) },
    {
      name: 'near-mean',
      title: 'Task-KV, one averaged token for the middle',
      heads: near((room) => recentPlan(setting, sinks + recents + room.middle, true)),
    },
    {
      name: 'near-recent',
      title: 'Task-KV, more recents for the middle',
      heads: near((room) => recentPlan(setting, sinks + recents + room.middle)),
    },
    { name: 'uniform', title: 'Middle activations in all heads (like SnapKV)', heads: all(spread) },
    {
      name: 'streaming',
      title: 'Sinks and recents in all heads (like StreamingLLM)',
      heads: all((room) => recentPlan(setting, room.even)),
    },
    {
      name: 'mean',
      title: 'Sinks, recents and one averaged token in all heads',
      heads: all((room) => recentPlan(setting, room.even, true)),
    },
    ...Array.from({ length: random }, (_, at) => ({
      name: `random ${at + 1}`,
      title: 'Random heads keep everything',
      heads: near(middle, ({ heads, whole }) => sample(source, [...Array(heads).keys()], whole.length)),
    })),
  ];
}
