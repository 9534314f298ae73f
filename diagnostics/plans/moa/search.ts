/**
 * One rule for each head: the least predicted loss at every profiled length within a budget of bytes at every length, as a mixed
 * integer program (arXiv:2406.14909, section 4.2), solved by HiGHS.
 *
 * With x_hp = 1 where head h takes rule p: sum over p of x_hp = 1 for each head; at each length the mean of the densities is between
 * `floor` D and D; optionally at most `perLayer` rules in a layer. There is one objective for each profiled length: the sum of the predicted
 * losses there. Plans that no other is better than at all lengths are found by epsilon constraints: each objective alone gives
 * the ranges; then each is minimised while the others are held below the end of one of the `intervals` parts of theirs. (The
 * released search holds them above its beginning too, which takes several times as long and finds no better plan.)
 */
import highs from 'highs';

export interface Program {
  /** [profiled lengths][heads][rules], at least 0. */
  readonly losses: readonly (readonly ArrayLike<number>[])[];
  /** [lengths][rules]: blocks that a head keeps, and how many there are in all. */
  readonly costs: readonly { readonly kept: readonly number[]; readonly all: number }[];
  /** D, the share of all blocks that are kept at most. */
  readonly density: number;
  /** The smallest share of D that must be kept; 0 sets no limit. */
  readonly floor: number;
  /** Heads of each layer, in the order of heads. */
  readonly layers: readonly (readonly number[])[];
  /** Rules of a layer at most; absent: any number. */
  readonly perLayer?: number;
  /** Parts into which the range of an objective is cut. */
  readonly intervals: number;
}

export interface Solution {
  /** By head: index of its rule. */
  readonly rules: readonly number[];
  /** By profiled length. */
  readonly losses: readonly number[];
  /** Whether nothing better exists; false where the solver stopped at `timeLimit` with the best solution so far. */
  readonly proved: boolean;
}

export type Solver = Awaited<ReturnType<typeof highs>>;

let opened: Promise<Solver> | undefined;

/** One for all searches: each program is a solver of its own inside it. */
export const openSolver = (): Promise<Solver> => (opened ??= highs());

/** Seconds for one program at most. */
export const timeLimit = 20;
/** Relative to the largest loss: of plans of equal loss the one that keeps less is taken. */
const tieBreak = 1e-6;

interface Range {
  readonly objective: number;
  readonly to: number;
  /** It holds nothing down. */
  readonly whole: boolean;
}

const sumOf = (losses: readonly ArrayLike<number>[], rules: readonly number[]): number =>
  rules.reduce((sum, rule, head) => sum + (losses[head]?.[rule] ?? 0), 0);

/** The objective of the largest losses, so that the solver's absolute tolerances are small beside it. */
const scaleOf = (losses: readonly ArrayLike<number>[]): number => {
  const most = losses.reduce((sum, head) => sum + Math.max(0, ...Array.from(head)), 0);
  return most > 0 ? 1000 / most : 1;
};

/** The rules with the least loss at one length under the ranges of the others; undefined where there are none. */
export function solved(
  solver: Solver,
  program: Program,
  objective: number,
  ranges: readonly Range[] = [],
): Solution | undefined {
  const result = solver.solve(text(program, objective, ranges), {
    mip_rel_gap: 1e-6,
    mip_abs_gap: 1e-9,
    time_limit: timeLimit,
    output_flag: false,
  });
  if (result.Status !== 'Optimal' && result.Status !== 'Time limit reached') return undefined;
  const heads = program.losses[0]?.length ?? 0;
  const rules = new Array<number>(heads).fill(-1);
  for (const [name, column] of Object.entries<{ readonly Primal?: number }>(result.Columns)) {
    const parts = /^x(\d+)_(\d+)$/.exec(name);
    if (parts && (column.Primal ?? 0) > 0.5) rules[Number(parts[1])] = Number(parts[2]);
  }
  if (rules.includes(-1)) return undefined;
  return {
    rules,
    losses: program.losses.map((losses) => sumOf(losses, rules)),
    proved: result.Status === 'Optimal',
  };
}

