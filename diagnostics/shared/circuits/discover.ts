/**
 * The parts that a task needs, found by taking parts away one after the other, never to be put back. F is the mean metric over
 * the prompts, F(M) that of the whole model, F(0) that of a model without any of the parts; what is said of them are shares of F(M) - F(0).
 *
 * - `threshold`: automated circuit discovery (Conmy et al. 2023, arXiv:2304.14997, algorithm 1) on nodes and with the task's metric:
 *   from the last layer to the first, a part is taken away where that changes F by less than the threshold. Within a layer, parts
 *   whose own removal from the whole model changes least come first; the paper leaves the order open.
 * - `greedy`: parts whose own removal changes least come first, whatever their layer, and are taken away as long as F stays nearer
 *   to F(M) than the threshold, so that what remains is faithful by so much. A choice of Headscope.
 */
import { object, whole, optional, flag, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { Part } from '../effects/parts';
import { without, type CircuitRun } from './circuit-run';
import { mean } from '../../../kernels/tensors/vectors';

export const methods = ['greedy', 'threshold'] as const;
export type Method = (typeof methods)[number];

export const removal = object({
  layer: whole,
  head: optional(whole),
  /** Whether it was taken away. */
  removed: flag,
  /** (F with it taken away - F(0)) / (F(M) - F(0)) of what worked by then. */
  faithfulness: figure,
});
type Removal = Output<typeof removal>;

export interface Found {
  /** Least needed last. */
  readonly nodes: readonly (Part & { readonly weight: number })[];
  /** In the order in which they were tried. */
  readonly removals: readonly Removal[];
  /** All that could be taken away, layer by layer, and the share that the removal of each from the whole model takes. */
  readonly parts: readonly Part[];
  readonly own: readonly number[];
  /** F(M) and F(0). */
  readonly whole: number;
  readonly nothing: number;
}

/** What is known of a search that goes on. */
export type Searched = Pick<Found, 'removals' | 'parts' | 'own'>;

type Step = <T>(key: string, act: () => Promise<T>) => Promise<T>;

interface Rules {
  readonly method: Method;
  /** Share of F(M) - F(0). */
  readonly threshold: number;
  readonly step: Step;
  /** Names the steps of one discovery among others. */
  readonly name: string;
  /** Called with F(M) - F(0) before anything is taken away. */
  readonly requireGap: (gap: number) => void;
}

/** Yields what was tried so far; at first nothing, and then without what each part does alone. */
export async function* discover(
  ablated: CircuitRun,
  { method, threshold, step, name, requireGap }: Rules,
): AsyncGenerator<Searched, Found> {
  const { parts } = ablated;
  const means = async (circuits: readonly (readonly Part[])[]): Promise<readonly number[]> =>
    (await ablated.values(circuits)).map(mean);
  yield { removals: [], parts, own: [] };
  const [whole = 0, nothing = 0, ...alone] = await step(`${name}: each part`, () =>
    means([parts, [], ...parts.map((part) => without(parts, [part]))]),
  );
  const gap = whole - nothing;
  requireGap(gap);
  // Never -0, which no file has.
  const share = (value: number): number => value / gap + 0;
  const own = alone.map((value) => share(whole - value));
  const size = (at: number): number => Math.abs(own[at] ?? 0);
  const order = [...parts.keys()].sort(
    (a, b) =>
      (method === 'threshold' ? (parts[b]?.layer ?? 0) - (parts[a]?.layer ?? 0) : 0) ||
      // MLPs read what the heads of their layer have written.
      (method === 'threshold' ? Number(parts[a]?.head !== undefined) - Number(parts[b]?.head !== undefined) : 0) ||
      size(a) - size(b),
  );
  let kept = parts;
  let now = whole;
  const removals: Removal[] = [];
  for (const at of order) {
    const part = parts[at];
    if (!part) continue;
    yield { removals: [...removals], parts, own };
    const rest = without(kept, [part]);
    const [value = Number.NaN] = await step(`${name}: part ${removals.length + 1}`, () => means([rest]));
    const change = Math.abs(value - (method === 'threshold' ? now : whole));
    const removed = change < threshold * Math.abs(gap);
    removals.push({ ...part, removed, faithfulness: share(value - nothing) });
    if (!removed) continue;
    kept = rest;
    now = value;
  }
  const lost = await step(`${name}: each node`, () => means(kept.map((part) => without(kept, [part]))));
  const nodes = kept
    .map((part, at) => ({ ...part, weight: share(now - (lost[at] ?? Number.NaN)) }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  return { nodes, removals, parts, own, whole, nothing };
}
