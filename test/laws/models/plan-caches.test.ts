/** Decoding from caches that hold what a plan keeps gives the numbers of the whole text under masks, and takes the bytes of the plan. */
import { planChanges } from '../../../diagnostics/model-runner/plan-changes';
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { generateJob } from '../../../compute-server/model-calls/generate-job';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import type { SequenceRunRequest } from '../../../compute-server/model/generation/sequence-run-request';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { TopKeys } from '../../../diagnostics/model-runner/run-request';
import { planIntervention } from '../../../protocol/interventions/plan';
import type { HeadPlan, RecentPlan } from '../../../protocol/plans/head-plan';
import { heldOf } from '../../../protocol/plans/held';
import { planBytes } from '../../../protocol/plans/plan-bytes';
import { random } from '../../../kernels/tensors/random';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { surroundingsOf } from '../../support/model-jobs';

const promptLength = 9;
const prompt = ids.slice(0, promptLength);
const decoded = ids.slice(promptLength);

const recent = (sinks: number, newest: number, more: Partial<RecentPlan> = {}): HeadPlan => ({
  kind: 'recent',
  sinks,
  recent: newest,
  ...more,
});
const kept: HeadPlan = {
  kind: 'kept',
  ranges: [
    { start: 1, end: 3 },
    { start: 5, end: 6 },
  ],
};
const full: HeadPlan = { kind: 'full' };
const span: HeadPlan = { kind: 'span', alpha: 1, beta: 0.5, sinks: 2 };
/** None of them reads a mean. */
const dropping: readonly HeadPlan[] = [
  full,
  recent(2, 3),
  recent(0, 4),
  recent(3, 0),
  recent(0, 0),
  recent(1, 2, { share: 0.5 }),
  recent(1, 2, { append: true }),
  span,
  kept,
];
const means = [recent(2, 3, { mean: true }), recent(0, 1, { mean: true }), recent(1, 2, { mean: true, append: true })];

const largest = (numbers: ArrayLike<number>): number =>
  Array.from(numbers).reduce((most, each) => Math.max(most, Math.abs(each)), 0);

function requireSame(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(found.length, expected.length);
  const scale = Math.max(1, largest(expected));
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((found[i] ?? NaN) - (expected[i] ?? NaN));
    assert.ok(error <= 1e-5 * scale || Object.is(found[i], expected[i]), `${what}: ${found[i]}, not ${expected[i]}`);
  }
}

