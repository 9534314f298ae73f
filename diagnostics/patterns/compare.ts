/** Two runs side by side, head by head: two prompts, two checkpoints, or before and after an intervention. */

/** [layers][heads] by statistic name. */
export type StatisticTable = Readonly<Record<string, readonly (readonly number[])[]>>;

export interface HeadChange {
  readonly layer: number;
  readonly head: number;
  readonly statistic: string;
  readonly before: number;
  readonly after: number;
  /** after - before */
  readonly change: number;
}

export type Comparison =
  { readonly ok: true; readonly changes: readonly HeadChange[] } | { readonly ok: false; readonly why: string };

/** All changes, the largest first; statistics that only one run has are left out. */
export function compareHeads(before: StatisticTable, after: StatisticTable): Comparison {
  const names = Object.keys(before).filter((name) => Object.hasOwn(after, name));
  const shape = (table: StatisticTable): string => {
    const [first] = names.map((name) => table[name] ?? []);
    return `${first?.length ?? 0} layers of ${first?.[0]?.length ?? 0} heads`;
  };
  if (shape(before) !== shape(after)) {
    return {
      ok: false,
      why: `The runs have ${shape(before)} and ${shape(after)}; heads can be compared one by one only between models of the same shape.`,
    };
  }
  const changes = names.flatMap((statistic) =>
    (before[statistic] ?? []).flatMap((row, layer) =>
      row.map((value, head) => {
        const other = after[statistic]?.[layer]?.[head] ?? Number.NaN;
        return { layer, head, statistic, before: value, after: other, change: other - value };
      }),
    ),
  );
  return {
    ok: true,
    changes: changes
      .filter(({ change }) => Number.isFinite(change))
      .sort((a, b) => Math.abs(b.change) - Math.abs(a.change)),
  };
}
