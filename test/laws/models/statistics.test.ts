import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { localWindow } from '../../../compute-server/model/run/stream/statistics-layout';
import { HeadView } from '../../../compute-server/heads/head-view';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';
import { tinyVariants } from '../../support/checkpoints/tiny-variants';
import { statisticsOfMap } from '../../support/map-statistics';
import { generate } from '../../support/generate';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const length = ids.length;
const range = Array.from({ length }, (_, i) => i);

/** The definitions of head-statistics.ts over a whole matrix. */
function expected(p: (i: number, j: number) => number) {
  const all = range;
  const later = all.slice(1);
  const earlier = (i: number): number[] =>
    all
      .filter((j) => j < i && ids[j] === ids[i])
      .sort((a, b) => b - a)
      .slice(0, 4);
  const repeated = all.filter((i) => earlier(i).length > 0);
  const sum = (keys: readonly number[], i: number): number => keys.reduce((total, j) => total + p(i, j), 0);
  return {
    previousToken: mean(later.map((i) => p(i, i - 1))),
    firstToken: mean(later.map((i) => p(i, 0))),
    selfToken: mean(all.map((i) => p(i, i))),
    entropy: mean(
      all.map((i) => all.reduce((total, j) => (p(i, j) > 0 ? total - p(i, j) * Math.log(p(i, j)) : total), 0)),
    ),
    meanDistance: mean(all.map((i) => all.reduce((total, j) => total + p(i, j) * (i - j), 0))),
    localWindow: mean(
      all.map((i) =>
        sum(
          all.filter((j) => j <= i && j > i - localWindow),
          i,
        ),
      ),
    ),
    induction: mean(
      repeated.map((i) =>
        sum(
          earlier(i)
            .map((j) => j + 1)
            .filter((j) => j < i),
          i,
        ),
      ),
    ),
    duplicateToken: mean(repeated.map((i) => sum(earlier(i), i))),
  };
}

describe('statistics of heads that read in both directions', () => {
  const around = tinyVariants.find(({ name }) => name.startsWith('gemma3: in both directions')) ?? assert.fail();
  for (const which of ['bert', around]) {
    it(`${typeof which === 'string' ? which : which.name}: by chance, a key gets as much as any that is read`, async () => {
      const tiny = await openTiny(which);
      const { spec, sessions } = tiny.model;
      const taps = spec.blocks.map((_, layer) => ({ layer, tap: 'attention.probabilities' as const }));
      const run = await runPrompt(spec, sessions, { ids, chunk: 6, logits: 'none', statistics: true, taps });
      for (const result of run.layers) {
        const data = result.taps['attention.probabilities']?.data as Float32Array;
        const read = (i: number): readonly number[] => range.filter((j) => (data[i * length + j] ?? 0) > 0);
        const share = (i: number, keys: readonly number[]): number => keys.length / read(i).length;
        const chance = {
          firstToken: mean(
            range.slice(1).map((i) =>
              share(
                i,
                read(i).filter((j) => j === 0),
              ),
            ),
          ),
          selfToken: mean(range.map((i) => share(i, [i]))),
          localWindow: mean(
            range.map((i) =>
              share(
                i,
                read(i).filter((j) => j <= i && j > i - localWindow),
              ),
            ),
          ),
        };
        for (const [key, value] of Object.entries(chance)) {
          const found = result.statistics?.permutation.mean[key as 'selfToken'] ?? Number.NaN;
          assert.ok(Math.abs(found - value) <= 1e-6, `${key} of layer ${result.layer}: ${found}, not ${value}`);
        }
      }
      await tiny.close();
    });
  }
});