describe('decoding under a plan', () => {
  const opened: OpenTiny[] = [];
  after(async () => {
    for (const tiny of opened) await tiny.close();
  });
  const open = async (name: string) => {
    const tiny = await openTiny(name);
    opened.push(tiny);
    const { spec, sessions } = tiny.model;
    const [first] = spec.blocks;
    assert.ok(first);
    /** Plans of all heads, drawn of these. */
    const draw = (from: readonly HeadPlan[], seed: number): HeadPlan[][] => {
      const source = random(seed);
      return spec.blocks.map(({ attention }) =>
        Array.from({ length: attention!.kvHeads }, () => from[source.whole(from.length)] ?? full),
      );
    };
    const planned = (heads: readonly (readonly HeadPlan[])[], from: number, length = promptLength) =>
      planChanges({
        prompt: length,
        from,
        heads: heads.map((layer) => layer.map((head) => heldOf(head, length))),
      });
    const bytesOf = (heads: readonly (readonly HeadPlan[])[], length: number) =>
      planBytes(heads, first.attention!.headDim, length, {
        prompt: promptLength,
        windows: spec.blocks.map(({ attention }) => attention!.window ?? null),
      });
    const start = (variant: Variant, more: Partial<SequenceRunRequest> = {}): Promise<SequenceRun> =>
      SequenceRun.start(spec, sessions, { ids: prompt, chunk: 4, ...more, variant });
    const whole = async (variant: Variant, length: number, more: Partial<SequenceRunRequest> = {}) => {
      const { groups } = more;
      const request = { ids: ids.slice(0, length), chunk: 64, logits: 'last', ...(groups ? { groups } : {}) } as const;
      const run = await runPrompt(spec, sessions, { ...request, variants: [variant] });
      return run.logits?.data as Float32Array;
    };
    return { model: tiny.model, spec, draw, planned, bytesOf, start, whole };
  };

  for (const name of ['llama', 'gpt2', 'mistral, window 7', 'gemma2']) {
    it(`${name}: logits of the whole text under masks, and bytes of the plan at every step`, async () => {
      const { spec, draw, planned, bytesOf, start, whole } = await open(name);
      const exact = spec.blocks.every(
        ({ attention }) => attention!.window === undefined && attention!.softcap === undefined,
      );
      let smaller = 0;
      for (let seed = 0; seed < 6; seed++) {
        const heads = draw(exact && seed % 2 === 1 ? [...dropping, ...means, ...means] : dropping, seed);
        for (const from of [0, promptLength]) {
          const plan = planned(heads, from);
          const run = await start(plan);
          requireSame(run.logits, await whole(plan, promptLength), 'the prompt');
          for (const id of decoded) {
            assert.deepEqual(
              [run.cacheBytes().bytes, run.cacheBytes().bytesFull],
              [bytesOf(heads, run.length).plan, bytesOf(heads, run.length).full],
            );
            const { logits } = await run.extend([id]);
            requireSame(logits, await whole(plan, run.length), `plan ${seed} from ${from}, row ${run.length}`);
          }
          const { bytes, bytesFull, allocated, maskedLayers } = run.cacheBytes();
          assert.equal(maskedLayers, 0);
          assert.ok(allocated >= bytes);
          if (bytes < bytesFull) smaller++;
        }
      }
      assert.ok(smaller >= 8, `${smaller}`);
    });
  }

  it('that keeps everything: the same bits as without a plan', async () => {
    const { draw, planned, start } = await open('llama');
    const [run, plain] = [await start(planned(draw([full], 0), 0)), await start([])];
    assert.deepEqual(run.logits, plain.logits);
    for (const id of decoded) assert.deepEqual(await run.extend([id]), await plain.extend([id]));
    assert.deepEqual(run.cacheBytes(), plain.cacheBytes());
  });

  for (const name of ['llama', 'gpt2', 'mistral, window 7']) {
    it(`${name}, looked into: every number is that of the masks`, async () => {
      const { spec, draw, planned, start } = await open(name);
      const windows = spec.blocks.some(({ attention }) => attention!.window !== undefined);
      const groups = [
        { name: 'early', positions: [0, 2, 3, 5] },
        { name: 'late', positions: [7, 8, 12] },
      ];
      const wanted = { observe: true, topKeys: true, statistics: true };
      for (const seed of [1, 2]) {
        const heads = draw(windows ? dropping : [...dropping, ...means, ...means, ...means], seed);
        // A uniform head that reads a mean would weigh all alike, up to rounding, and rank them as that falls.
        heads[1]?.splice(-1, 1, recent(1, 2));
        const request = { groups, observe: true, topKeys: true };
        const variant = [...planned(heads, 0), { kind: 'uniform' as const, layer: 1, head: 3 }];
        const [run, masked] = [await start(variant, request), await start(variant, { ...request, blocksAlone: true })];
        for (const id of decoded) {
          const [found, expected] = [await run.extend([id], wanted), await masked.extend([id], wanted)];
          const what = `seed ${seed}, row ${run.length}`;
          const [own, other] = [found.observations[0], expected.observations[0]];
          assert.ok(own?.top && other?.top && found.statistics && expected.statistics);
          for (const { index: layer } of spec.blocks) {
            requireSame(own.headOutputs[layer] ?? [], other.headOutputs[layer] ?? [], `${what}, outputs`);
            requireSame(own.mass[layer] ?? [], other.mass[layer] ?? [], `${what}, mass`);
            const top: TopKeys | undefined = own.top[layer];
            const same: TopKeys | undefined = other.top[layer];
            assert.ok(top && same);
            requireSame(top.weights, same.weights, `${what}, top`);
            // Keys that are not read are named by masks alone.
            const read: Int32Array = same.keys.map((key, at) => ((same.weights[at] ?? 0) > 0 ? key : -1));
            assert.deepEqual(top.keys, read, what);
            const { permutation, groups: byGroup, ...numbers } = found.statistics[layer] ?? assert.fail();
            const { permutation: dealt, groups: sameGroups, ...others } = expected.statistics[layer] ?? assert.fail();
            for (const [each, value] of [
              ...Object.entries(numbers).map(([key, list]) => [list, others[key as keyof typeof others]] as const),
              ...Object.entries(byGroup).map(([key, list]) => [list, sameGroups[key] ?? []] as const),
              ...Object.entries(permutation.variance).map(
                ([key, list]) => [list, dealt.variance[key as keyof typeof dealt.variance]] as const,
              ),
            ]) {
              requireSame(each, value, `${what}, statistics`);
            }
          }
        }
      }
    });
  }

  it('a generated text says what its cache takes', async () => {
    const { model, draw, bytesOf } = await open('llama');
    const heads = draw([full, recent(1, 3), recent(2, 4, { mean: true })], 1);
    const request = {
      folder: '',
      prompt: { kind: 'ids', ids: prompt } as const,
      maxNewTokens: 6,
      temperature: 0,
      topP: 1,
      seed: 0,
      statistics: false,
    };
    for (const [interventions, whole] of [
      [[planIntervention(heads)], false],
      [[], true],
    ] as const) {
      const job = generateJob(
        model,
        { ...request, interventions },
        surroundingsOf({ cacheFolder: tmpdir() }),
        new AbortController().signal,
      );
      let step = await job.next();
      while (!step.done) step = await job.next();
      // The last token is not read.
      const { plan: held, full: all } = bytesOf(heads, promptLength + step.value.ids.length - 1);
      const { bytes, bytesFull } = step.value.cache;
      assert.deepEqual([bytes, bytesFull], [whole ? all : held, all]);
    }
  });

  it('several rows at once go one by one', async () => {
    const { draw, planned, start } = await open('llama');
    const variant = planned(draw([...dropping, ...means], 4), 0);
    const [run, single] = [await start(variant), await start(variant)];
    const found = await run.extend(decoded.slice(0, 3), { observe: true });
    const expected = [];
    for (const id of decoded.slice(0, 3)) expected.push(await single.extend([id], { observe: true }));
    assert.deepEqual(found.logits, expected[2]?.logits);
    assert.deepEqual(
      found.observations,
      expected.flatMap(({ observations }) => observations),
    );
    assert.equal(run.length, single.length);
  });

  it('of a prompt whose end is decoded: what is dropped there goes at its end', async () => {
    const { draw, planned, start, whole } = await open('llama');
    const length = 13;
    for (const from of [0, length]) {
      const variant = planned(
        draw([kept, recent(1, 3, { mean: true }), recent(1, 2, { append: true })], 5),
        from,
        length,
      );
      const run = await start(variant);
      for (const id of decoded) {
        const { logits } = await run.extend([id]);
        requireSame(logits, await whole(variant, run.length), `row ${run.length}`);
      }
    }
  });

  describe('by masks, with everything held', () => {
    const groups = [{ name: 'few', positions: [1, 4] }];
    const bias: Variant = [{ kind: 'bias', layer: 1, head: 2, group: 'few', value: -3 }];
    const reading = recent(1, 2, { mean: true });
    const cases: readonly (readonly [
      what: string,
      name: string,
      more: Variant,
      masked: readonly number[],
      HeadPlan,
    ])[] = [
      ['where the rows have score biases', 'llama', bias, [0, 1], reading],
      ['where means are read in a window', 'mistral, window 7', [], [0, 1], reading],
      ['where means of capped scores are read', 'gemma2', [], [0, 1], reading],
      ['in one layer, with caches in the other', 'gemma2', [], [0], recent(1, 2)],
    ];
    for (const [what, name, more, masked, second] of cases) {
      it(what, async () => {
        const { draw, planned, bytesOf, start, whole } = await open(name);
        const heads = [draw([reading], 0)[0] ?? [], draw([second], 0)[1] ?? []];
        const variant = [...more, ...planned(heads, 0)];
        const run = await start(variant, { groups });
        for (const id of decoded) {
          const { logits } = await run.extend([id]);
          requireSame(logits, await whole(variant, run.length, { groups }), `row ${run.length}`);
        }
        const { bytes, bytesFull, maskedLayers } = run.cacheBytes();
        const held = bytesOf(
          heads.map((layer, at) => (masked.includes(at) ? layer.map(() => full) : layer)),
          run.length,
        );
        assert.deepEqual([maskedLayers, bytes, bytesFull], [masked.length, held.plan, held.full]);
      });
    }
  });
});
