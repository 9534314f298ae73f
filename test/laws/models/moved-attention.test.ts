/** Attention moved between keys, and emphasised keys, in runs: probabilities against the definitions in float64, written here. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import { type Change } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import type { KeyGroup } from '../../../diagnostics/model-runner/sequence';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { runnerOf } from '../../support/model-jobs';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { HeadView } from '../../../compute-server/heads/head-view';

const n = ids.length;
const { signal } = new AbortController();
const names = [
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.probabilities',
  'attention.head_output',
] as const;

for (const family of ['gpt2', 'llama', 'gemma2', 'gemma'] as const) {
  describe(`moved attention on ${family}`, () => {
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
      const { variants, groups } = await lower(of, [list]);
      named = groups;
      return variants[0]!;
    };
    /** Key groups of the variant that was lowered last. */
    let named: readonly KeyGroup[] = [];
    const run = (variants: readonly Variant[], chunk = n) => {
      const { spec, sessions } = tiny.model;
      const taps = spec.blocks.flatMap(({ index: layer }) => [
        ...names.map((tap) => ({ layer, tap })),
        { layer, tap: 'residual' as const },
        { layer, tap: 'residual.input' as const },
      ]);
      return runPrompt(spec, sessions, { ids, groups: named, variants, chunk, logits: 'all', taps, statistics: true });
    };
    const tap = (result: RunResult, layer: number, name: LayerTap): Float32Array => {
      const data = result.layers[layer]?.taps[name]?.data;
      assert.ok(data instanceof Float32Array);
      return data;
    };
    const logits = (result: RunResult): Float32Array => result.logits!.data as Float32Array;

    /** Probabilities of a head from the queries and keys of the run itself, [n][n]; `raised` gets each score. */
    const plainRows = (
      result: RunResult,
      layer: number,
      h: number,
      raised = (z: number, _i: number, _j: number) => z,
    ) => {
      const {
        heads,
        kvHeads,
        headDim: d,
        scale,
        window = Infinity,
        softcap,
      } = tiny.model.spec.blocks[layer]!.attention!;
      const g = Math.floor((h * kvHeads) / heads);
      const [q, k] = [tap(result, layer, 'attention.query'), tap(result, layer, 'attention.key')];
      return Array.from({ length: n }, (_, i) => {
        const scores = Array.from({ length: n }, (__, j) => {
          if (j > i || j <= i - window) return -Infinity;
          let dot = 0;
          for (let c = 0; c < d; c++) dot += q[(h * n + i) * d + c]! * k[(g * n + j) * d + c]!;
          return raised(softcap === undefined ? dot * scale : softcap * Math.tanh((dot * scale) / softcap), i, j);
        });
        const largest = Math.max(...scores);
        const weights = scores.map((z) => Math.exp(z - largest));
        const sum = weights.reduce((a, b) => a + b, 0);
        return weights.map((w) => w / sum);
      });
    };
    /** Share s of a row's attention on sources goes to the receivers in proportion. */
    const moved = (row: readonly number[], source: (j: number) => boolean, to: (j: number) => boolean, s: number) => {
      const mass = (of: (j: number) => boolean): number => row.reduce((sum, p, j) => sum + (of(j) ? p : 0), 0);
      const receives = (j: number): boolean => to(j) && !source(j);
      const [taken, got] = [mass(source), mass(receives)];
      if (got === 0) return row;
      return row.map((p, j) => (source(j) ? (1 - s) * p : receives(j) ? p + (s * taken * p) / got : p));
    };
    const requireRows = (
      result: RunResult,
      layer: number,
      h: number,
      expected: readonly (readonly number[])[],
    ): void => {
      const p = tap(result, layer, 'attention.probabilities').subarray(h * n * n, (h + 1) * n * n);
      expected.forEach((row, i) => {
        let sum = 0;
        row.forEach((value, j) => {
          const found = p[i * n + j]!;
          sum += found;
          assert.ok(found >= 0 && Math.abs(found - value) < 2e-6, `L${layer}H${h} ${i},${j}: ${found}, not ${value}`);
          if (j > i) assert.equal(found, 0);
        });
        assert.ok(Math.abs(sum - 1) < 1e-6, `row ${i} sums to ${sum}`);
      });
      const { heads, kvHeads, headDim: d } = tiny.model.spec.blocks[layer]!.attention!;
      const g = Math.floor((h * kvHeads) / heads);
      const [v, out] = [tap(result, layer, 'attention.value'), tap(result, layer, 'attention.head_output')];
      expected.forEach((row, i) => {
        for (let c = 0; c < d; c++) {
          const value = row.reduce((sum, w, j) => sum + w * v[(g * n + j) * d + c]!, 0);
          assert.ok(Math.abs(value - out[(h * n + i) * d + c]!) < 3e-6);
        }
      });
      // Statistics are those of what the values meet.
      const entropy =
        expected.reduce((sum, row) => sum - row.reduce((e, w) => e + (w > 0 ? w * Math.log(w) : 0), 0), 0) / n;
      const numbers = result.layers[layer]!.statistics!;
      assert.ok(Math.abs(numbers.entropy[h]! - entropy) < 1e-5, `entropy ${numbers.entropy[h]}, not ${entropy}`);
      const self = expected.reduce((sum, row, i) => sum + row[i]!, 0) / n;
      assert.ok(Math.abs(numbers.selfToken[h]! - self) < 1e-6);
    };
    const requireSame = (one: ArrayLike<number>, other: ArrayLike<number>): void => {
      assert.equal(one.length, other.length);
      for (let at = 0; at < one.length; at++) assert.ok(Math.abs(one[at]! - other[at]!) < 2e-5);
    };
    const everyHead = (visit: (layer: number, head: number) => void): void =>
      tiny.model.spec.blocks.forEach(({ index, attention }) => {
        for (let head = 0; head < attention!.heads; head++) visit(index, head);
      });

    it('goes from named keys to named keys in proportion, in one piece and in chunks; other heads keep theirs', async () => {
      const variant = await lowered('redistribute:0.1,1.*:0,5-6>2-4,8=0.7');
      const result = await run([variant]);
      const [source, to] = [(j: number) => j === 0 || j === 5 || j === 6, (j: number) => [2, 3, 4, 8].includes(j)];
      everyHead((layer, h) => {
        const rows = plainRows(result, layer, h);
        const acts = layer === 1 || h === 1;
        requireRows(result, layer, h, acts ? rows.map((row) => moved(row, source, to, 0.7)) : rows);
      });
      requireSame(logits(result), logits(await run([variant], 3)));
    });

    it('leaves rows alone that give the region too little, or too little of it beside the sources, and rows before its end', async () => {
      const source = (j: number): boolean => j === 3 || j === 9;
      const to = (j: number): boolean => j >= 2 && j <= 6;
      // Thresholds in the middle of what the rows give.
      const plain = await run([[]]);
      const all = [0, 1].flatMap((h) => plainRows(plain, 1, h).slice(7));
      const seenOf = (row: readonly number[]): number => row.reduce((sum, p, j) => sum + (to(j) ? p : 0), 0);
      const besideOf = (row: readonly number[]): number =>
        row.reduce((sum, p, j) => sum + (to(j) && !source(j) ? p : 0), 0) / seenOf(row);
      const middle = (of: (row: readonly number[]) => number, share: number): number => {
        const sorted = all.map(of).sort((a, b) => a - b);
        return Number(sorted[Math.floor(share * sorted.length)]!.toFixed(4));
      };
      const [least, ratio] = [middle(seenOf, 0.3), middle(besideOf, 0.3)];
      const variant = await lowered(`redistribute:1.*:3,9>2-6=1;rows=after;region=2-6;least=${least};ratio=${ratio}`);
      const result = await run([variant]);
      let [acted, left] = [0, 0];
      for (let h = 0; h < tiny.model.spec.blocks[1]!.attention!.heads; h++) {
        const rows = plainRows(result, 1, h).map((row, i) => {
          const acts = i > 6 && seenOf(row) >= least && besideOf(row) >= ratio;
          acted += acts ? 1 : 0;
          left += i > 6 && !acts ? 1 : 0;
          return acts ? moved(row, source, to, 1) : row;
        });
        requireRows(result, 1, h, rows);
      }
      assert.ok(acted > 0 && left > 0, `${acted} rows moved, ${left} did not: the gate decided nothing`);
    });

    /** c_k over the rows that read k, from the definition. */
    const strengths = (rows: readonly (readonly number[])[], window: number): readonly number[] =>
      Array.from({ length: n }, (_, k) => {
        const readers = rows.slice(k, k + window);
        return readers.reduce((sum, row) => sum + row[k]!, 0) / Math.min(n - k, window);
      });

    it('goes from keys of a large column strength, decided over all rows, in one piece and in chunks', async () => {
      for (const [text, least] of [
        ['redistribute:*.*:columns>rest=0.6;alpha=2.2', 2.2 / n],
        ['redistribute:*.*:columns>rest=1;strength=0.25', 0.25],
      ] as const) {
        const variant = await lowered(text);
        const result = await run([variant]);
        let found = 0;
        everyHead((layer, h) => {
          const { window = Infinity } = tiny.model.spec.blocks[layer]!.attention!;
          const rows = plainRows(result, layer, h);
          const sources = strengths(rows, window).map(
            (strength, k) => k > 0 && Math.min(n - k, window) >= 2 / least && strength > least,
          );
          const own = result.layers[layer]!.sources!;
          assert.deepEqual([...own.found.subarray(h * n, (h + 1) * n)], sources.map(Number), `L${layer}H${h}`);
          found += sources.filter(Boolean).length;
          requireRows(
            result,
            layer,
            h,
            rows.map((row) =>
              moved(
                row,
                (j) => sources[j]!,
                () => true,
                changesOf(variant, 'redistribution')[0]!.share,
              ),
            ),
          );
        });
        if (least < 0.2) assert.ok(found > 0 && found < n * 2, `${found} sources`);
        const chunked = await run([variant], 3);
        requireSame(logits(result), logits(chunked));
        result.layers.forEach(({ sources }, layer) =>
          assert.deepEqual(chunked.layers[layer]!.sources!.found, sources!.found),
        );
        // What one head reads on the screen is what it read in the run.
        const view = await HeadView.open(tiny.model, { ids }, variant, 1, 7);
        requireSame(await view.rows(0, 4, 9), tap(result, 1, 'attention.probabilities').subarray(4 * n, 13 * n));
      }
    });

    it('goes from keys of a massive hidden state at the input of the layer', async () => {
      const width = tiny.model.spec.hiddenSize;
      const plain = await run([[]]);
      const phi = (states: Float32Array, row: number, dimensions: readonly number[]): number => {
        const x = states.subarray(row * width, (row + 1) * width);
        const rms = Math.sqrt(x.reduce((sum, each) => sum + each * each, 0) / width + 1e-6);
        return Math.max(...dimensions.map((d) => Math.abs(x[d]!) / rms));
      };
      const values = ids.map((_, row) => phi(tap(plain, 1, 'residual.input'), row, [2, 5])).sort((a, b) => a - b);
      const tau = (values[n - 5]! + values[n - 4]!) / 2;
      const variant = await lowered(`redistribute:1.*:states>rest=0.5;tau=${tau};dimensions=2+5`);
      const result = await run([variant]);
      const states = tap(result, 1, 'residual.input');
      const sources = ids.map((_, row) => phi(states, row, [2, 5]) > tau);
      assert.equal(sources.filter(Boolean).length, 4);
      for (let h = 0; h < tiny.model.spec.blocks[1]!.attention!.heads; h++) {
        requireRows(
          result,
          1,
          h,
          plainRows(result, 1, h).map((row) =>
            moved(
              row,
              (j) => sources[j]!,
              () => true,
              0.5,
            ),
          ),
        );
      }
      requireSame(logits(result), logits(await run([variant], 3)));
      // In a layer none of whose sources is in the region nothing is moved.
      const outside = ids.findIndex((_, row) => !sources[row]);
      const none = await lowered(`redistribute:1.*:states>rest=0.5;tau=${tau};dimensions=2+5;region=${outside}`);
      assert.deepEqual(logits(await run([none])), logits(plain));
    });

    it('while tokens are generated, from the keys that the prompt decided', async () => {
      const { spec, sessions } = tiny.model;
      const prompt = 12;
      const of = {
        opened: tiny.model,
        model: tiny.model,
        sequence: { ids: ids.slice(0, prompt) },
        chunk: n,
        memoryLimit: 1e9,
        signal,
      };
      for (const texts of [
        ['redistribute:*.*:columns>rest=0.6;alpha=2.2'],
        ['redistribute:0.1,1.0:0,3-5>6-8=0.8;region=4-7;least=0.05;ratio=0.2', 'gain:1.1=0.5'],
        ['emphasis:*.*:1-3,6=0.8', 'emphasis:1.*:3=-0.5', 'uniform:0.0', 'redistribute:1.*:0>rest=0.4'],
      ]) {
        const list = texts.map((text) => {
          const read = parseDo(text);
          assert.ok(read.ok);
          return read.value;
        });
        const variant = (await lower(of, [list])).variants[0]!;
        const request = { ids: ids.slice(0, prompt), chunk: 5, variant, observe: true };
        const started = await SequenceRun.start(spec, sessions, { ...request, blocksAlone: true });
        const stepped = await SequenceRun.start(spec, sessions, { ...request, stepsAtOnce: true });
        const own = await runPrompt(spec, sessions, {
          ids: ids.slice(0, prompt),
          variants: [variant],
          chunk: n,
          logits: 'last',
        });
        requireSame(started.logits, logits(own));
        // The whole text at once, with the sources of the prompt as named keys.
        const fixed = variant.map((one): Change => {
          if (one.kind !== 'redistribution' || one.from.kind === 'rows') return one;
          const { found } = own.layers[one.layer]!.sources!;
          const rows = ids.slice(0, prompt).flatMap((_, row) => (found[one.head * prompt + row] === 1 ? [row] : []));
          return { ...one, from: { kind: 'rows', rows } };
        });
        const whole = logits(await run([fixed]));
        const v = whole.length / n;
        for (let row = prompt; row < n; row++) {
          const look = { observe: true, statistics: true };
          const [next, step] = [await started.extend([ids[row]!], look), await stepped.extend([ids[row]!], look)];
          requireSame(next.logits, whole.subarray(row * v, (row + 1) * v));
          requireSame(step.logits, next.logits);
          // What a row reads is the same by either graph.
          step.statistics!.forEach(({ entropy, selfToken }, layer) => {
            requireSame(entropy, next.statistics![layer]!.entropy);
            requireSame(selfToken, next.statistics![layer]!.selfToken);
          });
          step.observations[0]!.headOutputs.forEach((outputs, layer) =>
            requireSame(outputs, next.observations[0]!.headOutputs[layer]!),
          );
        }
        started.dispose();
        stepped.dispose();
      }
    });

    it('is neutral to the bit: nothing is moved, no key is emphasised, no row passes; and beside another variant', async () => {
      const plain = logits(await run([[]]));
      for (const text of ['redistribute:*.*:columns>rest=0', 'emphasis:*.*:0-9=0']) {
        assert.deepEqual(await lowered(text), []);
      }
      // In the graphs that have the changes.
      const acting = await lowered('redistribute:*.*:columns>rest=0.6;alpha=2.2', 'emphasis:*.*:2-5=0.7');
      const still = [
        ...changesOf(acting, 'redistribution').map((one) => ({ ...one, share: 0 })),
        ...changesOf(acting, 'emphasis').map((one) => ({ ...one, factor: 0 })),
      ];
      const gated = await lowered('redistribute:*.*:0-3>rest=0.6;region=4-5;least=1');
      assert.deepEqual(logits(await run([still])), plain);
      assert.deepEqual(logits(await run([gated])), plain);
      const beside = logits(await run([[], acting, still]));
      requireSame(beside.subarray(0, plain.length), plain);
      requireSame(beside.subarray(plain.length, 2 * plain.length), logits(await run([acting])));
      requireSame(beside.subarray(2 * plain.length), plain);
    });

    it('emphasises keys by z + c|z| in the last row alone, or in all', async () => {
      for (const all of [false, true]) {
        const rows = all ? ';rows=all' : '';
        const variant = await lowered(
          `emphasis:0.1,1.*:2-5=0.7${rows}`,
          `emphasis:1.*:5,7=-0.3${rows}`,
          'bias:1.0:5=-10000',
        );
        const result = await run([variant]);
        everyHead((layer, h) => {
          const factor = (j: number): number =>
            (layer === 1 || h === 1 ? (j >= 2 && j <= 5 ? 0.7 : 0) : 0) +
            (layer === 1 && (j === 5 || j === 7) ? -0.3 : 0);
          const expected = plainRows(result, layer, h, (z, i, j) => {
            const raised = all || i === n - 1 ? z + factor(j) * Math.abs(z) : z;
            return layer === 1 && h === 0 && j === 5 ? raised - 10000 : raised;
          });
          requireRows(result, layer, h, expected);
        });
        requireSame(logits(result), logits(await run([variant], 3)));
        if (all) continue;
        const plain = await run([await lowered('bias:1.0:5=-10000')]);
        const size = tap(plain, 0, 'residual').length / n;
        assert.deepEqual(
          tap(result, 0, 'residual').subarray(0, (n - 1) * size),
          tap(plain, 0, 'residual').subarray(0, (n - 1) * size),
          'rows before the last, bit for bit',
        );
      }
    });

    it('of texts of several lengths is decided by the rows of each alone', async () => {
      const runner = runnerOf(tiny.model);
      const variant = await lowered('redistribute:*.*:columns>rest=0.6;alpha=2.2');
      const texts = [ids.slice(0, 14), ids];
      const both = await runner.nextTokens(texts, [variant]);
      for (const [at, text] of texts.entries()) {
        const [alone] = await runner.nextTokens([text], [variant]);
        requireSame(both[at]![0]!.loss, alone![0]!.loss);
      }
    });

    it('is refused where it names what is not there', async () => {
      const width = tiny.model.spec.hiddenSize;
      for (const [text, why] of [
        ['redistribute:9.0:columns>rest=0.5', /There is no layer 9/],
        ['redistribute:0.0:30>rest=0.5', /30 names position 30/],
        ['redistribute:0.0:states>image=0.5', /no picture/],
        ['redistribute:0.0:columns>rest=0.5;least=0.2', /speaks of the image, and the prompt has none/],
        [`redistribute:0.0:states>rest=0.5;tau=1;dimensions=${width}`, /has no dimension/],
        ['redistribute:0.0:states>rest=0.5;tau=20', /finds nothing\. Give a smaller tau/],
        ['emphasis:0.0:0-20=1', /names position 20/],
      ] as const) {
        await assert.rejects(lowered(text), why, text);
      }
    });
  });
}
