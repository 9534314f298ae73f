/** Phases of rotary attention in runs: the scores of the heads that are turned are those of the formula, all else is as before. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { generateJob } from '../../../compute-server/model-calls/generate-job';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { normalTensor } from '../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { phase as phaseKind, phasedScores } from '../../../models/instrument/changes/phase';
import type { LayerSizes } from '../../../models/instrument/changes/sizes';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { evaluate } from '../../support/graph-arithmetic/evaluate';
import { resultOf, surroundingsOf } from '../../support/model-jobs';

const n = ids.length;
const { signal } = new AbortController();
const listOf = (...texts: readonly string[]): readonly Intervention[] =>
  texts.map((text) => {
    const read = parseDo(text);
    assert.ok(read.ok, read.ok ? '' : read.why);
    return read.value;
  });

const numbers = (data: unknown): Float32Array => {
  assert.ok(data instanceof Float32Array);
  return data;
};
const logitsOf = (result: RunResult): Float32Array => numbers(result.logits?.data);
const most = (a: Float32Array, b: ArrayLike<number>): number =>
  a.reduce((largest, x, at) => Math.max(largest, Math.abs(x - b[at]!)), 0);

/** Both components of each rotated plane of a row. */
const planes = (row: ArrayLike<number>, dimensions: number): readonly (readonly [number, number])[] =>
  Array.from({ length: dimensions / 2 }, (_, i) => [row[i]!, row[i + dimensions / 2]!]);

/** sum of |q| |k| cos(delta (angle q - angle k) + shift + distance frequency) and the products of what is not rotated. */
function phased(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  {
    delta,
    shift,
    distance,
    frequencies,
    width,
    only,
  }: {
    readonly delta: number;
    readonly shift: number;
    readonly distance: number;
    readonly frequencies: readonly number[];
    readonly width: number;
    /** The plane that is turned; absent: all. */
    readonly only: number | undefined;
  },
): number {
  const dimensions = 2 * frequencies.length;
  let sum = 0;
  const keys = planes(k, dimensions);
  planes(q, dimensions).forEach(([x, y], i) => {
    const [u, v] = keys[i]!;
    const angle = Math.atan2(y, x) - Math.atan2(v, u);
    const turned = only === undefined || only === i ? delta * angle + shift : angle;
    sum += Math.hypot(x, y) * Math.hypot(u, v) * Math.cos(turned + distance * frequencies[i]!);
  });
  for (let c = dimensions; c < width; c++) sum += q[c]! * k[c]!;
  return sum;
}

for (const family of ['llama', 'gpt_neox', 'gemma2']) {
  describe(`phases on a tiny ${family}`, () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny(family);
    });
    after(() => tiny.close());

    const lowered = async (...texts: readonly string[]): Promise<Variant> => {
      const { model } = tiny;
      const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
      return (await lower(of, [listOf(...texts)])).variants[0]!;
    };
    const run = (variant: Variant, chunk = n) => {
      const { spec, sessions } = tiny.model;
      const taps = (['attention.query', 'attention.key', 'attention.probabilities'] as const).map((tap) => ({
        layer: 0,
        tap,
      }));
      return runPrompt(spec, sessions, { ids, variants: [variant], chunk, logits: 'all', taps });
    };
    const tap = (result: RunResult, name: LayerTap): Float32Array => numbers(result.layers[0]?.taps[name]?.data);

    it('that are neutral change no bit, and by the graph itself no more than rounding', async () => {
      const plain = await run([]);
      assert.deepEqual(await lowered('phase:0.1=1'), []);
      const identity: Variant = [{ kind: 'phase', layer: 0, head: 1, delta: 1, shift: 0 }];
      assert.ok(most(logitsOf(await run(identity)), logitsOf(plain)) < 2e-5);
      const turned = await run([{ kind: 'phase', layer: 0, head: 1, delta: 1, shift: 2 * Math.PI }]);
      assert.ok(most(logitsOf(turned), logitsOf(plain)) < 2e-5, 'a whole turn');
    });

    it('give the scores of the formula, whole and in chunks, and leave other heads as they were', async () => {
      const { spec } = tiny.model;
      const { heads, kvHeads, headDim, scale, softcap, window = Infinity, rope } = spec.blocks[0]!.attention!;
      const { theta, dimensions } = spec.ropes[rope!]!;
      const frequencies = Array.from({ length: dimensions / 2 }, (_, i) => theta ** ((-2 * i) / dimensions));
      const plain = await run([]);
      const [query, key] = [tap(plain, 'attention.query'), tap(plain, 'attention.key')];
      /** A row as it was before its rotation. */
      const raw = (x: Float32Array, head: number, position: number): number[] => {
        const row = [...x.subarray((head * n + position) * headDim, (head * n + position + 1) * headDim)];
        const half = dimensions / 2;
        planes(row, dimensions).forEach(([a, b], i) => {
          const angle = -position * frequencies[i]!;
          row[i] = a * Math.cos(angle) - b * Math.sin(angle);
          row[i + half] = a * Math.sin(angle) + b * Math.cos(angle);
        });
        return row;
      };
      for (const [delta, shift, only] of [
        [0, 0],
        [0.4, 0],
        [1, 0.9],
        [2, -0.3],
        [0.4, 0.9, 0],
      ] as const) {
        const head = heads - 1;
        const kv = Math.floor(head / (heads / kvHeads));
        const planes = only === undefined ? '' : `@${only}`;
        const variant = await lowered(`phase:0.${head}${planes}=${delta},${shift}`);
        const whole = await run(variant);
        const probabilities = tap(whole, 'attention.probabilities');
        const before = tap(plain, 'attention.probabilities');
        assert.deepEqual(probabilities.subarray(0, head * n * n), before.subarray(0, head * n * n));
        for (let i = 0; i < n; i++) {
          const scores = Array.from({ length: n }, (_, j) => {
            if (j > i || j <= i - window) return -Infinity;
            const given = { delta, shift, distance: i - j, frequencies, width: headDim, only };
            const score = phased(raw(query, head, i), raw(key, kv, j), given) * scale;
            return softcap === undefined ? score : softcap * Math.tanh(score / softcap);
          });
          const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
          scores.forEach((score, j) => {
            const [found, expected] = [probabilities[(head * n + i) * n + j]!, Math.exp(score) / total];
            assert.ok(Math.abs(found - expected) < 1e-5, `${delta}, ${shift}, ${i}, ${j}: ${found}, ${expected}`);
          });
        }
        assert.ok(most(logitsOf(await run(variant, 7)), logitsOf(whole)) < 1e-5, 'in chunks');
        assert.ok(most(logitsOf(whole), logitsOf(plain)) > 1e-4, 'something changes');
      }
    });

    it('hold in a generation, and beside biases and uniform heads', async () => {
      const list = ['phase:0.2=0.3,0.5', 'phase:1.1=0', 'bias:0.2:3-6=1.5', 'uniform:1.3'];
      const { ids: added } = await resultOf(
        generateJob(
          tiny.model,
          {
            folder: '',
            prompt: { kind: 'ids', ids },
            interventions: listOf(...list),
            maxNewTokens: 4,
            temperature: 0,
            topP: 1,
            seed: 0,
            statistics: false,
          },
          surroundingsOf(),
          signal,
        ),
      );
      const { model } = tiny;
      const text = [...ids];
      for (const id of added) {
        const of = { opened: model, model, sequence: { ids: text }, chunk: 40, memoryLimit: 1e9, signal };
        const { variants, groups } = await lower(of, [listOf(...list)]);
        const run = await runPrompt(model.spec, model.sessions, {
          ids: text,
          variants,
          groups,
          chunk: 40,
          logits: 'last',
        });
        const logits = logitsOf(run);
        assert.equal(id, logits.indexOf(Math.max(...logits)));
        text.push(id);
      }
    });
  });
}

