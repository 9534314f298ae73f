/** LongHeads and block retrieval in runs, against float64 references made of the tapped queries, keys and values. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { lower } from '../../../compute-server/model/interventions/lower';
import { HeadView } from '../../../compute-server/heads/head-view';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import { chosenChunks, chunkSummary, longHeadsRows, rotated } from '../../../kernels/mechanisms/longheads/reference';
import { tensor } from '../../../kernels/tensors/tensor';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openTiny, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { runnerOf } from '../../support/model-jobs';

const n = 90;
const ids = Array.from({ length: n }, (_, i) => (i * i * 7 + 13 * i) % 61);
const { signal } = new AbortController();

const most = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  assert.equal(a.length, b.length);
  return Array.from(a).reduce((largest, x, at) => Math.max(largest, Math.abs(x - b[at]!)), 0);
};

describe('heads that choose blocks, on a tiny llama with groups', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  const lowered = async (text: string): Promise<Variant> => {
    const { model } = tiny;
    const read = parseDo(text);
    assert.ok(read.ok, read.ok ? '' : read.why);
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
    return (await lower(of, [[read.value]])).variants[0]!;
  };
  const run = (variants: readonly Variant[], chunk = n, rows: readonly number[] = []) => {
    const { spec, sessions } = tiny.model;
    const names = ['query', 'key', 'value', 'head_output', 'probabilities'] as const;
    const taps = spec.blocks.flatMap(({ index }) =>
      names.map((tap) => ({ layer: index, tap: `attention.${tap}` as const })),
    );
    return runPrompt(spec, sessions, { ids, variants, chunk, logits: 'all', taps, chosenBlocks: { rows } });
  };
  const logits = (result: RunResult): Float32Array => result.logits!.data as Float32Array;
  const tap = (result: RunResult, layer: number, name: LayerTap): Float32Array =>
    result.layers[layer]!.taps[name]!.data as Float32Array;

  it('LongHeads: outputs, scores and choices are those of the float64 reference', async () => {
    const result = await run([await lowered('longheads:w=8,S=32')], n, [70, n - 1]);
    const { spec } = tiny.model;
    for (const { index, attention } of spec.blocks) {
      const { heads, kvHeads, headDim } = attention!;
      assert.ok(heads > kvHeads, 'query heads share key/value heads');
      const base = spec.ropes[attention!.rope!]!.theta;
      const raw = (name: 'query' | 'key', count: number) => {
        const data = tap(result, index, `attention.${name}`);
        const out = new Float64Array(data.length);
        for (let row = 0; row < count * n; row++) {
          const own = data.subarray(row * headDim, (row + 1) * headDim);
          out.set(rotated(own, -(row % n), base), row * headDim);
        }
        return tensor([1, count, n, headDim], out);
      };
      const inputs = {
        query: raw('query', heads),
        key: raw('key', kvHeads),
        value: tensor([1, kvHeads, n, headDim], Float64Array.from(tap(result, index, 'attention.value'))),
      };
      const shape = { batch: 1, heads, kvHeads, queries: n, keys: n, headDim, valueDim: headDim };
      const rule = { chunk: 8, chunks: 4, begin: 0, selfIncluded: true, rotaryBase: base };
      const rows = Array.from({ length: n }, (_, i) => i);
      const expected = longHeadsRows(inputs as never, shape as never, rule, rows).data;
      assert.ok(most(tap(result, index, 'attention.head_output'), expected) < 1e-5);
      const rowsOf = (x: { readonly data: ArrayLike<number> }, head: number, from: number, count: number) =>
        Array.from({ length: count }, (_, at) =>
          Array.from({ length: headDim }, (_, c) => x.data[(head * n + from + at) * headDim + c]!),
        );
      for (const { row, scores, opened } of result.layers[index]!.chosenBlocks!.rows) {
        assert.ok(scores.length === heads * 11, 'as many blocks as are complete');
        for (let head = 0; head < heads; head++) {
          const kv = Math.floor(head / (heads / kvHeads));
          const [query] = rowsOf(inputs.query, head, row, 1);
          const fit = (c: number): number => {
            const of = (x: typeof inputs.query, at: number) => rowsOf(x, at, c * 8, 8);
            const summary = chunkSummary(of(inputs.query, head), of(inputs.key, kv), of(inputs.value, kv), base).key;
            return query!.reduce((sum, x, at) => sum + x * summary[at]!, 0);
          };
          const own = Math.floor(row / 8);
          for (let c = 1; c <= own - 2; c++) assert.ok(Math.abs(scores[head * 11 + c]! - fit(c)) < 1e-4);
          const chosen = chosenChunks(fit, own, rule)!.filter((c) => c > 0 && c < own - 1);
          const found = Array.from({ length: 11 }, (_, c) => c).filter((c) => opened[head * 11 + c] === 1);
          assert.deepEqual(found, chosen);
        }
      }
    }
  });

  it('LongHeads changes no bit below its budget or its beginning, and of rows beyond only what reads them', async () => {
    const plain = await run([[]]);
    for (const form of ['longheads:w=8,S=96', 'longheads:w=8,S=32,begin=90']) {
      assert.deepEqual(logits(await run([await lowered(form)])), logits(plain), form);
    }
    const from = 32 * tiny.model.spec.head.vocabulary!.outputs;
    const long = logits(await run([await lowered('longheads:w=8,S=32')]));
    assert.deepEqual(long.subarray(0, from), logits(plain).subarray(0, from));
    assert.ok(most(long, logits(plain)) > 0.01);
  });

  for (const form of [
    'longheads:w=8,S=32',
    'block-retrieval:*.1,1.*:B=8,k=2',
    'block-retrieval:*.*:B=8,k=2,by=max',
    'block-retrieval:*.*:B=8,k=1,by=mass',
  ]) {
    it(`${form}: chunks of queries, variants side by side and decoding equal the single run`, async () => {
      const variant = await lowered(form);
      const whole = logits(await run([variant]));
      assert.ok(most(whole, logits(await run([[]]))) > 1e-3, 'it changes something');
      for (const chunk of [7, 8, 40])
        assert.ok(most(logits(await run([variant], chunk)), whole) < 2e-5, `chunks of ${chunk}`);
      const { spec, sessions } = tiny.model;
      const vocabulary = spec.head.vocabulary!.outputs;
      const beside = logits(await run([[], variant], 16));
      assert.ok(most(beside.subarray(n * vocabulary), whole) < 2e-5);
      const start = 61;
      const going = await SequenceRun.start(spec, sessions, { ids: ids.slice(0, start), variant, chunk: 9 });
      const row = (at: number) => whole.subarray(at * vocabulary, (at + 1) * vocabulary);
      assert.ok(most(going.logits, row(start - 1)) < 2e-5);
      for (let at = start; at < 75; at++)
        assert.ok(most((await going.extend([ids[at]!])).logits, row(at)) < 2e-5, `row ${at}`);
      assert.ok(most((await going.extend(ids.slice(75, n))).logits, row(n - 1)) < 2e-5, 'several at once');
      going.dispose();
    });
  }

  it('block retrieval that opens every block changes no bit', async () => {
    const plain = logits(await run([[]]));
    for (const by of ['mean', 'max', 'mass']) {
      assert.deepEqual(logits(await run([await lowered(`block-retrieval:*.*:B=8,k=10,by=${by}`)])), plain);
    }
  });

  for (const [by, shared] of [['mean'], ['max'], ['mass'], ['mean', 'group'], ['mean', 'heads']] as const) {
    it(`block retrieval by ${by}${shared ? `, shared over ${shared}` : ''}: softmax over the blocks that float64 chooses`, async () => {
      const [w, k] = [8, 2];
      const text = `block-retrieval:*.*:B=${w},k=${k},by=${by}${shared ? `,shared=${shared}` : ''}`;
      const result = await run([await lowered(text)]);
      const { heads, kvHeads, headDim: d, scale } = tiny.model.spec.blocks[0]!.attention!;
      const [query, key, found] = (['query', 'key', 'probabilities'] as const).map((name) =>
        tap(result, 0, `attention.${name}`),
      );
      const rowOf = (x: Float32Array, head: number, at: number) =>
        x.subarray((head * n + at) * d, (head * n + at + 1) * d);
      const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
        Array.from(a).reduce((sum, x, c) => sum + x * b[c]!, 0);
      const group = heads / kvHeads;
      const score = (h: number, i: number, j: number) =>
        dot(rowOf(query!, h, i), rowOf(key!, Math.floor(h / group), j)) * scale;
      const inBlock = (c: number) => Array.from({ length: w }, (_, at) => c * w + at);
      /** What stands for block c of a key/value head. */
      const standing = (g: number, c: number): readonly number[] => {
        if (by === 'mean')
          return Array.from({ length: d }, (_, x) => inBlock(c).reduce((sum, j) => sum + rowOf(key!, g, j)[x]! / w, 0));
        const best = inBlock(c).map((j) =>
          Math.max(...inBlock(c).flatMap((i) => Array.from({ length: group }, (_, at) => score(g * group + at, i, j)))),
        );
        return [...rowOf(key!, g, c * w + best.indexOf(Math.max(...best)))];
      };
      const softmax = (scores: readonly number[]) => {
        const weights = scores.map((each) => Math.exp(each));
        return weights.map((each) => each / weights.reduce((sum, x) => sum + x, 0));
      };
      const gates = (h: number, i: number): readonly number[] => {
        const count = Math.max(0, Math.floor(i / w) - 2);
        const candidates = Array.from({ length: count }, (_, at) => at + 1);
        if (by === 'mass') {
          const p = softmax(Array.from({ length: i + 1 }, (_, j) => score(h, i, j)));
          return candidates.map((c) => inBlock(c).reduce((sum, j) => sum + p[j]!, 0));
        }
        return candidates.map((c) => dot(rowOf(query!, h, i), standing(Math.floor(h / group), c)) * scale);
      };
      for (let h = 0; h < heads; h++) {
        for (let i = 5; i < n; i += 7) {
          const first = shared === 'heads' ? 0 : h - (h % group);
          const together = shared
            ? Array.from({ length: shared === 'heads' ? heads : group }, (_, at) => softmax(gates(first + at, i)))
            : [gates(h, i)];
          const fit = together[0]!.map((_, at) => Math.max(...together.map((each) => each[at]!)));
          const best = [...fit.keys()]
            .sort((a, b) => fit[b]! - fit[a]!)
            .slice(0, k)
            .map((at) => at + 1);
          const open = new Set([0, ...best, Math.floor(i / w) - 1, Math.floor(i / w)]);
          const keys = Array.from({ length: i + 1 }, (_, j) => j).filter((j) => open.has(Math.floor(j / w)));
          const expected = new Array<number>(n).fill(0);
          softmax(keys.map((j) => score(h, i, j))).forEach((p, at) => (expected[keys[at]!] = p));
          assert.ok(
            most(found!.subarray((h * n + i) * n, (h * n + i + 1) * n), expected) < 1e-5,
            `head ${h}, row ${i}`,
          );
        }
      }
    });
  }

  it('are refused with a sentence beside a cache plan, and on models that they are not for', async () => {
    const { model } = tiny;
    const list = ['plan:*.*=1+4', 'longheads:w=8,S=32'].map((text) => {
      const read = parseDo(text);
      assert.ok(read.ok);
      return read.value;
    });
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
    await assert.rejects(lower(of, [list]), /choose among all of them/);
    await assert.rejects(lowered('longheads:w=8,S=32,layers=1-7'), /There is no layer 7/);
    for (const [family, form, why] of [
      ['gpt2', 'longheads:w=4,S=12', /no rotary positions/],
      ['mistral, window 7', 'longheads:w=4,S=12', /reads a window of 7 positions/],
      ['mistral, window 7', 'block-retrieval:*.*:B=4,k=1', /reads a window of 7 positions/],
    ] as const) {
      const other = await openTiny(family);
      const read = parseDo(form);
      assert.ok(read.ok);
      const { model: opened } = other;
      await assert.rejects(
        lower({ ...of, opened, model: opened, sequence: { ids: ids.slice(0, 20) } }, [[read.value]]),
        why,
      );
      await other.close();
    }
  });

  it('LongHeads reads beyond the context of the model, in prompts and in what follows them; other runs do not', async () => {
    const { model } = tiny;
    const long = Array.from({ length: 150 }, (_, i) => (i * 11) % 61);
    const runner = runnerOf(model);
    const input = { kind: 'ids', ids: long } as const;
    const read = parseDo('longheads:w=8,S=64');
    assert.ok(read.ok);
    await assert.rejects(runner.prompt(input), /context holds 128/);
    const prompt = await runner.prompt(input, [read.value]);
    const { variant } = await runner.variant([read.value], prompt);
    const going = await runner.continuation({ sequence: prompt, variant, further: 4 });
    assert.ok(going.canGoOn);
    assert.ok((await going.extend([5])).logits.every(Number.isFinite));
    going.dispose();
    const beginsBehind = parseDo('longheads:w=8,S=64,begin=140');
    assert.ok(beginsBehind.ok);
    await assert.rejects(runner.prompt(input, [beginsBehind.value]), /context holds 128/);
  });

  it('rows of one head that are looked at closely are those of the run', async () => {
    const variant = await lowered('longheads:w=8,S=32');
    const whole = tap(await run([variant]), 1, 'attention.probabilities');
    const view = await HeadView.open(tiny.model, { ids }, variant, 1, 16, signal);
    for (const [start, count] of [
      [0, 8],
      [45, 9],
      [80, 10],
    ] as const) {
      const rows = await view.rows(2, start, count);
      assert.ok(most(rows, whole.subarray((2 * n + start) * n, (2 * n + start + count) * n)) < 1e-5, `from ${start}`);
    }
  });

  it('variants that share their first rows go on from what was kept of the blocks', async () => {
    const runner = runnerOf(tiny.model);
    for (const form of ['longheads:w=8,S=32', 'block-retrieval:*.*:B=8,k=1,by=max']) {
      const own = await lowered(form);
      const { variant: changed } = await runner.variant(
        [form, 'head:0.0@60-70=zero'].map((text) => {
          const read = parseDo(text);
          assert.ok(read.ok);
          return read.value;
        }),
        { ids },
      );
      // The same changes of blocks, as variants of an analysis have them.
      const variants = [own, [...own, ...changesOf(changed, 'replacement')]];
      const asked = [{ row: n - 1, tokens: [3, 5, 8] }];
      const found = await runner.answers({ ids }, asked, variants);
      for (const [at, variant] of variants.entries()) {
        const alone = await runner.run({ ids, variants: [variant], logits: 'none', answersAt: asked });
        assert.ok(most(found[at]![0]!.logits, alone.answers![0]![0]!.logits) < 2e-5, `${form}, variant ${at}`);
      }
      assert.ok(most(found[0]![0]!.logits, found[1]![0]!.logits) > 1e-4, 'the second differs');
    }
  });
});