for (const name of ['llama', 'mistral, window 7', 'gpt2']) {
  describe(`statistics of heads: ${name}`, () => {
    it('are those of the whole matrix, in any chunks', async () => {
      const tiny = await openTiny(name);
      const { spec, sessions } = tiny.model;
      const whole = await runPrompt(spec, sessions, {
        ids,
        chunk: length,
        logits: 'none',
        taps: spec.blocks.map((_, layer) => ({ layer, tap: 'attention.probabilities' as const })),
      });
      const groups = [{ name: 'a few', positions: [2, 5, 6] }];
      for (const chunk of [length, 6, 1]) {
        const run = await runPrompt(spec, sessions, {
          ids,
          chunk,
          logits: 'none',
          statistics: true,
          thumbnails: true,
          groups,
        });
        for (const [layer, result] of run.layers.entries()) {
          const data = whole.layers[layer]?.taps['attention.probabilities']?.data as Float32Array;
          const { heads } = spec.blocks[layer]?.attention ?? { heads: 0 };
          for (let head = 0; head < heads; head++) {
            const p = (i: number, j: number): number => data[(head * length + i) * length + j] ?? 0;
            for (const [key, value] of Object.entries(expected(p))) {
              const found = result.statistics?.[key as 'entropy'][head] ?? Number.NaN;
              assert.ok(
                Math.abs(found - value) <= 2e-5,
                `${key} of layer ${layer} head ${head}: ${found}, not ${value}`,
              );
            }
            const naive = statisticsOfMap(data.subarray(head * length ** 2, (head + 1) * length ** 2), ids);
            for (const [key, value] of Object.entries(naive)) {
              const found = result.statistics?.[key as 'entropy'][head] ?? Number.NaN;
              assert.ok(Math.abs(found - value) <= 2e-5, `${key} by the bench's own way: ${found}, not ${value}`);
            }
            // Dealt to the m keys that a query reads, a key gets 1/m of it: the keys are those that have a probability.
            const read = (i: number): readonly number[] => range.filter((j) => p(i, j) > 0);
            const chance = {
              previousToken: mean(range.slice(1).map((i) => 1 / read(i).length)),
              firstToken: mean(range.slice(1).map((i) => (read(i).includes(0) ? 1 / read(i).length : 0))),
              selfToken: mean(range.map((i) => 1 / read(i).length)),
              localWindow: mean(range.map((i) => Math.min(localWindow, read(i).length) / read(i).length)),
            };
            for (const [key, value] of Object.entries(chance)) {
              const found = result.statistics?.permutation.mean[key as 'selfToken'] ?? Number.NaN;
              assert.ok(
                Math.abs(found - value) <= 1e-6,
                `${key} by chance, in chunks of ${chunk}: ${found}, not ${value}`,
              );
            }
            const queries = Array.from({ length: length - 2 }, (_, i) => i + 2);
            const mass = mean(queries.map((i) => p(i, 2) + p(i, 5) + p(i, 6)));
            assert.ok(Math.abs((result.statistics?.groups['a few']?.[head] ?? Number.NaN) - mass) <= 1e-5);
            // Shorter than the picture: one pixel is one pair.
            const pixel = (i: number, j: number): number => result.thumbnail?.[(head * 32 + i) * 32 + j] ?? Number.NaN;
            for (const [i, j] of [
              [3, 1],
              [9, 9],
              [19, 12],
            ] as const)
              assert.ok(Math.abs(pixel(i, j) - p(i, j)) <= 1e-6);
          }
        }
      }
      await tiny.close();
    });

    it('the picture holds the mean mass of blocks of queries on blocks of keys, wherever chunks cut them', async () => {
      const tiny = await openTiny(name);
      const { spec, sessions } = tiny.model;
      for (const [count, chunk] of [
        [50, 16],
        [50, 50],
        [64, 16],
        [64, 6],
      ] as const) {
        const long = Array.from({ length: count }, (_, i) => ids[(i * i) % length] ?? 0);
        const taps = spec.blocks.map((_, layer) => ({ layer, tap: 'attention.probabilities' as const }));
        const groups = [
          { name: 'late', positions: [count - 10, count - 11] },
          { name: 'early', positions: [1] },
        ];
        const whole = await runPrompt(spec, sessions, { ids: long, chunk: count, logits: 'none', taps });
        const run = await runPrompt(spec, sessions, {
          ids: long,
          chunk,
          logits: 'none',
          statistics: true,
          thumbnails: true,
          groups,
        });
        const block = (position: number): number => Math.floor((position * 32) / count);
        for (const [layer, result] of run.layers.entries()) {
          const data = whole.layers[layer]?.taps['attention.probabilities']?.data as Float32Array;
          const p = (i: number, j: number): number => data[(count + i) * count + j] ?? 0;
          const all = Array.from({ length: count }, (_, i) => i);
          for (const [row, column] of [
            [0, 0],
            [13, 7],
            [31, 0],
            [31, 31],
            [20, 19],
          ] as const) {
            const queries = all.filter((i) => block(i) === row);
            const keys = all.filter((j) => block(j) === column);
            const direct = mean(queries.map((i) => keys.reduce((sum, j) => sum + p(i, j), 0)));
            const drawn = result.thumbnail?.[(32 + row) * 32 + column] ?? Number.NaN;
            assert.ok(
              Math.abs(drawn - direct) <= 1e-6,
              `${count} by ${chunk}, ${row}, ${column}: ${drawn}, not ${direct}`,
            );
          }
          for (const { name: group, positions } of groups) {
            const queries = all.filter((i) => i >= Math.min(...positions));
            const direct = mean(queries.map((i) => positions.reduce((sum, j) => sum + p(i, j), 0)));
            assert.ok(Math.abs((result.statistics?.groups[group]?.[1] ?? Number.NaN) - direct) <= 1e-6, group);
          }
        }
      }
      await tiny.close();
    });

    it('the keys read most are those of the whole matrix, also where a chunk holds one key', async () => {
      const tiny = await openTiny(name);
      const { spec, sessions } = tiny.model;
      const taps = spec.blocks.map((_, layer) => ({ layer, tap: 'attention.probabilities' as const }));
      const whole = await runPrompt(spec, sessions, { ids, chunk: length, logits: 'none', taps });
      for (const chunk of [1, 3, length]) {
        const run = await runPrompt(spec, sessions, { ids, chunk, logits: 'none', topKeys: 'all' });
        const last = await runPrompt(spec, sessions, { ids, chunk, logits: 'none', topKeys: 'last' });
        for (const [layer, { top }] of run.layers.entries()) {
          assert.ok(top);
          const ofLast = last.layers[layer]?.top;
          assert.deepEqual(ofLast?.keys, top.keys.slice((length - 1) * top.heads * top.k));
          assert.deepEqual(ofLast.weights, top.weights.slice((length - 1) * top.heads * top.k));
          const data = whole.layers[layer]?.taps['attention.probabilities']?.data as Float32Array;
          for (let head = 0; head < top.heads; head++) {
            for (let i = 0; i < length; i++) {
              const row = Array.from(data.subarray((head * length + i) * length, (head * length + i + 1) * length));
              const readable = Math.min(i + 1, spec.blocks[layer]?.attention!.window ?? Infinity);
              const at = (i * top.heads + head) * top.k;
              const largest = [...row].sort((a, b) => b - a).slice(0, Math.min(top.k, readable));
              largest.forEach((weight, slot) => {
                assert.ok(Math.abs(weight - (top.weights[at + slot] ?? Number.NaN)) <= 1e-6);
                assert.ok(Math.abs(weight - (row[top.keys[at + slot] ?? -1] ?? Number.NaN)) <= 1e-6);
              });
              for (let slot = largest.length; slot < top.k; slot++) assert.ok(!(top.weights[at + slot] ?? 1));
            }
          }
        }
      }
      await tiny.close();
    });

    it('rectangles of one head are cut from the same matrix', async () => {
      const tiny = await openTiny(name);
      const { spec, sessions } = tiny.model;
      const layer = 1;
      const whole = await runPrompt(spec, sessions, {
        ids,
        chunk: length,
        logits: 'none',
        taps: [{ layer, tap: 'attention.probabilities' }],
      });
      const data = whole.layers[layer]?.taps['attention.probabilities']?.data as Float32Array;
      const view = await HeadView.open(tiny.model, { ids }, [], layer, 6);
      const tile = await view.tile({
        head: 2,
        rowStart: 4,
        rowCount: 10,
        columnStart: 3,
        columnCount: 12,
        outRows: 10,
        outColumns: 12,
      });
      for (let i = 0; i < 10; i++) {
        for (let j = 0; j < 12; j++) {
          const direct = data[(2 * length + 4 + i) * length + 3 + j] ?? Number.NaN;
          assert.ok(Math.abs((tile.data[i * 12 + j] ?? Number.NaN) - direct) <= 1e-6);
        }
      }
      const pooled = await view.tile({
        head: 2,
        rowStart: 0,
        rowCount: 20,
        columnStart: 0,
        columnCount: 20,
        outRows: 4,
        outColumns: 5,
      });
      const block = Math.max(
        ...[5, 6, 7, 8, 9].flatMap((i) => [0, 1, 2, 3].map((j) => data[(2 * length + i) * length + j] ?? 0)),
      );
      assert.ok(Math.abs((pooled.data[1 * 5] ?? Number.NaN) - block) <= 1e-6);
      await tiny.close();
    });

    it('decoding against the cache chooses what whole runs choose', async () => {
      const tiny = await openTiny(name);
      const { spec, sessions } = tiny.model;
      const made: number[] = [];
      const sampling = { temperature: 0, topP: 1, seed: 0 };
      for await (const { id, logits } of generate(spec, sessions, {
        ids,
        chunk: 6,
        maxNewTokens: 12,
        stopIds: [],
        sampling,
      })) {
        const whole = await runPrompt(spec, sessions, { ids: [...ids, ...made], chunk: 64, logits: 'last' });
        const direct = whole.logits?.data as Float32Array;
        direct.forEach((logit, i) => assert.ok(Math.abs(logit - (logits[i] ?? Number.NaN)) <= 1e-4));
        made.push(id);
      }
      assert.equal(made.length, 12);
      await tiny.close();
    });
  });
}
