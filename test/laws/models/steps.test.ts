/** Decoding by step graphs gives the logits of a whole run; what they do not serve goes through the graphs of the blocks. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import type { SequenceRunRequest } from '../../../compute-server/model/generation/sequence-run-request';
import type { LayerSessions } from '../../../compute-server/model/run/graphs/layer-sessions';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike, tinyModels, type TinyModel } from '../../support/checkpoints/tiny-models';

/** As in families.test.ts. */
const tolerance = 1e-4;
/**
 * Allowed difference from a run that adds in another order, in units of the largest logit: a layer differs by some 2e-7, and
 * the rows before by as much again.
 */
const rounding = 4e-6;
const prompt = ids.slice(0, 9);
const decoded = ids.slice(9);

/** Difference of two lists of logits, in units of the largest. */
function difference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(found.length, expected.length);
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((found[i] ?? NaN) - (expected[i] ?? NaN));
    if (!(error <= worst)) worst = error;
    largest = Math.max(largest, Math.abs(expected[i] ?? 0));
  }
  return worst / largest;
}

describe('steps of decoding', () => {
  const opened: OpenTiny[] = [];
  const open = async (which: string | TinyModel) => {
    const tiny = await openTiny(which);
    opened.push(tiny);
    const { model } = tiny;
    /** Kinds of the graphs of layers that were asked for. */
    const kinds: string[] = [];
    const sessions = Object.create(model.sessions) as LayerSessions;
    sessions.session = async (piece) => {
      // Steps of consecutive layers in one graph, or each in its own.
      if (piece.kind === 'steps') kinds.push('step');
      if ('layer' in piece) kinds.push(piece.kind);
      return model.sessions.session(piece);
    };
    const used = (): readonly string[] => [...new Set(kinds.splice(0))];
    const start = (more: Partial<SequenceRunRequest> = {}): Promise<SequenceRun> =>
      SequenceRun.start(model.spec, sessions, { ids: prompt, ...more, chunk: 4 });
    return { ...tiny, start, used };
  };
  after(async () => {
    for (const tiny of opened) await tiny.close();
  });

  const withWindow = (window: number): TinyModel =>
    llamaLike(`mistral, window ${window}`, 'mistral', { sliding_window: window });
  /** A row that reads itself alone goes through the blocks: a step takes at least one row of a cache. */
  const kindOf = ({ name }: TinyModel): string => (name === 'mistral, window 1' ? 'block' : 'step');
  const decoders = tinyModels.filter(({ name }) => name !== 'bert');

  for (const tiny of [...decoders, withWindow(1), withWindow(2), withWindow(12)]) {
    it(`${tiny.name}: the logits of the float64 pass, and those of the block up to rounding`, async () => {
      const { parameters, start, used } = await open(tiny);
      const expected = tiny.run(parameters, ids).logits;
      const steps = await start();
      const blocks = await start({ blocksAlone: true });
      used();
      for (const [at, id] of decoded.entries()) {
        const { logits } = await steps.extend([id]);
        assert.deepEqual(used(), [kindOf(tiny)]);
        (expected[prompt.length + at] ?? []).forEach((value, i) => {
          assert.ok(Math.abs(value - (logits[i] ?? NaN)) <= tolerance, `row ${at}`);
        });
        const same = await blocks.extend([id]);
        assert.deepEqual(used(), ['block']);
        assert.ok(difference(logits, same.logits) <= rounding, `row ${at}`);
      }
    });
  }

  for (const name of ['llama', 'mistral, window 7', 'gemma2', 'gpt2']) {
    it(`${name}: go on behind rows that were observed, and the other way round`, async () => {
      const { model, start } = await open(name);
      const run = await start();
      const ways = [
        [1, {}],
        [1, {}],
        [1, { observe: true }],
        [1, {}],
        [2, {}],
        [1, { statistics: true }],
        [1, {}],
        [1, {}],
        [1, { observe: true, topKeys: true }],
        [1, {}],
      ] as const;
      for (const [count, wanted] of ways) {
        const { length } = run;
        const { logits } = await run.extend(ids.slice(length, length + count), wanted);
        const whole = await runPrompt(model.spec, model.sessions, {
          ids: ids.slice(0, length + count),
          chunk: 64,
          logits: 'last',
        });
        assert.ok(difference(logits, whole.logits?.data as Float32Array) <= rounding);
      }
      assert.equal(run.length, ids.length);
    });

    it(`${name}: gains and uniform heads hold`, async () => {
      const { model, start, used } = await open(name);
      const variant: Variant = [
        { kind: 'gain', layer: 0, head: 1, gain: 0 },
        { kind: 'gain', layer: 1, head: 3, gain: 2.5 },
        { kind: 'gain', layer: 1, head: 3, gain: 0.5 },
        { kind: 'uniform', layer: 0, head: 2 },
        { kind: 'uniform', layer: 1, head: 3 },
      ];
      const run = await start({ variant });
      used();
      let logits = new Float32Array();
      for (const id of decoded) logits = (await run.extend([id])).logits.slice();
      assert.deepEqual(used(), ['step']);
      const request = { ids, chunk: 64, logits: 'last' } as const;
      const whole = await runPrompt(model.spec, model.sessions, { ...request, variants: [variant] });
      assert.ok(difference(logits, whole.logits?.data as Float32Array) <= rounding);
      const plain = await runPrompt(model.spec, model.sessions, request);
      assert.ok(difference(logits, plain.logits?.data as Float32Array) > 1e-2);
    });
  }

  for (const name of ['llama', 'gpt2']) {
    it(`${name} with weights in integers: the same integers as the blocks, from the same files`, async () => {
      const { model } = await open(name);
      const cacheFolder = join(model.folder, 'cache');
      const options = { device: 'cpu', threads: 1, limitBytes: 1e9, weights: 'q8' } as const;
      const packed = await openModel(model.folder, { ...options, cache: { cacheFolder, limitBytes: 1e9 } });
      const { spec, sessions, reference } = packed;
      const files = (): number =>
        readdirSync(cacheFolder, { recursive: true }).filter((file) => String(file).endsWith('.bin')).length;
      const [steps, blocks] = [false, true].map((blocksAlone) =>
        SequenceRun.start(spec, sessions, { ids: prompt, chunk: 4, blocksAlone }),
      );
      const [byStep, byBlock] = [await steps, await blocks];
      const before = files();
      assert.ok(before > 0);
      for (const id of decoded) {
        const [found, same] = [await byStep?.extend([id]), await byBlock?.extend([id])];
        // Rows are rounded to integers too, some of them to the neighbour.
        assert.ok(difference(found?.logits ?? [], same?.logits ?? []) <= 1e-2);
      }
      assert.equal(files(), before);
      await sessions.release();
      await reference?.release();
    });
  }

  for (const dimensions of [8, 4]) {
    it(`rotate neighbouring channels, ${dimensions} of 8, as the blocks do`, async () => {
      const { model, start } = await open('llama');
      const [rope] = model.spec.ropes;
      assert.equal(rope?.dimensions, 8);
      // No family that runs stores this layout; the graphs are built when they are first needed.
      Object.assign(rope, { layout: 'interleaved', dimensions });
      const [steps, blocks] = [await start(), await start({ blocksAlone: true })];
      for (const id of decoded) {
        const [found, same] = [await steps.extend([id]), await blocks.extend([id])];
        assert.ok(difference(found.logits, same.logits) <= rounding);
      }
    });
  }

  it('follow a prefix that reads in both directions', async () => {
    const { model, start, used } = await open('llama');
    const run = await start({ prefix: 5 });
    used();
    let logits = new Float32Array();
    for (const id of decoded) logits = (await run.extend([id])).logits.slice();
    assert.deepEqual(used(), ['step']);
    const whole = await runPrompt(model.spec, model.sessions, { ids, prefix: 5, chunk: 64, logits: 'last' });
    assert.ok(difference(logits, whole.logits?.data as Float32Array) <= rounding);
  });

  it('of a window read no key that a hole in the positions puts outside', async () => {
    const { model, start, used } = await open('mistral, window 7');
    const positions = [0, 1, 2, 3, 4, 9, 10, 11, 12];
    const run = await start({ positions });
    used();
    const all = [...positions];
    for (const id of decoded) {
      const { logits } = await run.extend([id]);
      all.push((all.at(-1) ?? 0) + 1);
      const request = { ids: ids.slice(0, all.length), positions: all, chunk: 64, logits: 'last' } as const;
      const whole = await runPrompt(model.spec, model.sessions, request);
      assert.ok(difference(logits, whole.logits?.data as Float32Array) <= rounding, `row ${all.length}`);
    }
    assert.deepEqual(used(), ['step']);
  });

  describe('looked into', () => {
    const groups = [
      // One key twice, the keys that a window loses, one that is decoded, none.
      { name: 'early', positions: [0, 2, 2, 3, 5] },
      { name: 'late', positions: [7, 8, 12] },
      { name: 'none', positions: [] },
    ];
    const variant: Variant = [
      { kind: 'gain', layer: 1, head: 1, gain: 2.5 },
      { kind: 'uniform', layer: 1, head: 3 },
    ];
    /** Numbers on the way through both, which have the same shape. */
    const numbersIn = (value: unknown, path = ''): (readonly [string, number])[] =>
      typeof value === 'number'
        ? [[path, value]]
        : Object.entries(value as object).flatMap(([key, each]) => numbersIn(each, `${path}.${key}`));
    const requireSame = (found: unknown, expected: unknown, what: string): void => {
      const [own, other] = [numbersIn(found), numbersIn(expected)];
      assert.ok(own.length > 0);
      assert.deepEqual(
        own.map(([path]) => path),
        other.map(([path]) => path),
      );
      own.forEach(([path, value], at) => {
        const same = other[at]?.[1] ?? Infinity;
        assert.ok(Object.is(value, same) || Math.abs(value - same) <= 1e-5, `${what}${path}: ${value}, not ${same}`);
      });
    };
    for (const tiny of [...decoders, withWindow(1), withWindow(2), withWindow(12)]) {
      it(`${tiny.name}: every number is that of the blocks`, async () => {
        const { start, used } = await open(tiny);
        const request = { groups, variant, observe: true, topKeys: true };
        const steps = await start(request);
        const observed = await start({ ...request, blocksAlone: true });
        const counted = await start({ ...request, blocksAlone: true });
        const both = await start({ ...request, blocksAlone: true });
        used();
        for (const [at, id] of decoded.entries()) {
          // Rows that nobody looks into move the cache as well.
          if (at % 3 === 2) {
            for (const run of [steps, observed, counted, both]) await run.extend([id]);
            used();
            continue;
          }
          const found = await steps.extend([id], { observe: true, topKeys: true, statistics: true });
          assert.deepEqual(used(), [kindOf(tiny)]);
          const { observations, logits } = await observed.extend([id], { observe: true, topKeys: true });
          const { statistics } = await counted.extend([id], { statistics: true });
          const together = await both.extend([id], { observe: true, topKeys: true, statistics: true });
          assert.deepEqual(used(), ['block']);
          requireSame(together.statistics, statistics, `row ${at}, statistics asked for with the observation`);
          requireSame(together.observations, observations, `row ${at}, observation asked for with the statistics`);
          requireSame(found.statistics, statistics, `row ${at}, statistics`);
          requireSame(found.observations, observations, `row ${at}, observations`);
          assert.ok(difference(found.logits, logits) <= rounding);
        }
      });
    }

    it('of a window whose keys a hole in the positions leaves behind: those that are read count', async () => {
      const { start, used } = await open('mistral, window 7');
      const positions = [0, 1, 2, 3, 4, 9, 10, 11, 12];
      const request = { positions, groups };
      const [steps, blocks] = [await start(request), await start({ ...request, blocksAlone: true })];
      used();
      for (const id of decoded.slice(0, 4)) {
        const { length } = steps;
        const found = await steps.extend([id], { statistics: true });
        assert.deepEqual(used(), ['step']);
        const same = await blocks.extend([id], { statistics: true });
        requireSame(found.statistics, same.statistics, `row ${length}, `);
        // Position p is row p - 4 behind the hole, which the rows from 5 on, at most 7 of them, are.
        const read = Math.min(7, length - 4);
        assert.ok(Math.abs((found.statistics?.[0]?.permutation.mean.selfToken ?? NaN) - 1 / read) < 1e-9);
        used();
      }
    });
  });

  describe('leave to the graphs of the blocks', () => {
    const group = { name: 'few', positions: [1, 4] };
    const change = { layer: 1, head: 2, group: 'few' };
    const data = Float32Array.from({ length: 8 }, (_, i) => i / 8 - 0.4);
    const place = { layer: 0, target: 'head', head: 1 } as const;
    const rowsOf = (count: number): Float32Array =>
      Float32Array.from({ length: 8 * count }, (_, i) => data[i % 8] ?? 0);
    const cases: readonly (readonly [what: string, kind: 'step' | 'block', variant: Variant])[] = [
      ['score biases', 'block', [{ kind: 'bias', ...change, value: -3 }]],
      ['group weights', 'block', [{ kind: 'weight', ...change, value: 0 }]],
      ['values replaced everywhere', 'block', [{ kind: 'replacement', ...place, data, everywhere: true }]],
      ['values replaced beyond the prompt', 'block', [{ kind: 'replacement', ...place, data: rowsOf(ids.length) }]],
      [
        'nothing where the prompt alone has values replaced',
        'step',
        [{ kind: 'replacement', ...place, data: rowsOf(9) }],
      ],
    ];
    for (const [what, kind, variant] of cases) {
      it(what, async () => {
        const { model, start, used } = await open('llama');
        const run = await start({ variant, groups: [group] });
        used();
        let logits = new Float32Array();
        for (const id of decoded) logits = (await run.extend([id])).logits.slice();
        assert.deepEqual(used(), [kind]);
        const whole = await runPrompt(model.spec, model.sessions, {
          ids,
          groups: [group],
          variants: [variant],
          chunk: 64,
          logits: 'last',
        });
        assert.ok(difference(logits, whole.logits?.data as Float32Array) <= rounding);
      });
    }
  });
});
