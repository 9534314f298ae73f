import type { Variant } from '../../../models/instrument/changes/changes';
import { gainChanges } from '../../../models/instrument/changes/gain';
import assert from 'node:assert/strict';
import {
  divergences,
  layerDivergence,
  outliers,
  selectedHeads,
} from '../../../diagnostics/shared/divergence/divergence';
import { continued } from '../../../diagnostics/model-runner/decoding';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import {
  lastHeadOutputs,
  startReinforced,
  type ReinforcementSetup,
} from '../../../compute-server/model/generation/reinforcement';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { spanPair } from '../../../diagnostics/shared/divergence/span-pair';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike, tinyModel } from '../../support/checkpoints/tiny-models';
import type { Parameters } from '../../support/reference/vectors';

const pair = spanPair({ ids }, { kind: 'span', start: 3, end: 12 }, 'contiguous');
const setup: ReinforcementSetup = {
  alpha: 2,
  layers: [1, 3, 4],
  distance: 'l2',
  outliers: 'paper',
  heads: 'selected',
  normMatched: false,
  executor: 'in-graph',
  seed: 1,
};
const sizes = { num_hidden_layers: 5, num_attention_heads: 8, num_key_value_heads: 4 };
const models = [
  llamaLike('llama, deep', 'llama', sizes),
  llamaLike('gemma2, deep', 'gemma2', {
    ...sizes,
    head_dim: 12,
    sliding_window: 7,
    query_pre_attn_scalar: 10,
    attn_logit_softcapping: 5,
    final_logit_softcapping: 3,
    hidden_activation: 'gelu_pytorch_tanh',
  }),
  llamaLike('qwen3, deep, odd heads', 'qwen3', {
    ...sizes,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    head_dim: 12,
  }),
];

const close = (a: Float32Array, b: Float32Array, tolerance: number, what: string): void => {
  assert.equal(a.length, b.length);
  a.forEach((value, i) => assert.ok(Math.abs(value - (b[i] ?? NaN)) <= tolerance, `${what}: ${value} and ${b[i]}`));
};

