/** Later sinks and their calibration in heads whose maps are known: the rules of ACT (arXiv:2406.15765), expected values by hand. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { calibrated, type ColumnRule } from '../../../diagnostics/interventions/act/calibration';
import { columnStrengths } from '../../../diagnostics/interventions/act/columns';
import { sinksOf } from '../../../diagnostics/interventions/act/sinks';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { plantedMaps } from '../../support/checkpoints/planted-maps';
import { runnerOf } from '../../support/model-jobs';

type Map = readonly (readonly number[])[];

/** Columns that have a mass in all rows that read them; the rest of a row is even over all other keys. */
const withColumns = (n: number, columns: Readonly<Record<number, number>>): Map =>
  Array.from({ length: n }, (_, row) => {
    const given = Array.from({ length: row + 1 }, (__, key) => columns[key] ?? 0);
    const left = 1 - given.reduce((sum, p) => sum + p, 0);
    const others = given.filter((p) => p === 0).length;
    // Where every key has its column the row is made to sum to 1.
    return given.map((p) => (others === 0 ? p / (1 - left) : p === 0 ? left / others : p));
  });

const previous = (n: number): Map =>
  Array.from({ length: n }, (_, row) =>
    Array.from({ length: row + 1 }, (__, key) => Number(key === Math.max(0, row - 1))),
  );

const byAlpha: ColumnRule = { kind: 'columns', alpha: 5 };
const byStrength: ColumnRule = { kind: 'columns', strength: 0.1 };

const idsOf = (n: number): readonly number[] => Array.from({ length: n }, (_, at) => at % 60);

