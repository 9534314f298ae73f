/** Isolated regions and repositioned keys in runs: probabilities renormalised by hand, keys turned by hand, all else as it was. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import { areaOf, regionRows } from '../../../diagnostics/model-runner/regions';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { nearestRows } from '../../../protocol/interventions/reposition';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';

const n = ids.length;
const { signal } = new AbortController();

for (const family of ['gpt2', 'llama', 'gemma2'] as const) {
  describe(`regions of a prompt on ${family}`, () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny(family);
    });
    after(() => tiny.close());

    const lowered = async (...texts: readonly string[]): Promise<Variant> => {
      const { model } = tiny;
      const list = texts.map((text) => {
        const read = parseDo(text);
        assert.ok(read.ok, read.ok ? '' : read.why);
        return read.value;
      });
      const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
      return (await lower(of, [list])).variants[0]!;
    };
    const run = (variants: readonly Variant[], chunk = n) => {
      const { spec, sessions } = tiny.model;
      const names = ['attention.probabilities', 'attention.key', 'attention.value'] as const;
      const taps = [0, 1].flatMap((layer) => names.map((tap) => ({ layer, tap })));
      return runPrompt(spec, sessions, { ids, variants, chunk, logits: 'all', taps });
    };
    const tap = (result: RunResult, layer: number, name: LayerTap): Float32Array => {
      const data = result.layers[layer]?.taps[name]?.data;
      assert.ok(data instanceof Float32Array);
      return data;
    };
    const regionOf = (row: number): number => (row >= 2 && row <= 4 ? 1 : row === 8 || row === 9 ? 2 : 0);

    it('that are isolated: probabilities between them fall by e^-beta and rows are renormalised; 10000 leaves exactly 0', async () => {
      const plain = tap(await run([[]]), 0, 'attention.probabilities');
      const of = (p: Float32Array, head: number, i: number, j: number): number => p[(head * n + i) * n + j]!;
      for (const beta of [1.5, 10000]) {
        const found = tap(await run([await lowered(`isolate:0.1:2-4/8,9=${beta}`)]), 0, 'attention.probabilities');
        for (let head = 0; head < tiny.model.spec.blocks[0]!.attention!.heads; head++) {
          for (let i = 0; i < n; i++) {
            const factor = (j: number): number =>
              head === 1 && regionOf(i) > 0 && regionOf(j) > 0 && regionOf(i) !== regionOf(j) ? Math.exp(-beta) : 1;
            const apart = Array.from({ length: n }, (_, j) => factor(j)).some((each) => each !== 1);
            let [sum, whole] = [0, 0];
            for (let j = 0; j < n; j++) {
              sum += of(plain, head, i, j) * factor(j);
              whole += of(found, head, i, j);
            }
            assert.ok(Math.abs(whole - 1) < 1e-6);
            for (let j = 0; j < n; j++) {
              const [p, expected] = [of(found, head, i, j), (of(plain, head, i, j) * factor(j)) / sum];
              if (!apart) assert.equal(p, of(plain, head, i, j), 'rows that nothing is taken from, bit for bit');
              else assert.ok(Math.abs(p - expected) < 2e-6, `${p}, not ${expected}`);
              if (factor(j) === 0) assert.equal(p, 0);
            }
          }
        }
      }
    });

    it('that are isolated one way: the first reads nothing of the others, and every other row keeps its bits', async () => {
      const plain = tap(await run([[]]), 1, 'attention.probabilities');
      const found = tap(await run([await lowered('isolate:1.0:8,9>2-4/5=10000')]), 1, 'attention.probabilities');
      const { heads } = tiny.model.spec.blocks[1]!.attention!;
      for (let head = 0; head < heads; head++) {
        for (let i = 0; i < n; i++) {
          const row = (p: Float32Array): Float32Array => p.subarray((head * n + i) * n, (head * n + i + 1) * n);
          if (head > 0 || (i !== 8 && i !== 9)) assert.deepEqual(row(found), row(plain));
          else {
            assert.deepEqual([...row(found).subarray(2, 6)], [0, 0, 0, 0]);
            assert.ok(Math.abs(row(found).reduce((sum, value) => sum + value, 0) - 1) < 1e-6);
          }
        }
      }
    });

    it('of which there is one alone, or several in another order: the same bits', async () => {
      const logits = async (variant: Variant): Promise<unknown> => (await run([variant])).logits!.data;
      const one = [0, 1].map((layer) => ({
        kind: 'isolation' as const,
        layer,
        head: 0,
        regions: [[1, 2, 3, 4]],
        beta: 10000,
      }));
      assert.deepEqual(await logits(one), await logits([]));
      assert.deepEqual(
        await logits(await lowered('isolate:*.*:2-4/8,9/11=3')),
        await logits(await lowered('isolate:*.*:11/2-4/8,9=3')),
      );
    });

    it('in chunks, beside another variant and a uniform head, the same', async () => {
      const isolated = await lowered('isolate:*.*:2-4/8,9=2', 'uniform:1.0');
      const alone = (await run([isolated])).logits!.data as Float32Array;
      const beside = (await run([[], isolated], 3)).logits!.data as Float32Array;
      const own = beside.subarray(alone.length);
      assert.ok(alone.every((value, at) => Math.abs(value - own[at]!) < 2e-5));
      assert.deepEqual(await lowered('isolate:*.*:2-4/8,9=0'), []);
    });

    it('that are repositioned: keys before rotation and values are those of the other place, resized', async () => {
      const plain = await run([[]]);
      const moved = await run([await lowered('reposition:1:2-3>6-9')]);
      const { kvHeads, headDim, rope: index } = tiny.model.spec.blocks[1]!.attention!;
      const rope = index === undefined ? undefined : tiny.model.spec.ropes[index];
      const rowOf = (result: RunResult, name: LayerTap, head: number, row: number): number[] => [
        ...tap(result, 1, name).subarray((head * n + row) * headDim, (head * n + row + 1) * headDim),
      ];
      const unturned = (row: number[], position: number): number[] => {
        if (!rope) return row;
        const half = rope.dimensions / 2;
        const out = [...row];
        for (let i = 0; i < half; i++) {
          const angle = position * rope.theta ** ((-2 * i) / rope.dimensions);
          const [x, y] = [row[i]!, row[i + half]!];
          out[i] = x * Math.cos(angle) + y * Math.sin(angle);
          out[i + half] = y * Math.cos(angle) - x * Math.sin(angle);
        }
        return out;
      };
      const near = (a: readonly number[], b: readonly number[]) =>
        a.forEach((value, at) => assert.ok(Math.abs(value - b[at]!) < 1e-5, `${value}, not ${b[at]!}`));
      for (let head = 0; head < kvHeads; head++) {
        for (let row = 0; row < n; row++) {
          // Two rows over four: each twice.
          const source = row >= 6 && row <= 9 ? 2 + Math.floor((row - 6) / 2) : row;
          const key = unturned(rowOf(moved, 'attention.key', head, row), row);
          near(key, unturned(rowOf(plain, 'attention.key', head, source), source));
          assert.deepEqual(rowOf(moved, 'attention.value', head, row), rowOf(plain, 'attention.value', head, source));
        }
      }
      assert.deepEqual(await lowered('reposition:*:2-5>2-5'), []);
    });
  });
}

describe('regions', () => {
  const image = {
    ...{ name: 'p', path: 'p', sha256: '', width: 8, height: 6, start: 2, end: 15, tokens: 13 },
    // Rows of patches end in a newline token; the whole picture begins at the second image token.
    tiles: [{ x: 0, y: 0, width: 8, height: 6, rows: 3, columns: 3, first: 1, stride: 4 }],
  };
  const sequence = { ids: Array.from({ length: 20 }, (_, at) => at), image };
  const box = (top: number, bottom: number, left: number, right: number) => ({
    rows: { start: top, end: bottom + 1 },
    columns: { start: left, end: right + 1 },
  });

  it('name the rows of their patches, and share none', () => {
    const corner = areaOf(sequence, box(1, 2, 0, 1));
    assert.deepEqual(corner, { ok: true, value: { positions: [7, 8, 11, 12], rows: 2, columns: 2 } });
    const two = regionRows(sequence, [[box(0, 0, 0, 2)], [box(2, 2, 2, 2), { start: 17, end: 19 }]]);
    assert.deepEqual(two, {
      ok: true,
      value: [
        [3, 4, 5],
        [13, 17, 18],
      ],
    });
    const shared = regionRows(sequence, [[box(0, 1, 0, 0)], [{ start: 7, end: 8 }]]);
    assert.ok(!shared.ok && /^Position 7 is in the regions 0-1x0 and 7\./.test(shared.why));
    const outside = areaOf(sequence, box(0, 3, 0, 0));
    assert.ok(!outside.ok && /3 rows and 3 columns/.test(outside.why));
    assert.ok(!areaOf({ ids: [1, 2] }, box(0, 0, 0, 0)).ok && !areaOf(sequence, { start: 3, end: 21 }).ok);
  });

  it('are resized by nearest neighbours: to twice the size every place stands four times, and back it is the same', () => {
    const small = { rows: 2, columns: 3 };
    const large = { rows: 4, columns: 6 };
    const up = nearestRows(small, large);
    assert.deepEqual(up.slice(0, 12), [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
    for (let at = 0; at < 6; at++) assert.equal(up.filter((each) => each === at).length, 4);
    assert.deepEqual(
      nearestRows(large, small).map((at) => up[at]),
      [0, 1, 2, 3, 4, 5],
    );
  });
});
