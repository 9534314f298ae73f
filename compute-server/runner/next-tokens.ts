/** How well each token of several texts is predicted under several variants: as many texts and variants side by side as memory takes. */
import type { NextTokens, RunRequest, RunResult } from '../../diagnostics/model-runner/run-request';
import { goesByColumns } from '../../diagnostics/model-runner/redistribution-sources';
import type { Variant } from '../../models/instrument/changes/changes';
import { range } from '../model/run/graphs/runtime-arrays';

/** By text and variant. `batchOf`: how many of so many texts, none longer than `longest`, run at a time. */
export async function nextTokensOf(
  sequences: readonly (readonly number[])[],
  variants: readonly Variant[],
  {
    batchOf,
    run,
  }: {
    readonly batchOf: (longest: readonly number[], texts: number) => number;
    readonly run: (request: RunRequest) => Promise<RunResult>;
  },
): Promise<readonly (readonly NextTokens[])[]> {
  const longest = Math.max(0, ...sequences.map(({ length }) => length));
  const filled = (ids: readonly number[]): readonly number[] => [
    ...ids,
    ...new Array<number>(longest - ids.length).fill(0),
  ];
  const pairs = sequences.flatMap((ids) => variants.map((variant) => ({ ids, variant })));
  // What is decided over the rows of a text is not decided over those that fill it up.
  const batch = variants.some((each) => goesByColumns(each)) ? 1 : batchOf(filled([]), pairs.length);
  const rows = range(0, Math.max(0, longest - 1));
  const found: NextTokens[] = [];
  for (let first = 0; first < pairs.length; first += batch) {
    const some = pairs.slice(first, first + batch);
    const [one] = some;
    const whole = batch === 1 ? (ids: readonly number[]) => ids : filled;
    const { nextTokens = [] } = await run({
      ids: whole(one?.ids ?? []),
      variants: some.map(({ variant }) => variant),
      // Variants of one sequence share the layers below the first change.
      ...(some.some(({ ids }) => ids !== one?.ids) ? { variantIds: some.map(({ ids }) => whole(ids)) } : {}),
      logits: 'none',
      lossAt: batch === 1 ? rows.slice(0, Math.max(0, (one?.ids.length ?? 0) - 1)) : rows,
      eachToken: true,
    });
    some.forEach(({ ids }, at) => {
      const { loss, best } = nextTokens[at] ?? { loss: new Float64Array(0), best: new Int32Array(0) };
      found.push({ loss: loss.slice(0, ids.length - 1), best: best.slice(0, ids.length - 1) });
    });
  }
  return sequences.map((_, at) => found.slice(at * variants.length, (at + 1) * variants.length));
}