/** In the LP format of CPLEX, which HiGHS reads. */
function text(program: Program, objective: number, ranges: readonly Range[]): string {
  const { losses, costs, density, floor, layers, perLayer } = program;
  const heads = losses[0]?.length ?? 0;
  const rules = costs[0]?.kept.length ?? 0;
  const name = (head: number, rule: number): string => `x${head}_${rule}`;
  const each = <T>(of: (head: number, rule: number) => T): T[] =>
    Array.from({ length: heads }, (_, head) => Array.from({ length: rules }, (__, rule) => of(head, rule))).flat();
  const sum = (of: (head: number, rule: number) => number): string =>
    each((head, rule) => `${of(head, rule)} ${name(head, rule)}`).join(' + ');
  const own = losses[objective] ?? [];
  const scale = scaleOf(own);
  const size = (rule: number): number =>
    costs.reduce((total, { kept, all }) => total + (kept[rule] ?? 0) / all, 0) / costs.length;
  const tie = (tieBreak * 1000) / Math.max(1, heads);
  const lines = [
    'Minimize',
    ` loss: ${sum((head, rule) => scale * (own[head]?.[rule] ?? 0) + tie * (size(rule) + rule / rules / 1000))}`,
    'Subject To',
    ...Array.from(
      { length: heads },
      (_, head) => ` one${head}: ${Array.from({ length: rules }, (__, rule) => name(head, rule)).join(' + ')} = 1`,
    ),
    ...costs.flatMap(({ kept, all }, at) => {
      const blocks = sum((_, rule) => kept[rule] ?? 0);
      const most = density * all * heads;
      return [
        ` most${at}: ${blocks} <= ${most + 1e-9 * most}`,
        ...(floor > 0 ? [` least${at}: ${blocks} >= ${floor * most}`] : []),
      ];
    }),
    ...ranges.map(({ objective: other, to }, at) => {
      const table = losses[other] ?? [];
      const by = scaleOf(table);
      const total = sum((head, rule) => by * (table[head]?.[rule] ?? 0));
      return ` to${at}: ${total} <= ${by * to}`;
    }),
    ...(perLayer === undefined ? [] : limits(layers, rules, perLayer, name)),
  ];
  const variables = each(name);
  const used = perLayer === undefined ? [] : layers.flatMap((_, layer) => ruleNames(layer, rules));
  return [...lines, 'Binary', ` ${[...variables, ...used].join('\n ')}`, 'End', ''].join('\n');
}

const ruleNames = (layer: number, rules: number): readonly string[] =>
  Array.from({ length: rules }, (_, rule) => `y${layer}_${rule}`);

function limits(
  layers: readonly (readonly number[])[],
  rules: number,
  perLayer: number,
  name: (head: number, rule: number) => string,
): readonly string[] {
  return layers.flatMap((heads, layer) => [
    ` few${layer}: ${ruleNames(layer, rules).join(' + ')} <= ${perLayer}`,
    ...heads.flatMap((head) =>
      ruleNames(layer, rules).map((used, rule) => ` used${head}_${rule}: ${name(head, rule)} - ${used} <= 0`),
    ),
  ]);
}

/** Plans that none of the others is as good as everywhere and better than somewhere; the same rules count once. */
export function undominated(solutions: readonly Solution[]): readonly Solution[] {
  const different = [...new Map(solutions.map((one) => [one.rules.join(), one])).values()];
  return different.filter(
    (one) =>
      !different.some(
        (other) =>
          other !== one &&
          other.losses.every((loss, at) => loss <= (one.losses[at] ?? 0)) &&
          other.losses.some((loss, at) => loss < (one.losses[at] ?? 0)),
      ),
  );
}

/** Ranges of the other objectives, one program each; those of the objectives alone come first. */
export function* programs({ losses, intervals }: Program, alone: readonly Solution[]) {
  const ends = losses.map((_, objective) => {
    const found = alone.map((one) => one.losses[objective] ?? 0);
    return { from: Math.min(...found), to: Math.max(...found) };
  });
  for (const objective of losses.keys()) {
    let combinations: (readonly Range[])[] = [[]];
    for (const [other, { from, to }] of ends.entries()) {
      if (other === objective) continue;
      // A range of no length has one part.
      const parts = to > from ? intervals : 1;
      combinations = combinations.flatMap((before) =>
        Array.from({ length: parts }, (_, part) => [
          ...before,
          // Sums of the solver are rounded: the whole range is left open a hair.
          {
            objective: other,
            to: (part === parts - 1 ? 1 + 1e-9 : 1) * (from + ((to - from) * (part + 1)) / parts),
            whole: part === parts - 1,
          },
        ]),
      );
    }
    // Where no other objective is held down it is the objective alone, which is known.
    for (const ranges of combinations) if (!ranges.every(({ whole }) => whole)) yield { objective, ranges };
  }
}

/** All of it at once. */
export function search(solver: Solver, program: Program): readonly Solution[] {
  const alone = program.losses.flatMap((_, objective) => solved(solver, program, objective) ?? []);
  if (alone.length === 0) return [];
  const others = [...programs(program, alone)].flatMap(
    ({ objective, ranges }) => solved(solver, program, objective, ranges) ?? [],
  );
  return undominated([...alone, ...others]);
}
