/** Values of the metric with and without each part, gathered prompt by prompt, and the means and intervals of their changes. */
import { partsOf, writingHeads, type Part } from '../../shared/effects/parts';
import type { Subjects } from '../../shared/effects/subjects';
import type { ModelFacts } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import type { Mode } from '../../shared/effects/stand-ins';
import type { AblationResult } from './result';

/** Share of errors over all parts. */
const familyShare = 0.95;
/** A change below this share of the metric (or below itself, of a metric below 1) is float32's rounding. */
const rounding = 1e-5;

const keyOf = ({ layer, head }: Part): string => `${layer}.${head ?? 'mlp'}`;

export class Changes {
  private readonly whole: number[] = [];
  /** By part: one change for each value of the metric. */
  private readonly changes = new Map<string, number[]>();

  constructor(
    private readonly blocks: ModelFacts['blocks'],
    private readonly settings: { readonly mode: Mode; readonly leftOut: number } & Omit<Subjects, 'subjects'>,
  ) {}

  /** The metric of one more prompt. */
  addWhole(values: readonly number[]): void {
    this.whole.push(...values);
  }

  addPart(part: Part, whole: readonly number[], without: readonly number[]): void {
    const key = keyOf(part);
    const own = this.changes.get(key) ?? [];
    this.changes.set(key, own);
    whole.forEach((value, at) => own.push((without[at] ?? Number.NaN) - value));
  }

  result(): AblationResult {
    const { mode, metric, unit, leftOut } = this.settings;
    const baseline = meanInterval(this.whole);
    const parts = partsOf(this.blocks).length;
    const least = rounding * Math.max(1, Math.abs(baseline.mean));
    const of = (part: Part) => {
      const changes = this.changes.get(keyOf(part)) ?? [];
      if (changes.length === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN, beyond: false };
      const wide = meanInterval(changes, { share: familyShare, family: parts });
      const beyond = (wide.low > 0 || wide.high < 0) && Math.abs(wide.mean) > least;
      return { ...meanInterval(changes), beyond };
    };
    const heads = this.blocks.map((block, layer) =>
      Array.from({ length: writingHeads(block).heads }, (_, head) => of({ layer, head })),
    );
    const mlps = this.blocks.map((_, layer) => of({ layer }));
    return {
      mode,
      metric,
      unit,
      n: this.whole.length,
      ...(leftOut > 0 ? { leftOut } : {}),
      baseline,
      heads: heads.map((row) => row.map(({ mean }) => mean)),
      low: heads.map((row) => row.map(({ low }) => low)),
      high: heads.map((row) => row.map(({ high }) => high)),
      mlp: mlps.map(({ mean }) => mean),
      mlpLow: mlps.map(({ low }) => low),
      mlpHigh: mlps.map(({ high }) => high),
      beyondChance: heads.map((row) => row.map(({ beyond }) => beyond)),
      mlpBeyondChance: mlps.map(({ beyond }) => beyond),
    };
  }
}