it('Phases of planes that are not rotated are refused', async () => {
  const tiny = await openTiny('llama');
  try {
    const { model } = tiny;
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
    const planes = model.spec.ropes[0]!.dimensions / 2;
    await lower(of, [listOf(`phase:1.0@0-${planes - 1}=0`)]);
    await assert.rejects(
      lower(of, [listOf(`phase:1.0@0-${planes}=0`)]),
      new RegExp(`no plane ${planes} in layer 1: it rotates ${planes}, from 0`),
    );
  } finally {
    await tiny.close();
  }
});

it('Phases are refused where nothing is rotated', async () => {
  const tiny = await openTiny('gpt2');
  try {
    const { model } = tiny;
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
    await assert.rejects(lower(of, [listOf('phase:1.2=0')]), /Layer 1 has no rotary embedding/);
    await assert.rejects(lower(of, [listOf('phase:1.9=0')]), /There is no head 9/);
  } finally {
    await tiny.close();
  }
});

it('Phases of neighbouring dimensions are those of halves in another order', () => {
  const [rows, width] = [4, 6];
  const [q, k] = [normalTensor([1, 2, rows, width], 1), normalTensor([1, 1, rows, width], 2)];
  const turn = Float64Array.from({ length: rows * 4 }, (_, at) => {
    const angle = Math.floor(at / 4) * [1, 0.2][at % 2]!;
    return at % 4 < 2 ? Math.cos(angle) : Math.sin(angle);
  });
  const scores = (layout: 'half' | 'interleaved', query: Tensor, key: Tensor): Float64Array => {
    const graph = new GraphBuilder('phase');
    const phase = phaseKind.declare(graph, { heads: 2, rotated: { dimensions: 4, layout } } as LayerSizes, {
      ...{ keys: 't', always: false, parts: ['phase'] },
    })!;
    const [q, k] = [
      graph.input('q', 'float32', ['b', 2, 'n', width]),
      graph.input('k', 'float32', ['b', 1, 't', width]),
    ];
    const out = graph.output(phasedScores(graph, phase, q, k, { heads: 2, kvHeads: 1, scale: 1 }), 'y');
    const perHead = (...data: number[]) => tensor([1, 2, 1, 1], Float64Array.from(data));
    const feeds = {
      ...{ q: query, k: key, phase_heads: perHead(1, 1), phase_delta: perHead(0.5, -1), phase_shift: perHead(0.2, 1) },
      ...{ phase_query_turn: tensor([rows, 4], turn), phase_key_turn: tensor([rows, 4], turn) },
    };
    return evaluate(graph, feeds).get(out.name)!.data;
  };
  const swapped = (x: Tensor): Tensor =>
    tensor(
      x.shape,
      x.data.map((_, at) => x.data[at - (at % width) + [0, 2, 1, 3, 4, 5][at % width]!]!),
    );
  const halves = scores('half', q, k);
  scores('interleaved', swapped(q), swapped(k)).forEach((x, at) => assert.ok(Math.abs(x - halves[at]!) < 1e-12));
  assert.ok(Math.abs(halves[0]! - halves[1]!) > 1e-3);
});
