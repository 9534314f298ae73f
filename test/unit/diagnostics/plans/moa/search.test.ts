/** The search for rules, against all plans there are, and on heads that are known to read somewhere. */
import assert from 'node:assert/strict';
import { blockInfluence, blocksOf } from '../../../../../diagnostics/plans/moa/influence';
import { candidateRules, diagonalBlocks, keptBlocks, lossByWindow } from '../../../../../diagnostics/plans/moa/rules';
import {
  openSolver,
  search,
  undominated,
  type Program,
  type Solution,
} from '../../../../../diagnostics/plans/moa/search';
import { random } from '../../../../../kernels/tensors/random';

/** Every plan within the budget. */
function everyPlan({ losses, costs, density, floor, layers, perLayer = Infinity }: Program): readonly Solution[] {
  const heads = losses[0]?.length ?? 0;
  const count = costs[0]?.kept.length ?? 0;
  const plans: Solution[] = [];
  for (let code = 0; code < count ** heads; code++) {
    const rules = Array.from({ length: heads }, (_, head) => Math.floor(code / count ** head) % count);
    const fits = costs.every(({ kept, all }) => {
      const mean = rules.reduce((sum, rule) => sum + (kept[rule] ?? 0) / all, 0) / heads;
      return mean <= density + 1e-9 && mean >= floor * density - 1e-9;
    });
    const few = layers.every((own) => new Set(own.map((head) => rules[head])).size <= perLayer);
    if (!fits || !few) continue;
    plans.push({
      rules,
      losses: losses.map((table) => rules.reduce((sum, rule, head) => sum + (table[head]?.[rule] ?? 0), 0)),
      proved: true,
    });
  }
  return plans;
}

/** Random heads: what a rule drops falls with what it keeps. */
function drawn(seed: number, more: Partial<Program> = {}): Program {
  const source = random(seed);
  const [heads, rules] = [4, 6];
  const kept = [8, 12].map((all) => ({
    all,
    kept: Array.from({ length: rules }, (_, rule) => Math.min(all, 1 + rule + source.whole(2))),
  }));
  const losses = kept.map(({ kept: own, all }) =>
    Array.from({ length: heads }, () => {
      const size = source.uniform() ** 3;
      return own.map((blocks) => size * (1 - blocks / all) ** (1 + 2 * source.uniform()));
    }),
  );
  return {
    losses,
    costs: kept,
    density: 0.45,
    floor: 0.6,
    layers: [
      [0, 1],
      [2, 3],
    ],
    intervals: 4,
    ...more,
  };
}

describe('the search for rules', () => {
  let solver: Awaited<ReturnType<typeof openSolver>>;
  before(async () => (solver = await openSolver()));

  for (const [what, more] of [
    ['any rules', {}],
    ['two rules a layer and no floor', { perLayer: 1, floor: 0 }],
  ] as const) {
    it(`finds the best of all plans at each length, and none that another is better than: ${what}`, () => {
      for (let seed = 1; seed <= 3; seed++) {
        const program = drawn(seed, more);
        const all = everyPlan(program);
        const front = undominated(all);
        const found = search(solver, program);
        assert.ok(all.length > 10 && found.length > 0, `seed ${seed}: ${all.length} plans`);
        for (const length of program.losses.keys()) {
          const least = Math.min(...all.map(({ losses }) => losses[length] ?? 0));
          const own = Math.min(...found.map(({ losses }) => losses[length] ?? 0));
          assert.ok(
            Math.abs(own - least) <= 1e-6 * (1 + least),
            `seed ${seed}, length ${length}: ${own}, not ${least}`,
          );
        }
        for (const { rules, losses } of found) {
          assert.ok(
            front.some((one) => one.losses.every((loss, at) => Math.abs(loss - (losses[at] ?? 0)) < 1e-6)),
            `seed ${seed}: ${rules.join()} is not of the front`,
          );
          assert.ok(
            all.some((one) => one.rules.join() === rules.join()),
            `seed ${seed}: over the budget`,
          );
        }
      }
    });
  }

  it('finds a plan between the extremes: the second best at both lengths, where each best is the worst at the other', () => {
    // One head and four rules that keep alike: the last is worse than the one between at both lengths.
    const losses = [[[0, 3, 10, 4]], [[10, 3, 0, 4]]];
    const costs = [8, 12].map((all) => ({ all, kept: [4, 4, 4, 4] }));
    const program: Program = { losses, costs, density: 1, floor: 0, layers: [[0]], intervals: 2 };
    const found = search(solver, program)
      .map((one) => [...one.rules, ...one.losses])
      .sort(([a = 0], [b = 0]) => a - b);
    assert.deepEqual(found, [
      [0, 0, 10],
      [1, 3, 3],
      [2, 10, 0],
    ]);
  });

  it('finds nothing where no plan fits the budget', () =>
    assert.deepEqual(search(solver, drawn(1, { density: 0.05 })), []));

  it('gives a local head the least, one that reads from half the text a slope, one that reads from far a fixed span', () => {
    const [block, far] = [8, 100];
    const profiled = [256, 512];
    const lengths = [...profiled, 1024];
    const rules = candidateRules({ profiled, lengths, step: 32 });
    /** Where the query reads: itself and the one before, half the text back, 100 back. */
    const reads = [
      (_: number, row: number) => row - 1,
      (n: number, row: number) => row - n / 2,
      (_: number, row: number) => row - far,
    ];
    const losses = profiled.map((n) =>
      reads.map((read) => {
        const weights = new Float32Array(n * n);
        const gradients = new Float32Array(n * n);
        for (let row = 0; row < n; row++) {
          const key = read(n, row);
          if (key < 0) {
            weights[row * n + row] = 1;
            continue;
          }
          weights[row * n + row] = 0.1;
          weights[row * n + key] = 0.9;
          gradients[row * n + key] = -1;
        }
        const blocks = blocksOf(n, block);
        const byWindow = lossByWindow(blockInfluence(weights, gradients, n, { block, blocks }), blocks);
        return rules.map((rule) => byWindow[Math.min(blocks, diagonalBlocks(rule, n, block))] ?? 0);
      }),
    );
    const costs = lengths.map((n) => ({
      all: blocksOf(n, block),
      kept: rules.map((rule) => keptBlocks(rule, n, block)),
    }));
    const found = search(solver, { losses, costs, density: 0.5, floor: 0, layers: [[0, 1, 2]], intervals: 2 });
    assert.equal(found.length, 1, 'one plan loses nothing at any length');
    const [local, half, fixed] = found[0]?.rules.map((rule) => rules[rule]) ?? [];
    assert.deepEqual(found[0]?.losses, [0, 0]);
    const smallest = Math.min(...costs[1]!.kept);
    assert.equal(keptBlocks(local!, 512, block), smallest, 'the local head keeps the least there is');
    assert.ok(half!.beta >= 0.5, JSON.stringify(half));
    assert.ok(fixed!.beta === 0 && fixed!.alpha >= far, JSON.stringify(fixed));
  });
});
