import assert from 'node:assert/strict';
import { headIndex } from '../../../../../diagnostics/patterns/head-index/analysis';
import {
  binOf,
  binOfQuantile,
  bins,
  examplesIn,
  joined,
  nothing,
  pairsOf,
  packedRead,
  packedSize,
  unpackedRead,
  type Kept,
  type Ranked,
} from '../../../../../diagnostics/patterns/head-index/examples';
import type { HeadIndexParameters } from '../../../../../diagnostics/patterns/head-index/parameters';
import type { HeadIndexResult, IndexedExample } from '../../../../../diagnostics/patterns/head-index/result';
import { openPlanted, type OpenPlanted } from '../../../../support/checkpoints/open-planted';
import { plantedTokens } from '../../../../support/checkpoints/planted-router';
import { tinyModel, tinyTensors } from '../../../../support/checkpoints/tiny-models';
import { resultOf, runnerOf } from '../../../../support/model-jobs';

const ranked = (document: number, query: number, strength: number, priority: number): Ranked => ({
  ...{ document, query, key: 1, strength, priority },
});

describe('examples of a head', () => {
  it('are the strongest key but the first row and the query itself, by hand', () => {
    // One head, four keys for each of four queries.
    const keys = [0, -1, -1, -1, 1, 0, -1, -1, 0, 2, 1, -1, 2, 1, 3, 0];
    const weights = [1, 0, 0, 0, 0.6, 0.4, 0, 0, 0.7, 0.2, 0.1, 0, 0.5, 0.3, 0.1, 0.1];
    assert.deepEqual(pairsOf({ keys, weights, heads: 1, k: 4 }, 0), [
      { query: 2, key: 1, strength: Math.fround(0.1) },
      { query: 3, key: 2, strength: 0.5 },
    ]);
    const norms = [1, 0.5, 0.25, 1];
    assert.deepEqual(
      pairsOf({ keys, weights, heads: 1, k: 4 }, 0, norms).map(({ strength }) => strength),
      [Math.fround(0.05), 0.125],
    );
    assert.throws(() => pairsOf({ keys, weights, heads: 2, k: 2 }, 0), RangeError);
  });

  it('keeps the strongest with at most some of one document, and the smallest random numbers', () => {
    const limits = { strongest: 3, perDocument: 1, random: 2 };
    const all = [
      ranked(0, 2, 0.9, 0.5),
      ranked(0, 3, 0.8, 0.1),
      ranked(1, 2, 0.3, 0.7),
      ranked(1, 4, 0.3, 0.2),
      ranked(2, 5, 0.1, 0.9),
      ranked(3, 5, 0.05, 0.6),
    ];
    const { strongest, random } = joined(nothing, all, limits);
    assert.deepEqual(
      strongest.map(({ document, query }) => [document, query]),
      [
        [0, 2],
        [1, 2],
        [2, 5],
      ],
    );
    assert.deepEqual(
      random.map(({ document, query }) => [document, query]),
      [
        [0, 3],
        [1, 4],
      ],
    );
  });

  it('keeps of documents read one by one what it keeps of all at once', () => {
    const limits = { strongest: 4, perDocument: 2, random: 5 };
    const documents = Array.from({ length: 7 }, (_, document) =>
      Array.from({ length: 9 }, (__, query) =>
        ranked(
          document,
          query,
          (((document * 31 + query * 17) % 23) + 1) / 24,
          ((document * 13 + query * 29) % 71) / 71,
        ),
      ),
    );
    const apart = documents.reduce<Kept>(
      (kept, own) => joined(kept, examplesIn(joined(nothing, own, limits)), limits),
      nothing,
    );
    assert.deepEqual(apart, joined(nothing, documents.flat(), limits));
  });

  it('finds the interval of each decile by rank, by hand', () => {
    const counts = new Array<number>(bins).fill(0);
    // Ten strengths: 0.005, 0.125 four times, 0.5 four times, 1.
    for (const [strength, count] of [
      [0.005, 1],
      [0.125, 4],
      [0.5, 4],
      [1, 1],
    ] as const)
      counts[binOf(strength)] = count;
    const at = (decile: number): number | undefined => binOfQuantile(counts, decile / 10);
    assert.deepEqual([1, 2, 5, 6, 9, 10].map(at), [0, 12, 12, 50, 50, 99]);
    assert.equal(binOfQuantile(new Array<number>(bins).fill(0), 0.5), undefined);
  });

  it('draws every example equally often', () => {
    // Two of six by random numbers of 600 seeds: each is expected 200 times, with a standard deviation of 11.5.
    const times = new Array<number>(6).fill(0);
    let state = 12345;
    const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
    for (let seed = 0; seed < 600; seed++) {
      const all = times.map((_, query) => ranked(0, query, 0.5, next()));
      for (const { query } of joined(nothing, all, { strongest: 1, perDocument: 1, random: 2 }).random) {
        times[query] = (times[query] ?? 0) + 1;
      }
    }
    for (const count of times) assert.ok(Math.abs(count - 200) < 60, times.join());
  });

  it('keep the keys that their queries read most, within half a step of a weight', () => {
    // Two heads, five keys for each of two queries; -1 where a query reads fewer.
    const keys = [...[0, -1, -1, -1, -1], ...[0, -1, -1, -1, -1], ...[1, 0, 5, 4, 3], ...[0, 1, 2, -1, -1]];
    const weights = [
      ...[1, 0, 0, 0, 0],
      ...[1, 0, 0, 0, 0],
      ...[0.4, 0.3, 0.123456, 0.1, 0.05],
      ...[0.99, 0.01, 1e-6, 0, 0],
    ];
    const of = (head: number, query: number) =>
      unpackedRead(Uint16Array.from(packedRead({ keys, weights, heads: 2, k: 5 }, head, query)));
    assert.deepEqual(of(0, 0), { keys: [0], weights: [1] });
    assert.deepEqual(of(0, 1), { keys: [1, 0, 5, 4], weights: [0.4, 0.3, 0.12346, 0.1] });
    // A weight below half a step is none.
    assert.deepEqual(of(1, 1), { keys: [0, 1], weights: [0.99, 0.01] });
    assert.equal(packedRead({ keys, weights, heads: 2, k: 5 }, 0, 0).length, packedSize);
  });
});