describe('reinforcement of heads that read a span', () => {
  const open = new Map<string, OpenTiny>();
  before(async () => {
    for (const tiny of models) open.set(tiny.name, await openTiny(tiny));
  });
  after(async () => {
    for (const each of open.values()) await each.close();
  });
  const of = (name: string): OpenTiny => open.get(name) ?? assert.fail(name);
  const start = (name: string, change: Partial<ReinforcementSetup> = {}, chunk = 64, variant: Variant = []) => {
    const { model } = of(name);
    return startReinforced(model.spec, model.sessions, { pair, setup: { ...setup, ...change }, chunk, variant });
  };

  for (const { name } of models) {
    describe(name, () => {
      for (const distance of ['l2', 'squared', 'relative', 'cosine'] as const) {
        for (const rule of ['paper', 'release', 'off'] as const) {
          it(`in the graph and by a run per layer choose the same heads and give the same logits: ${distance}, ${rule}`, async () => {
            const settings = { distance, outliers: rule };
            const inGraph = await start(name, settings);
            const progressive = await start(name, { ...settings, executor: 'progressive' });
            const chunked = await start(name, settings, 6);
            const oneShot = await start(name, { ...settings, executor: 'one-shot' });
            assert.deepEqual(inGraph.selected, progressive.selected);
            assert.deepEqual(chunked.selected, progressive.selected);
            assert.deepEqual(oneShot.selected[1], progressive.selected[1]);
            close(inGraph.run.logits, progressive.run.logits, 1e-4, 'logits');
            close(chunked.run.logits, progressive.run.logits, 1e-4, 'logits of chunks');
            assert.ok(progressive.selected.flat().some(Boolean));
            assert.ok([0, 2].every((layer) => !progressive.selected[layer]?.some(Boolean)));
          });
        }
      }

      it('alpha 1 changes no bit', async () => {
        const { model } = of(name);
        const plain = await SequenceRun.start(model.spec, model.sessions, { ...pair.whole, chunk: 64 });
        assert.deepEqual((await start(name, { alpha: 1 })).run.logits, plain.logits);
        assert.deepEqual((await start(name, { alpha: 1, executor: 'progressive' })).run.logits, plain.logits);
        assert.notDeepEqual((await start(name)).run.logits, plain.logits);
      });

      it('steps against the cache with the gains held equal a whole run with these gains', async () => {
        const { model } = of(name);
        const { run, gains } = await start(name);
        const made: number[] = [];
        let last = new Float32Array(0);
        for await (const token of continued(run, {
          maxNewTokens: 9,
          stopIds: [],
          sampling: { temperature: 0, topP: 1, seed: 0 },
        })) {
          made.push(token.id);
          last = token.logits.slice();
        }
        const whole = await runPrompt(model.spec, model.sessions, {
          ids: [...ids, ...made.slice(0, -1)],
          variants: [gainChanges(gains)],
          chunk: 64,
          logits: 'last',
        });
        close(last, whole.logits?.data as Float32Array, 1e-4, 'logits');
        assert.deepEqual(run.gains, gains);
      });
    });
  }

  it("what the graph measures is what the definitions give of the layer's current outputs", async () => {
    const { model } = of('llama, deep');
    for (const distance of ['l2', 'squared', 'relative', 'cosine'] as const) {
      const layers = [1];
      const text = await lastHeadOutputs(model.spec, model.sessions, pair.without, { variant: [], chunk: 64, layers });
      const whole = await lastHeadOutputs(model.spec, model.sessions, pair.whole, { variant: [], chunk: 64, layers });
      const run = await SequenceRun.start(model.spec, model.sessions, {
        ...pair.whole,
        chunk: 64,
        reinforcement: { alpha: 2, distance, rule: 'paper', text },
      });
      const own = { with: whole.get(1) ?? assert.fail(), without: text.get(1) ?? assert.fail(), heads: 8 };
      const chosen = run.chosen.get(1) ?? assert.fail();
      const expected = divergences(own, distance);
      chosen.divergence.forEach((value, head) =>
        assert.ok(Math.abs(value - (expected[head] ?? NaN)) < 1e-5 * Math.max(1, value), `${distance} ${value}`),
      );
      assert.deepEqual(chosen.outlier, outliers(own, distance, 'paper'));
      assert.deepEqual(chosen.selected, selectedHeads(expected, chosen.outlier));
    }
  });

  it('outliers planted in the text pass are found by either rule, in the graph as outside', async () => {
    const { model } = of('llama, deep');
    const layers = [1];
    const text = await lastHeadOutputs(model.spec, model.sessions, pair.without, { variant: [], chunk: 64, layers });
    const whole = await lastHeadOutputs(model.spec, model.sessions, pair.whole, { variant: [], chunk: 64, layers });
    const burst = (text.get(1) ?? assert.fail()).slice();
    const width = burst.length / 8;
    for (let i = 5 * width; i < 6 * width; i++) burst[i] = 40;
    for (const rule of ['paper', 'release', 'off'] as const) {
      const own = { with: whole.get(1) ?? assert.fail(), without: burst, heads: 8 };
      const expected = layerDivergence(own, 'l2', rule);
      const run = await SequenceRun.start(model.spec, model.sessions, {
        ...pair.whole,
        chunk: 64,
        reinforcement: { alpha: 2, distance: 'l2', rule, text: new Map([[1, burst]]) },
      });
      const chosen = run.chosen.get(1) ?? assert.fail();
      assert.deepEqual(chosen.outlier, expected.outlier);
      assert.equal(chosen.outlier[5], rule !== 'off');
      assert.equal(chosen.selected[5], rule === 'off');
      assert.deepEqual(chosen.selected, expected.selected);
    }
  });

  it('a gain on all heads is the same factor on the output projection', async () => {
    const { model, tiny, parameters } = of('llama, deep');
    const scaled: Parameters = {
      ...parameters,
      matrix: (name) =>
        name.endsWith('self_attn.o_proj.weight')
          ? parameters.matrix(name).map((row) => row.map((w) => 2 * w))
          : parameters.matrix(name),
    };
    const gains = model.spec.blocks.flatMap(({ index }) =>
      Array.from({ length: 8 }, (_, head) => ({ layer: index, head, gain: 2 })),
    );
    const run = await SequenceRun.start(model.spec, model.sessions, {
      ...pair.whole,
      variant: gainChanges(gains),
      chunk: 64,
    });
    // Measured on 2026-11-25: 1.2e-6.
    close(run.logits, Float32Array.from(tiny.run(scaled, ids).logits.at(-1) ?? []), 1e-5, 'logits');
  });

  it("the person's own gains act first, in both passes", async () => {
    const variant: Variant = [{ kind: 'gain', layer: 1, head: 2, gain: 0.25 }];
    const inGraph = await start('llama, deep', {}, 64, variant);
    const progressive = await start('llama, deep', { executor: 'progressive' }, 64, variant);
    assert.deepEqual(inGraph.selected, progressive.selected);
    close(inGraph.run.logits, progressive.run.logits, 1e-4, 'logits');
  });

  describe('controls', () => {
    const norms = async (gains: readonly { layer: number; head: number; gain: number }[], layer: number) => {
      const { model } = of('llama, deep');
      const run = await runPrompt(model.spec, model.sessions, {
        ids,
        variants: [gainChanges(gains)],
        chunk: 64,
        logits: 'none',
        taps: [{ layer, tap: 'attention.output' }],
        tapRows: [ids.length - 1],
      });
      const data = run.layers[layer]?.taps['attention.output']?.data as Float32Array;
      return Math.hypot(...data);
    };

    it('random heads are as many in each layer, the same for the same seed', async () => {
      const selected = await start('llama, deep');
      const drawn = await start('llama, deep', { heads: 'random', seed: 3 });
      const again = await start('llama, deep', { heads: 'random', seed: 3 });
      const other = await start('llama, deep', { heads: 'random', seed: 4 });
      const counts = (table: readonly (readonly boolean[])[]): number[] =>
        table.map((row) => row.filter(Boolean).length);
      assert.deepEqual(counts(drawn.selected), counts(selected.selected));
      assert.deepEqual(drawn.selected, again.selected);
      assert.notDeepEqual(drawn.selected, other.selected);
      assert.ok(drawn.gains.every(({ gain }) => gain === 2));
    });

    it('all heads by one factor raise the norm of the first layer as much as the selected ones do', async () => {
      const all = await start('llama, deep', { heads: 'all' });
      const selected = await start('llama, deep');
      const first = all.gains.filter(({ layer }) => layer === 1);
      assert.equal(first.length, 8);
      assert.equal(new Set(first.map(({ gain }) => gain)).size, 1);
      const wanted = await norms(
        selected.gains.filter(({ layer }) => layer === 1),
        1,
      );
      assert.ok(Math.abs((await norms(first, 1)) / wanted - 1) < 1e-5);
    });

    it('norm-matched reinforcement leaves the norm of the first layer as it was and turns its direction', async () => {
      const matched = await start('llama, deep', { normMatched: true });
      const first = matched.gains.filter(({ layer }) => layer === 1);
      assert.ok(Math.abs((await norms(first, 1)) / (await norms([], 1)) - 1) < 1e-5);
      assert.ok(new Set(first.map(({ gain }) => gain)).size === 2);
    });
  });

  it('works where the norm stands behind the branches and positions are learned', async () => {
    for (const name of ['gpt2', 'opt, narrow embedding and norms after', 'gpt_neox']) {
      const tiny = await openTiny(tinyModel(name));
      const { model } = tiny;
      const run = (executor: 'in-graph' | 'progressive') =>
        startReinforced(model.spec, model.sessions, { pair, setup: { ...setup, layers: [0, 1], executor }, chunk: 7 });
      const [a, b] = [await run('in-graph'), await run('progressive')];
      assert.deepEqual(a.selected, b.selected, name);
      close(a.run.logits, b.run.logits, 1e-4, name);
      await tiny.close();
    }
  });
});
