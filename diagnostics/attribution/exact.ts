/** The metric with one output that of the baseline, less the metric without: what the estimates are estimates of. */
import { patched, type Patch } from '../activation-patching/patches';
import type { Site } from '../activation-patching/parameters';
import { replacing, withReplacements } from '../effects/parts';
import { measured } from '../effects/subjects';
import type { ModelRunner } from '../model-runner/model-runner';
import type { Cell } from './cells';
import type { Estimating } from './estimates';
import type { Attributed } from './prompts';
import type { CellSite } from './result';

const siteOf: Readonly<Record<CellSite, Site>> = { head: 'head-output', mlp: 'mlp', residual: 'residual' };

/** By cell. */
export async function exactly(
  model: ModelRunner,
  prompt: Attributed,
  cells: readonly Cell[],
  { metric, variant, columns, standIn }: Estimating,
): Promise<readonly number[]> {
  const { pair, sequence } = prompt;
  if (!pair) {
    const [plain = [], ...without] = await measured(model, sequence, prompt, metric, [
      variant,
      ...cells.map(({ site, layer, slot }) => {
        const part = site === 'head' ? { layer, head: slot } : { layer };
        if (!standIn) throw new RangeError('there is neither a counterpart nor a stand-in');
        return withReplacements(variant, [replacing(part, standIn(part))]);
      }),
    ]);
    return without.map(([value = Number.NaN]) => value - (plain[0] ?? Number.NaN));
  }
  const found = new Map<Cell, number>();
  for (const site of new Set(cells.map((cell) => cell.site))) {
    const some = cells.filter((cell) => cell.site === site);
    const patches = some.map(({ layer, slot }): Patch =>
      site === 'head'
        ? { layer, head: slot }
        : { layer, positions: site === 'mlp' ? undefined : columns[slot]?.positions?.(pair) },
    );
    const settings = { site: siteOf[site], direction: 'noise', metric, variant } as const;
    const { plain, values } = await patched(model, pair, pair.corrupted, patches, settings);
    some.forEach((cell, at) => found.set(cell, (values[at] ?? Number.NaN) - plain));
  }
  return cells.map((cell) => found.get(cell) ?? Number.NaN);
}