describe('head-index', function () {
  this.timeout(60_000);
  let opened: OpenPlanted;
  before(async () => {
    const tiny = tinyModel('llama, all heads with keys of their own');
    opened = await openPlanted({ config: tiny.config, tensors: tinyTensors(tiny) });
  });
  after(() => opened.close());

  const parameters: HeadIndexParameters = {
    ...{ measure: 'weight', documents: 64, tokens: 24, strongest: 5, perDocument: 2, random: 6, context: 4 },
  };
  type Document = { readonly ids: readonly number[]; readonly id?: string };
  type StepOf = (key: string, act: () => Promise<unknown>) => Promise<unknown>;

  const running = (documents: readonly Document[], given: Partial<HeadIndexParameters> = {}, step?: StepOf) => {
    const corpus = {
      ...{ name: 'c', bytes: 0, notes: [], sha256: '' },
      documents: documents.map((document) => ({ text: null, ...document })),
    };
    const job = {
      input: { given: { kind: 'corpus', file: '' }, prompts: [], corpus },
      ...{ parameters: { ...parameters, ...given }, variant: [], groups: [], seed: 3 },
      step: step ?? ((_: string, act: () => Promise<unknown>) => act()),
    };
    return headIndex.run(runnerOf(opened.model), job as never);
  };
  const documents: readonly Document[] = Array.from({ length: 6 }, (_, at) => ({
    ids: plantedTokens(9 + 2 * at, at + 1).map((id) => id % 50),
    id: `d${at}`,
  }));

  /** Everything from full maps and values, by the definitions. */
  async function bruteForce(result: HeadIndexResult, layer: number, head: number, measure: string) {
    const all: { document: number; query: number; key: number; strength: number; row: number[] }[] = [];
    for (const [document, { name }] of result.texts.entries()) {
      const ids = documents.find(({ id }) => id === name)?.ids ?? assert.fail(name);
      const run = await runnerOf(opened.model).run({
        ids,
        maps: [{ layer, head }],
        taps: [{ layer, tap: 'attention.value' }],
        logits: 'none',
      });
      const map = run.layers[layer]?.maps.get(head) ?? assert.fail();
      const { data, shape } = run.layers[layer]?.taps['attention.value'] ?? assert.fail();
      const [, groups = 0, n = 0, d = 0] = shape;
      assert.equal(groups, 4, 'each head has a value of its own');
      const norm = (row: number): number => {
        let sum = 0;
        for (let i = 0; i < d; i++) sum += Number(data[(head * n + row) * d + i]) ** 2;
        return Math.sqrt(sum);
      };
      const largest = Math.max(...ids.map((_, row) => norm(row)));
      for (let query = 0; query < n; query++) {
        let key = -1;
        for (let j = 1; j < n; j++) {
          if (j !== query && (map[query * n + j] ?? 0) > (key < 0 ? 0 : (map[query * n + key] ?? 0))) key = j;
        }
        if (key < 0) continue;
        const weight = map[query * n + key] ?? 0;
        const row = [...map.subarray(query * n, (query + 1) * n)];
        all.push({
          document,
          query,
          key,
          strength: measure === 'value' ? (weight * norm(key)) / largest : weight,
          row,
        });
      }
    }
    return all;
  }

  for (const measure of ['weight', 'value'])
    it(`gives what full maps give, by ${measure}`, async () => {
      const result = await resultOf(running(documents, { measure }));
      assert.equal(result.texts.length, documents.length);
      for (const [layer, head] of [
        [0, 0],
        [0, 3],
        [1, 2],
      ] as const) {
        const all = await bruteForce(result, layer, head, measure);
        const where = `L${layer}H${head}`;
        const own = result.examples.filter((one) => one.layer === layer && one.head === head);
        const of = (group: string): readonly IndexedExample[] => own.filter((one) => one.group === group);
        assert.equal(result.counts[layer]?.[head], all.length, where);
        const mean = all.reduce((sum, { strength }) => sum + strength, 0) / all.length;
        assert.ok(Math.abs((result.means[layer]?.[head] ?? 0) - mean) < 1e-6, where);
        // Every kept example is one of them.
        for (const one of own) {
          const same = all.find(({ document, query }) => document === one.document && query === one.query);
          assert.ok(same && same.key === one.key && Math.abs(same.strength - one.strength) < 1e-6, where);
          const row = same.row.map((weight, key) => ({ weight, key })).sort((a, b) => b.weight - a.weight);
          const four = row.slice(0, 4).filter(({ weight }) => weight > 1e-5);
          assert.deepEqual(
            one.keys,
            four.map(({ key }) => key),
            where,
          );
          four.forEach(({ weight }, at) => assert.ok(Math.abs(weight - (one.weights[at] ?? 0)) < 1.01e-5, where));
        }
        const taken = new Map<number, number>();
        const strongest = all
          .toSorted((a, b) => b.strength - a.strength)
          .filter(({ document }) => {
            taken.set(document, (taken.get(document) ?? 0) + 1);
            return (taken.get(document) ?? 0) <= parameters.perDocument;
          })
          .slice(0, parameters.strongest);
        assert.deepEqual(
          of('strongest').map(({ document, query }) => [document, query]),
          strongest.map(({ document, query }) => [document, query]),
          where,
        );
        const top = strongest.reduce((sum, { strength }) => sum + strength, 0) / strongest.length;
        assert.ok(Math.abs((result.tops[layer]?.[head] ?? 0) - top) < 1e-6, where);
        const rising = all.map(({ strength }) => strength).toSorted((a, b) => a - b);
        assert.equal(of('decile').length, 9);
        for (const { number, strength } of of('decile')) {
          const exact = rising[Math.ceil((number / 10) * rising.length) - 1] ?? Number.NaN;
          assert.ok(Math.abs(exact - strength) < 1 / bins + 1e-6, `${where} decile ${number}: ${strength}, ${exact}`);
        }
        assert.equal(new Set(of('random').map(({ document, query }) => `${document} ${query}`)).size, 6);
        const histogram = result.histograms[layer]?.[head] ?? [];
        assert.equal(
          histogram.reduce((sum, count) => sum + count, 0),
          all.length,
        );
      }
      // The same queries for all heads, as every one gives an example here.
      const places = (head: number): string =>
        result.examples
          .filter((one) => one.group === 'random' && one.layer === 0 && one.head === head)
          .map(({ document, query }) => `${document} ${query}`)
          .join();
      assert.equal(places(0), places(1));
    });

  it('goes on behind the last finished document of a run that was killed, to the same result', async () => {
    const whole = await resultOf(running(documents));
    const kept = new Map<string, unknown>();
    let read = 0;
    const dying: StepOf = async (key, act) => {
      if (kept.size === 3) throw new Error('killed');
      read += 1;
      const value = await act();
      kept.set(key, value);
      return value;
    };
    await assert.rejects(resultOf(running(documents, {}, dying)), /killed/);
    assert.equal(read, 3);
    const going: StepOf = async (key, act) => {
      if (kept.has(key)) return structuredClone(kept.get(key));
      read += 1;
      return act();
    };
    assert.deepEqual(await resultOf(running(documents, {}, going)), whole);
    assert.equal(read, documents.length, 'no document was read twice');
  });

  it('says so where no head has an example, and refuses a corpus without a token', async () => {
    const short = await resultOf(running([{ ids: [7] }, { ids: [8, 9] }]));
    assert.deepEqual(short.examples, []);
    assert.match(headIndex.finding(short), /^No head reads .* Give documents of at least three tokens\.$/);
    assert.equal(headIndex.sections(short).length, 2);
    assert.ok(short.tops.flat().every(Number.isNaN));
    await assert.rejects(resultOf(running([])), /No document of the corpus has a token/);
  });

  it('keeps no more of a document than it says', async () => {
    let bytes = 0;
    const counting: StepOf = async (_, act) => {
      const value = (await act()) as readonly (readonly {
        places: Float32Array;
        read: Uint16Array;
        counts: Uint16Array;
      }[])[];
      for (const { places, read, counts } of value.flat())
        bytes = Math.max(bytes, places.byteLength + read.byteLength + counts.byteLength);
      return value;
    };
    await resultOf(running(documents, {}, counting));
    const { perDocument, random } = parameters;
    assert.ok(bytes <= 28 * (perDocument + random + bins) + 2 * bins, String(bytes));
  });
});