describe('calibrated heads', () => {
  const opened: OpenPlanted[] = [];
  const runnerOn = async (maps: readonly Map[]): Promise<ModelRunner> => {
    const one = await openPlanted(plantedMaps(maps));
    opened.push(one);
    return runnerOf(one.model);
  };
  after(async () => {
    for (const one of opened) await one.close();
  });

  const headsIn = (maps: readonly Map[]) => maps.map((_, head) => ({ layer: 0, head }));
  const found = async (maps: readonly Map[], rules: readonly ColumnRule[]) => {
    const ids = idsOf(maps[0]?.length ?? 0);
    const tables = await sinksOf(await runnerOn(maps), { ids }, { variant: [], heads: headsIn(maps), rules });
    return tables.map(([layer]) => layer);
  };

  describe('of 24 tokens', () => {
    const n = 24;
    const ids = idsOf(n);
    const maps: readonly Map[] = [
      withColumns(n, { 0: 0.3, 5: 0.5 }),
      previous(n),
      // The first token is below the threshold: the first key that is above it is a sink all the same.
      withColumns(n, { 1: 0.6 }),
      withColumns(n, {}),
    ];
    let model: ModelRunner;
    before(async () => {
      model = await runnerOn(maps);
    });
    const mapsOf = async (variant: Variant) => {
      const { layers } = await model.run({ ids, variants: [variant], maps: headsIn(maps), logits: 'none' });
      return maps.map((_, head) => layers[0]?.maps.get(head) ?? assert.fail());
    };
    const under = (beta: number): Variant => calibrated([], headsIn(maps), { rule: byAlpha, beta, prompt: n });
    const near = (found: number | undefined, expected: number, what: string): void =>
      assert.ok(Math.abs((found ?? Number.NaN) - expected) <= 2e-6, `${what}: ${found}, not ${expected}`);

    it('have sinks behind the first token where the mean of a column is above 5 / n, and enough queries read it', async () => {
      const [sinks] = await sinksOf(model, { ids }, { variant: [], heads: headsIn(maps), rules: [byAlpha] });
      // For a head that reads the token before, c_k = 1 / (n - k): the last keys are no sinks, as fewer than 9.6 queries read them.
      assert.deepEqual(sinks?.[0], [[5], [], [1], []]);
    });

    it('keep beta of the attention on sinks in every row, and all other keys of a row grow by one factor', async () => {
      const plain = await mapsOf([]);
      for (const beta of [0, 0.4]) {
        const [changed = new Float32Array(0)] = await mapsOf(under(beta));
        for (let row = 0; row < n; row++) {
          let sum = 0;
          for (let key = 0; key < n; key++) {
            const p = maps[0]?.[row]?.[key] ?? 0;
            near(plain[0]?.[row * n + key], p, 'the planted map');
            const on = row < 5 ? 0 : (maps[0]?.[row]?.[5] ?? 0);
            const expected = key === 5 ? beta * p : p * (1 + ((1 - beta) * on) / (1 - on));
            const value = changed[row * n + key] ?? Number.NaN;
            near(value, expected, `beta ${beta}, row ${row}, key ${key}`);
            assert.ok(value >= 0);
            if (key > row || (key === 5 && beta === 0)) assert.equal(value, 0);
            if (key === 0) assert.ok(value >= (plain[0]?.[row * n] ?? 1), 'the first token only gets');
            sum += value;
          }
          near(sum, 1, 'the sum of a row');
        }
      }
    });

    it('with beta 1, and heads without sinks, do not change by a bit', async () => {
      const plain = await mapsOf([]);
      assert.deepEqual(await mapsOf(under(1)), plain);
      const changed = await mapsOf(under(0.4));
      assert.deepEqual([changed[1], changed[3]], [plain[1], plain[3]]);
      assert.notDeepEqual(changed[2], plain[2]);
    });

    it('show their column strengths: of even attention (H_n - H_k) / (n - k), H the harmonic numbers', async () => {
      const harmonic = (k: number): number =>
        Array.from({ length: k }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b, 0);
      const exact = Array.from({ length: n }, (_, k) => (harmonic(n) - harmonic(k)) / (n - k));
      const reads = (row: number) => [0, row + 1] as const;
      const even = withColumns(n, {});
      const flat = Array.from({ length: n * n }, (_, at) => even[Math.floor(at / n)]?.[at % n] ?? 0);
      columnStrengths(flat, n, reads).forEach((c, k) => assert.ok(Math.abs(c - (exact[k] ?? 0)) < 1e-9));
      const run = (await mapsOf([]))[3] ?? [];
      columnStrengths(run, n, reads).forEach((c, k) => near(c, exact[k] ?? Number.NaN, `key ${k}`));
    });

    it('leave a row alone that gives all it has to sinks', async () => {
      const map = withColumns(n, { 0: 0.3, 5: 0.5 }).map((row, at) =>
        at === 20 ? row.map((_, key) => Number(key === 5)) : row,
      );
      const own = await runnerOn([map]);
      const { layers } = await own.run({
        ids,
        variants: [calibrated([], [{ layer: 0, head: 0 }], { rule: byAlpha, beta: 0.4, prompt: n })],
        maps: [{ layer: 0, head: 0 }],
        logits: 'none',
      });
      const changed = layers[0]?.maps.get(0) ?? assert.fail();
      assert.equal(changed[20 * n + 5], 1);
      near(changed[19 * n + 5], 0.2, 'the row before');
    });
  });

  it('have the same sinks by alpha = 5 as by a strength of 0.1 in a prompt of 50 tokens', async () => {
    const [alpha, strength] = await found(
      [withColumns(50, { 0: 0.3, 4: 0.12, 9: 0.09, 20: 0.2 })],
      [byAlpha, byStrength],
    );
    assert.deepEqual(alpha, [[4, 20]]);
    assert.deepEqual(strength, alpha);
  });

  it('have others in shorter and longer prompts', async () => {
    // 5 / 20 = 0.25, and a strength of 0.1 wants 20 queries; 5 / 200 = 0.025.
    const short = await found([withColumns(20, { 0: 0.3, 3: 0.4, 6: 0.2 })], [byAlpha, byStrength]);
    assert.deepEqual(short, [[[3]], [[]]]);
    const long = await found([withColumns(200, { 0: 0.3, 4: 0.12, 9: 0.06 })], [byAlpha, byStrength]);
    assert.deepEqual(long, [[[4, 9]], [[4]]]);
  });
});
