import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { HeadView } from '../../../compute-server/heads/head-view';
import { positionAt, withoutSpan, type Sequence } from '../../../diagnostics/model-runner/sequence';
import { openTiny, promptIds, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { generate } from '../../support/generate';

const floats = (data: unknown): Float32Array => {
  assert.ok(data instanceof Float32Array);
  return data;
};

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++) {
    const error = Math.abs((found[i] ?? NaN) - (expected[i] ?? NaN));
    assert.ok(error <= tolerance, `${what} differs by ${error} at ${i}`);
  }
}

describe('sequences of a run', () => {
  const opened: OpenTiny[] = [];
  const open = async (name: string): Promise<OpenTiny> => {
    const tiny = await openTiny(name);
    opened.push(tiny);
    return tiny;
  };
  after(async () => {
    for (const tiny of opened) await tiny.close();
  });

  describe('a span removed', () => {
    const sequence: Sequence = {
      ids: [10, 11, 12, 13, 14, 15],
      embeddings: { rows: [1, 4], data: Float32Array.of(1, 1, 4, 4) },
      prefix: 5,
      groups: [
        { name: 'a', positions: [0, 2, 5] },
        { name: 'gone', positions: [2, 3] },
      ],
    };

    it('moves rows, groups, embeddings and the prefix up', () => {
      const short = withoutSpan(sequence, { start: 2, end: 4 }, 'contiguous');
      assert.deepEqual(short, {
        ids: [10, 11, 14, 15],
        embeddings: { rows: [1, 2], data: Float32Array.of(1, 1, 4, 4) },
        prefix: 3,
        groups: [{ name: 'a', positions: [0, 3] }],
      });
    });

    it('keeps the positions of the rows where it is asked to, and generated rows go on behind them', () => {
      const short = withoutSpan(sequence, { start: 2, end: 4 }, 'original');
      assert.deepEqual(short.positions, [0, 1, 4, 5]);
      assert.deepEqual(
        [4, 5].map((row) => positionAt(short, row)),
        [6, 7],
      );
      const twice = withoutSpan(short, { start: 0, end: 1 }, 'original');
      assert.deepEqual(twice.positions, [1, 4, 5]);
      assert.deepEqual(withoutSpan(short, { start: 1, end: 2 }, 'contiguous').positions, [0, 1, 2]);
    });

    it('refuses what is no span', () => {
      assert.throws(() => withoutSpan(sequence, { start: 3, end: 3 }, 'contiguous'), RangeError);
      assert.throws(() => withoutSpan(sequence, { start: 3, end: 7 }, 'contiguous'), RangeError);
    });
  });

  const [start, end] = [5, 11];
  for (const name of ['llama', 'qwen3, heads wider than hidden', 'gemma2', 'mistral, window 7', 'gpt2', 'opt']) {
    it(`${name}: contiguous positions give the very run of the shorter prompt`, async () => {
      const { model } = await open(name);
      const short = withoutSpan({ ids: promptIds }, { start, end }, 'contiguous');
      const ids = [...promptIds.slice(0, start), ...promptIds.slice(end)];
      const plain = await runPrompt(model.spec, model.sessions, { ids, chunk: 4, logits: 'all' });
      const cut = await runPrompt(model.spec, model.sessions, { ...short, chunk: 4, logits: 'all' });
      assert.deepEqual(cut.logits, plain.logits);
    });

    it(`${name}: with the original positions it is the whole run in which nobody reads the span`, async () => {
      const { model } = await open(name);
      const short = withoutSpan({ ids: promptIds }, { start, end }, 'original');
      const span = { name: 'span', positions: promptIds.map((_, i) => i).slice(start, end) };
      const blocked = model.spec.blocks.flatMap(({ index, attention }) =>
        Array.from({ length: attention!.heads }, (_, head) => ({
          kind: 'bias' as const,
          layer: index,
          head,
          group: 'span',
          value: -1e9,
        })),
      );
      const whole = await runPrompt(model.spec, model.sessions, {
        ids: promptIds,
        groups: [span],
        variants: [blocked],
        chunk: 7,
        logits: 'all',
      });
      const cut = await runPrompt(model.spec, model.sessions, { ...short, chunk: 4, logits: 'all' });
      const width = model.summary.vocabulary;
      const rows = floats(whole.logits?.data);
      const expected = [...rows.subarray(0, start * width), ...rows.subarray(end * width)];
      assertNear(floats(cut.logits?.data), expected, 2e-5, name);
    });

    it(`${name}: decoding goes on from the last position`, async () => {
      const { model } = await open(name);
      const short = withoutSpan({ ids: promptIds }, { start, end }, 'original');
      const made: number[] = [];
      let last = new Float32Array();
      for await (const token of generate(model.spec, model.sessions, {
        ...short,
        chunk: 5,
        maxNewTokens: 6,
        stopIds: [],
        sampling: { temperature: 0, topP: 1, seed: 0 },
      })) {
        made.push(token.id);
        last = token.logits.slice();
      }
      const ids = [...short.ids, ...made.slice(0, -1)];
      const positions = ids.map((_, row) => positionAt(short, row));
      const whole = await runPrompt(model.spec, model.sessions, { ids, positions, chunk: 64, logits: 'last' });
      assertNear(last, floats(whole.logits?.data), 1e-4, name);
    });
  }

  it('keeps the taps of the wanted rows only, across chunks', async () => {
    const { model } = await open('llama');
    const taps = model.spec.blocks.flatMap(({ index }) =>
      (['attention.head_output', 'residual', 'attention.key'] as const).map((tap) => ({ layer: index, tap })),
    );
    const rows = [0, 6, 7, 19];
    const request = { ids: promptIds, chunk: 7, logits: 'none', taps } as const;
    const all = await runPrompt(model.spec, model.sessions, request);
    const some = await runPrompt(model.spec, model.sessions, { ...request, tapRows: rows });
    for (const [layer, { taps: kept }] of some.layers.entries()) {
      for (const { tap } of taps) {
        const [whole, picked] = [all.layers[layer]?.taps[tap], kept[tap]];
        assert.ok(whole && picked);
        const width = whole.shape.at(-1) ?? 0;
        const n = promptIds.length;
        assert.deepEqual(picked.shape, [...whole.shape.slice(0, -2), rows.length, width]);
        const lead = whole.data.length / (n * width);
        const expected = Array.from({ length: lead }, (_, l) =>
          rows.flatMap((row) =>
            Array.from(floats(whole.data).subarray((l * n + row) * width, (l * n + row + 1) * width)),
          ),
        ).flat();
        assert.deepEqual(Array.from(floats(picked.data)), expected);
      }
    }
  });

  describe('a prefix that reads in both directions', () => {
    const prefix = 8;

    it('rows of the prefix read all of it, later rows what is before them', async () => {
      const { model } = await open('llama');
      const maps = [0, 1].flatMap((layer) => [0, 1, 2, 3].map((head) => ({ layer, head })));
      const request = { ids: promptIds, logits: 'all', maps } as const;
      const run = await runPrompt(model.spec, model.sessions, { ...request, prefix, chunk: 3 });
      const whole = await runPrompt(model.spec, model.sessions, { ...request, prefix, chunk: 64 });
      const causal = await runPrompt(model.spec, model.sessions, { ...request, chunk: 64 });
      assertNear(floats(run.logits?.data), floats(whole.logits?.data), 2e-5, 'chunks');
      const n = promptIds.length;
      for (const { maps: byHead } of whole.layers) {
        for (const map of byHead.values()) {
          for (let i = 0; i < n; i++) {
            for (let j = 0; j < n; j++) {
              const read = map[i * n + j] ?? 0;
              if (j < Math.max(i + 1, prefix)) assert.ok(read > 0, `${i} must read ${j}`);
              else assert.equal(read, 0, `${i} must not read ${j}`);
            }
          }
        }
      }
      assert.notDeepEqual(whole.logits?.data.slice(0, 10), causal.logits?.data.slice(0, 10));
    });

    it('gives the same rows to the view of one head', async () => {
      const { model } = await open('llama');
      const sequence: Sequence = { ids: promptIds, prefix };
      const whole = await runPrompt(model.spec, model.sessions, {
        ...sequence,
        chunk: 64,
        logits: 'none',
        maps: [{ layer: 1, head: 2 }],
      });
      const map = whole.layers[1]?.maps.get(2);
      assert.ok(map);
      const view = await HeadView.open(model, sequence, [], 1, 3);
      for (const [from, count] of [
        [0, 3],
        [5, 6],
        [9, 4],
      ] as const) {
        const rows = await view.rows(2, from, count);
        assertNear(rows, map.subarray(from * promptIds.length, (from + count) * promptIds.length), 1e-6, `${from}`);
      }
    });
  });
});
