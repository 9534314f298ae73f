/** Blocks with a recurrence in place of attention or beside it: states between chunks, while decoding and under variants, and refusals. */
import assert from 'node:assert/strict';
import { HeadView } from '../../../compute-server/heads/head-view';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { analysisJob } from '../../../compute-server/analyses/analysis-job';
import { analysisText, parseAnalysis } from '../../../protocol/analysis/schema';
import { check, type Schema } from '../../../protocol/schema/check';
import { circuitDiscovery } from '../../../diagnostics/circuits/circuit-discovery/analysis';
import { heads as headsAnalysis } from '../../../diagnostics/patterns/heads/analysis';
import { directLogitAttribution } from '../../../diagnostics/circuits/direct-logit-attribution/analysis';
import { attribution } from '../../../diagnostics/circuits/attribution/analysis';
import { mixtureOfHeads } from '../../../diagnostics/plans/moh/analysis';
import { amp } from '../../../diagnostics/plans/amp/analysis';
import { duoAttentionPlan } from '../../../diagnostics/plans/duoattention/analysis';
import { moa } from '../../../diagnostics/plans/moa/analysis';
import { zeroTuning } from '../../../diagnostics/interventions/zerotuning/analysis';
import { regionAttention } from '../../../diagnostics/interventions/region-attention/analysis';
import { checkSections } from '../analyses/checked-sections';
import { answerFor, resultFor } from '../analyses/one-run';
import { planEvaluation } from '../../../diagnostics/plans/plan-evaluation/analysis';
import { supportOf, type Analysis } from '../../../diagnostics/analysis';
import { attentionAttribution } from '../../../diagnostics/circuits/attention-attribution/analysis';
import { activationPatching } from '../../../diagnostics/circuits/activation-patching/analysis';
import { ablation } from '../../../diagnostics/circuits/ablation/analysis';
import { pathPatching } from '../../../diagnostics/circuits/path-patching/analysis';
import { qkRank } from '../../../diagnostics/circuits/qk-rank/analysis';
import { streamRow } from '../../../diagnostics/model-runner/stream-row';
import { blockRetrievalAnalysis } from '../../../diagnostics/plans/block-retrieval/analysis';
import { taskKv } from '../../../diagnostics/plans/task-kv/analysis';
import { stateShapes } from '../../../models/architectures/states/state-branch';
import { layerBytes } from '../../../compute-server/model/run/stream/budget';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest } from '../../../compute-server/model/run/stream/run-request';
import type { Variant } from '../../../models/instrument/changes/changes';
import { usableContext } from '../../../models/architectures/context';
import { runnable } from '../../../models/architectures/catalogue';
import { describeModel } from '../../../models/formats/describe-model';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { resultOf, runnerOf, surroundingsOf } from '../../support/model-jobs';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';

const common = {
  ...{ hidden_size: 24, intermediate_size: 20, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 8 },
  ...{
    vocab_size: 61,
    max_position_embeddings: 256,
    hidden_act: 'silu',
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
  },
};

const configs = {
  'in place of attention, in two layers of three': {
    ...common,
    ...{ model_type: 'qwen3_5_text', architectures: ['Qwen3_5ForCausalLM'], num_hidden_layers: 3 },
    layer_types: ['linear_attention', 'full_attention', 'linear_attention'],
    ...{ linear_num_value_heads: 4, linear_num_key_heads: 2, linear_key_head_dim: 6, linear_value_head_dim: 5 },
    linear_conv_kernel_dim: 4,
  },
  'beside attention': {
    ...common,
    ...{ model_type: 'falcon_h1', architectures: ['FalconH1ForCausalLM'], num_hidden_layers: 2 },
    ...{ mamba_d_ssm: 24, mamba_n_heads: 4, mamba_d_head: 6, mamba_d_state: 5, mamba_n_groups: 2, mamba_d_conv: 4 },
    ...{ mamba_rms_norm: true, mamba_norm_before_gate: false },
  },
  alone: {
    ...{ model_type: 'mamba2', architectures: ['Mamba2ForCausalLM'], num_hidden_layers: 2, hidden_size: 24 },
    ...{ num_heads: 8, head_dim: 6, state_size: 5, n_groups: 2, conv_kernel: 3, vocab_size: 61, expand: 2 },
    tie_word_embeddings: false,
  },
} as const;

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50, 11, 60, 1, 33];
const n = ids.length;

const logitsOf = async ({ model }: OpenPlanted, extra: Partial<RunRequest> = {}): Promise<readonly number[]> => {
  const { logits } = await runPrompt(model.spec, model.sessions, { ids, chunk: n, logits: 'all', ...extra });
  return Array.from(logits?.data ?? [], Number);
};

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  assert.equal(found.length, expected.length);
  const most = Math.max(...Array.from(expected, Math.abs));
  assert.ok(most > 0);
  for (let i = 0; i < found.length; i++)
    assert.ok(Math.abs(found[i]! - expected[i]!) <= tolerance * most, `${found[i]} and ${expected[i]} at ${i}`);
}

const far = (found: ArrayLike<number>, expected: ArrayLike<number>): void =>
  assert.ok(Math.max(...Array.from(found, (value, i) => Math.abs(value - expected[i]!))) > 1e-3);

async function detailOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    const { failure, message } = error as Error & { failure?: { detail?: string } };
    return failure?.detail ?? message;
  }
  return assert.fail('nothing was refused');
}

/** The columns of the output projections that a head of a layer has are nothing. */
function withoutColumns({ config, tensors }: Checkpoint, name: string, head: number, width: number): Checkpoint {
  const { shape, data } = tensors.get(name) ?? assert.fail(name);
  const own = data.slice();
  const [rows = 0, columns = 0] = shape;
  for (let row = 0; row < rows; row++) own.fill(0, row * columns + head * width, row * columns + (head + 1) * width);
  return { config, tensors: new Map([...tensors, [name, { shape, data: own }]]) };
}

for (const [what, config] of Object.entries(configs)) {
  describe(`a recurrence ${what}`, () => {
    let opened: OpenPlanted;
    let whole: readonly number[];
    before(async () => {
      opened = await openPlanted(randomCheckpoint(config));
      whole = await logitsOf(opened);
    });
    after(() => opened.close());

    it('chunks, single tokens and what is instrumented give what the whole text gives', async () => {
      near(await logitsOf(opened, { plain: true }), whole, 0);
      for (const chunk of [5, 1]) near(await logitsOf(opened, { chunk }), whole);
      const { spec, sessions } = opened.model;
      for (const how of [{ stepsAtOnce: true }, { blocksAlone: true }]) {
        const run = await SequenceRun.start(spec, sessions, { ids: ids.slice(0, 6), chunk: 4, ...how });
        const rows: number[] = [];
        for (const id of ids.slice(6)) rows.push(...(await run.extend([id])).logits);
        run.dispose();
        near(rows, whole.slice(-rows.length));
      }
    });

    it('variants side by side, and those behind a kept prefix, are those alone', async () => {
      const variants: Variant[] = [[], [{ kind: 'gain', layer: 1, head: 1, gain: 0 }]];
      const alone: (readonly number[])[] = [];
      for (const variant of variants) alone.push(await logitsOf(opened, { variants: [variant], chunk: 5 }));
      near(await logitsOf(opened, { variants, chunk: 4 }), alone.flat());
      far(alone[1]!, alone[0]!);
      const { spec, sessions } = opened.model;
      const kept = await runPrompt(spec, sessions, { ids: ids.slice(0, 8), chunk: 3, logits: 'none', keepCache: true });
      const past = { cache: kept.cache ?? assert.fail(), length: 8 };
      const behind = await runPrompt(spec, sessions, { ids, chunk: 3, logits: 'last', past, variants });
      const width = whole.length / n;
      const { data } = await runPrompt(spec, sessions, { ids, chunk: n, logits: 'last' }).then(
        ({ logits }) => logits ?? assert.fail(),
      );
      near(Array.from(behind.logits?.data ?? [], Number).slice(0, width), Array.from(data, Number));
    });

    it('its layers are told of when the model is opened', () => {
      assert.match((opened.model.summary.notes ?? []).join(' '), /^2 of its [23] layers have a recurrence/);
    });

    it('its state takes as much after a long text as after a short one', async () => {
      const { spec, sessions } = opened.model;
      const bytes = async (length: number): Promise<number> => {
        const text = Array.from({ length }, (_, at) => ids[at % n]!);
        const run = await SequenceRun.start(spec, sessions, { ids: text, chunk: 32 });
        const { bytes: held } = run.cacheBytes();
        run.dispose();
        return held;
      };
      const [short, long] = [await bytes(20), await bytes(60)];
      const keys = spec.blocks.reduce(
        (sum, { attention }) => sum + (attention ? 8 * attention.kvHeads * attention.headDim : 0),
        0,
      );
      assert.equal(long - short, 40 * keys);
      assert.ok(short > 20 * keys);
    });

    it('memory counts its states, and its effective attention where that is asked for', () => {
      const { spec } = opened.model;
      const block = spec.blocks.find(({ attention, state }) => state && !attention);
      if (!block) return;
      const shape = { length: 1000, batch: 1 };
      const [plain, effective] = [
        layerBytes(spec, block, shape, 100),
        layerBytes(spec, block, { ...shape, effective: true }, 100),
      ];
      assert.equal(plain, layerBytes(spec, block, { ...shape, length: 2000 }, 100));
      // Rows of all heads over the keys, twice.
      assert.ok(effective - plain > 4 * 2 * 100 * 1000 * (block.state?.heads ?? 0));
    });

    it('a gradient goes through it, whole and in chunks: the gradient of a gain is the change of the logit', async () => {
      const { spec } = opened.model;
      const [row, token, layer, head, step] = [n - 1, 7, 0, 1, 0.005];
      const objective = { kind: 'logits', terms: [{ row, token, weight: 1 }] } as const;
      const width = whole.length / n;
      const logit = async (gain: number): Promise<number> => {
        const variants: Variant[] = [[{ kind: 'gain', layer, head, gain }]];
        return (await logitsOf(opened, { variants }))[row * width + token]!;
      };
      const slope = ((await logit(1 + step)) - (await logit(1 - step))) / (2 * step);
      for (const chunk of [n, 4]) {
        const { layers } = await runGradients(opened.model, { ids, objective, headGains: true, chunk });
        assert.equal(layers.length, spec.blocks.length);
        const found = layers[layer]?.headGains?.[head] ?? Number.NaN;
        assert.ok(Math.abs(found - slope) <= 1e-2 * Math.abs(slope) + 1e-5, `${found} and ${slope}`);
      }
    });

    it('the way back keeps the state of each block of positions, and of each chunk', () => {
      const block = opened.model.spec.blocks.find(({ state }) => state) ?? assert.fail();
      const bytes = (length: number, chunk: number): number =>
        layerBytes(opened.model.spec, block, { length, batch: 1, backwards: true }, chunk) -
        layerBytes(opened.model.spec, block, { length, batch: 1 }, chunk);
      const numbers = Object.values(stateShapes(block.state!)).map((shape) =>
        shape.reduce((size, dim) => size * dim, 1),
      );
      const state = 4 * numbers.reduce((sum, size) => sum + size, 0);
      assert.equal(bytes(640, 320), state * (2 + 10));
    });
  });
}

describe('heads of a recurrence', () => {
  const delta = randomCheckpoint(configs['in place of attention, in two layers of three']);
  const mamba = randomCheckpoint(configs.alone);
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(delta);
  });
  after(() => opened.close());

  for (const [what, checkpoint, name, layer, width] of [
    ['gated delta rule', delta, 'model.layers.2.linear_attn.out_proj.weight', 2, 5],
    ['Mamba-2', mamba, 'backbone.layers.1.mixer.out_proj.weight', 1, 6],
  ] as const) {
    it(`${what}: without output it is one whose columns of the output projection are nothing`, async () => {
      const [plain, without] = [
        await openPlanted(checkpoint),
        await openPlanted(withoutColumns(checkpoint, name, 3, width)),
      ];
      try {
        const variants: Variant[] = [[{ kind: 'gain', layer, head: 3, gain: 0 }]];
        const silenced = await logitsOf(plain, { variants, chunk: 4 });
        near(silenced, await logitsOf(without));
        far(silenced, await logitsOf(plain));
      } finally {
        await plain.close();
        await without.close();
      }
    });
  }

  it('beside attention: without output it is one whose columns of the output projection are nothing', async () => {
    const both = randomCheckpoint(configs['beside attention']);
    const plain = await openPlanted(both);
    const without = await openPlanted(withoutColumns(both, 'model.layers.0.mamba.out_proj.weight', 3, 6));
    try {
      const written = async (form: string): Promise<Variant> => {
        const one = parseDo(form);
        assert.ok(one.ok);
        return (await runnerOf(plain.model).variant([one.value], { ids })).variant;
      };
      const gone = await logitsOf(without);
      far(gone, await logitsOf(plain));
      for (const form of ['state-gain:0.3=0', 'state-head:0.3=zero']) {
        const variant = await written(form);
        near(await logitsOf(plain, { variants: [variant], chunk: 4 }), gone);
        const run = await SequenceRun.start(plain.model.spec, plain.model.sessions, {
          ...{ ids: ids.slice(0, 6), chunk: 4, variant },
        });
        const rows: number[] = [];
        for (const id of ids.slice(6)) rows.push(...(await run.extend([id])).logits);
        run.dispose();
        near(rows, gone.slice(-rows.length));
      }
      // A change at one position reaches later ones only through attention and recurrences above.
      const some = await logitsOf(plain, { variants: [await written('state-head:0.3@5=zero')] });
      const [whole, width] = [await logitsOf(plain), gone.length / n];
      near(some.slice(0, 5 * width), whole.slice(0, 5 * width));
      far(some.slice(5 * width, 6 * width), whole.slice(5 * width, 6 * width));
      const objective = { kind: 'logits', terms: [{ row: n - 1, token: 7, weight: 1 }] } as const;
      const { layers } = await runGradients(plain.model, { ids, objective, stateGains: true, chunk: 5 });
      const logit = async (gain: number): Promise<number> =>
        (await logitsOf(plain, { variants: [[{ kind: 'state-gain', layer: 0, head: 3, gain }]] }))[
          (n - 1) * width + 7
        ]!;
      const slope = ((await logit(1.01)) - (await logit(0.99))) / 0.02;
      const found = layers[0]?.stateGains?.[3] ?? Number.NaN;
      assert.ok(Math.abs(found - slope) <= 1e-2 * Math.abs(slope) + 1e-5, `${found} and ${slope}`);
    } finally {
      await plain.close();
      await without.close();
    }
  });

  for (const [form, sentence] of [
    ['state-gain:0.1=0', /^Layer 0 has no recurrence beside its attention, so it has no such head\.$/],
    ['state-head:1.1=zero', /^Layer 1 has no recurrence beside its attention, so it has no such head\.$/],
  ] as const)
    it(`${form} of a layer without both is refused`, async () => {
      const one = parseDo(form);
      assert.ok(one.ok);
      assert.match(await detailOf(() => runnerOf(opened.model).variant([one.value], { ids })), sentence);
    });

  it('effective attention is the same whole, in chunks, of single heads and in rectangles, and causal', async () => {
    const { spec, sessions } = opened.model;
    const tapped = async (chunk: number) => {
      const { layers } = await runPrompt(spec, sessions, {
        ...{ ids, chunk, logits: 'none' },
        taps: [{ layer: 2, tap: 'state.effective' }],
        maps: [{ layer: 2, head: 3 }],
      });
      const { taps, maps } = layers[2] ?? assert.fail();
      return { all: taps['state.effective'] ?? assert.fail(), map: maps.get(3) ?? assert.fail() };
    };
    const { all, map } = await tapped(n);
    assert.deepEqual(all.shape, [1, 4, n, n]);
    const matrix = all.data as Float32Array;
    near((await tapped(4)).all.data as Float32Array, matrix);
    near((await tapped(5)).map, map);
    near(map, matrix.subarray(3 * n * n));
    assert.ok(map.some((value) => value < 0) && map.some((value) => value > 0));
    for (let row = 0; row < n; row++) for (let key = row + 1; key < n; key++) assert.equal(map[row * n + key], 0);
    const view = await HeadView.open(opened.model, { ids }, [], 2, 6);
    const rectangle = { head: 3, rowStart: 4, rowCount: 6, columnStart: 2, columnCount: 5, outRows: 6, outColumns: 5 };
    const tile = await view.tile(rectangle);
    assert.equal(tile.effective, true);
    near(
      tile.data,
      Array.from({ length: 30 }, (_, at) => map[(4 + Math.floor(at / 5)) * n + 2 + (at % 5)]!),
    );
    // Earlier rows behind later ones begin anew.
    near(await view.rows(3, 0, 3), map.subarray(0, 3 * n));
  });

  it('what is made of no head in its layers has none there', async () => {
    const { spec, sessions } = opened.model;
    const { layers } = await runPrompt(spec, sessions, {
      ...{ ids, chunk: 5, logits: 'none', statistics: true, thumbnails: true, topKeys: 'last', lastMass: true },
      taps: (['attention.key', 'attention.head_output', 'attention.output', 'mlp_output'] as const).map((tap) => ({
        layer: 0,
        tap,
      })),
    });
    const [first, second] = layers;
    assert.equal(first?.top?.heads, 0);
    assert.equal(first?.lastMass?.length, 0);
    assert.equal(second?.top?.heads, 4);
    assert.deepEqual(first?.taps['attention.key']?.shape.slice(0, 2), [1, 0]);
    assert.deepEqual(first?.taps['attention.head_output']?.shape, [1, 4, n, 5]);
    assert.deepEqual(first?.taps['attention.output']?.shape, [1, n, 24]);
  });

  for (const [form, sentence] of [
    ['bias:0.1:0-2=1', /^Layer 0 has a gated delta rule and no attention\./],
    ['query:2.1=zero', /^Layer 2 has a gated delta rule and no attention\./],
    ['key:2.0=zero', /^Layer 2 has a gated delta rule and no attention\./],
    ['phase:0.1=0.5', /^Layer 0 has a gated delta rule and no attention\./],
    ['low-rank:0=4', /^Layer 0 has a gated delta rule and no attention\./],
    ['moh:0=1+1', /^Layer 0 has a gated delta rule and no attention\./],
  ] as const) {
    it(`${form} is refused`, async () => {
      const said = await detailOf(async () => {
        const one = parseDo(form);
        if (!one.ok) throw new Error(one.why);
        await runnerOf(opened.model).variant([one.value], { ids });
      });
      assert.match(said, sentence);
    });
  }

  it('a mixture of heads for all layers passes over layers without attention', async () => {
    const one = parseDo('moh:*=1+1');
    assert.ok(one.ok);
    const { variant } = await runnerOf(opened.model).variant([one.value], { ids });
    assert.deepEqual(
      variant.map(({ kind, layer }) => [kind, layer]),
      [['routing', 1]],
    );
  });

  it('what would change nothing of a model without attention or networks is refused', async () => {
    const planted = await openPlanted(mamba);
    try {
      for (const form of [
        ...['isolate:*.*:1-2/4-5=10', 'reposition:*:1-2>4-7', 'redistribute:*.*:columns>rest=0.6;alpha=5'],
        ...['emphasis:*.*:1-3=0.5', 'moh:*=1+1', 'low-rank:*=2', 'plan:*.*=1+4', 'longheads:w=2,S=6,begin=1'],
        ...['block-retrieval:*.*:B=3,k=1', 'mlp:0=zero', 'unsuppress:0=1', 'units:0.1=0'],
      ]) {
        const one = parseDo(form);
        assert.ok(one.ok, form);
        const said = await detailOf(() => runnerOf(planted.model).variant([one.value], { ids }));
        assert.match(
          said,
          /^(No layer of the model has attention, so "|Layer 0 has no feed-forward network, so )/,
          form,
        );
      }
      // As the config says it: no layer has positions that a longer text would turn further.
      assert.equal(usableContext({ ...planted.model.spec, contextLength: 64 }), 64);
    } finally {
      await planted.close();
    }
  });
});

/** What the mixer of layer 0 gives to its output projection, [n][h d], in float64 (arXiv:2405.21060, section 7). */
function mamba2Rows(
  { tensors }: Checkpoint,
  stream: Float32Array,
  how: { readonly first?: boolean | undefined; readonly limit?: readonly [number, number] | undefined },
) {
  const of = (name: string): readonly number[] => [
    ...(tensors.get(`model.layers.0.${name}`)?.data ?? assert.fail(name)),
  ];
  const [w, inner, heads, d, groups, size, kernel] = [24, 24, 4, 6, 2, 5, 4];
  const product = (rows: readonly number[], x: readonly number[]): number[] =>
    Array.from({ length: rows.length / x.length }, (_, o) =>
      x.reduce((sum, value, i) => sum + value * rows[o * x.length + i]!, 0),
    );
  const rms = (x: readonly number[], gain: readonly number[]): number[] => {
    const scale = Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0) / x.length + 1e-6);
    return x.map((value, i) => (value / scale) * gain[i]!);
  };
  const silu = (x: number): number => x / (1 + Math.exp(-x));
  const projected = Array.from({ length: n }, (_, row) =>
    product(
      of('mamba.in_proj.weight'),
      rms([...stream.subarray(row * w, (row + 1) * w)], of('input_layernorm.weight')),
    ),
  );
  const [weights, bias] = [of('mamba.conv1d.weight'), of('mamba.conv1d.bias')];
  const norm = how.first === undefined ? [] : of('mamba.norm.weight');
  const state = Array.from({ length: heads * size * d }, () => 0);
  return projected.map((own, row) => {
    const mixed = bias.map((start, c) => {
      const sum = Array.from({ length: kernel }, (_, k) => {
        const back = projected[row - (kernel - 1) + k];
        return back ? back[inner + c]! * weights[c * kernel + k]! : 0;
      }).reduce((total, value) => total + value, start);
      return silu(sum);
    });
    const [least, most] = how.limit ?? [0, Infinity];
    const given = Array.from({ length: inner }, (_, at) => {
      const [h, v] = [Math.floor(at / d), at % d];
      const free = Math.log1p(Math.exp(own.at(h - heads)! + of('mamba.dt_bias')[h]!));
      const dt = Math.min(most, Math.max(least, free));
      const decay = Math.exp(-Math.exp(of('mamba.A_log')[h]!) * dt);
      const group = Math.floor(h / (heads / groups));
      let sum = of('mamba.D')[h]! * mixed[at]!;
      for (let s = 0; s < size; s++) {
        const place = (h * size + s) * d + v;
        state[place] = decay * state[place]! + dt * mixed[inner + group * size + s]! * mixed[at]!;
        sum += mixed[inner + (groups + group) * size + s]! * state[place];
      }
      return sum;
    });
    const gate = own.slice(0, inner).map(silu);
    const whole = inner / groups;
    const normed = (x: readonly number[]): number[] =>
      Array.from({ length: groups }, (_, g) =>
        rms(x.slice(g * whole, (g + 1) * whole), norm.slice(g * whole, (g + 1) * whole)),
      ).flat();
    if (how.first === undefined) return given.map((value, at) => value * gate[at]!);
    return how.first
      ? normed(given).map((value, at) => value * gate[at]!)
      : normed(given.map((value, at) => value * gate[at]!));
  });
}

describe('Mamba-2 beside attention, against float64', () => {
  for (const [what, keys, how] of [
    ['no norm', { mamba_rms_norm: false }, {}],
    ['groups normed before the gate', { mamba_norm_before_gate: true }, { first: true }],
    ['groups normed behind the gate', {}, { first: false }],
    ['steps between limits', { mamba_rms_norm: false, time_step_limit: [0.6, 0.8] }, { limit: [0.6, 0.8] }],
  ] as const) {
    it(what, async () => {
      const checkpoint = randomCheckpoint({ ...configs['beside attention'], ...keys });
      const planted = await openPlanted(checkpoint);
      const { model } = planted;
      try {
        const { layers } = await runPrompt(model.spec, model.sessions, {
          ...{ ids, chunk: 5, logits: 'none' },
          taps: (['residual.input', 'state.head_output'] as const).map((tap) => ({ layer: 0, tap })),
        });
        const { taps } = layers[0] ?? assert.fail();
        const found = taps['state.head_output'] ?? assert.fail();
        assert.deepEqual(found.shape, [1, 4, n, 6]);
        const rows = mamba2Rows(checkpoint, taps['residual.input']?.data as Float32Array, how);
        near(
          found.data as Float32Array,
          Array.from(
            { length: 4 * n * 6 },
            (_, at) => rows[Math.floor(at / 6) % n]![Math.floor(at / (6 * n)) * 6 + (at % 6)]!,
          ),
        );
      } finally {
        await planted.close();
      }
    });
  }
});

describe('analyses of a model with recurrences', () => {
  const openedOf = async <T>(
    config: Checkpoint['config'],
    use: (runner: ReturnType<typeof runnerOf>) => T | Promise<T>,
  ) => {
    const planted = await openPlanted(randomCheckpoint(config));
    try {
      return await use(runnerOf(planted.model));
    } finally {
      await planted.close();
    }
  };

  for (const [what, config] of Object.entries(configs)) {
    it(`the parts of a logit sum to it: ${what}`, () =>
      openedOf(config, async (runner) => {
        const row = await streamRow(runner, { ids }, [], n - 1);
        const effects = await runner.direct.effects(row, [{ token: 7, weight: 1 }]);
        const parts = [...effects.heads.flat(), ...effects.mlp, ...(effects.recurrent ?? [])];
        const sum = parts.reduce((total, value) => total + value, effects.embedding + effects.rest);
        assert.ok(Math.abs(sum - effects.logit) <= 1e-5, `${sum} and ${effects.logit}`);
        assert.deepEqual(
          effects.heads.map(({ length }) => length),
          runner.facts.blocks.map(({ heads, state }) => (heads === 0 ? state?.heads : heads)),
        );
      }));
  }

  for (const [what, analysis, why] of [
    ['alone', qkRank, /^No layer of .+ has attention: they are recurrences, and "Rank of query-key forms" is about/],
    ['alone', ablation, undefined],
    [
      'beside attention',
      pathPatching,
      /^Layer 0 of .+ has a recurrence beside its attention, which "Path patching" cannot hold/,
    ],
    [
      'in place of attention, in two layers of three',
      taskKv,
      /^Layer 0 of .+ has no attention, which "Task-KV" needs in every layer\./,
    ],
    ['in place of attention, in two layers of three', pathPatching, undefined],
    ['in place of attention, in two layers of three', circuitDiscovery, undefined],
    [
      'beside attention',
      circuitDiscovery,
      /^Edges cannot be measured: layer 0 has a recurrence beside its attention, which cannot be held fixed/,
    ],
    [
      'in place of attention, in two layers of three',
      blockRetrievalAnalysis,
      /^Layer 0 of .+ has no attention, which "Block retrieval" needs in every layer\./,
    ],
    [
      'in place of attention, in two layers of three',
      attentionAttribution,
      /^Layer 2 of .+ has no attention, so no weight of it is taken apart\. Name a layer that has, such as 1\.$/,
    ],
  ] as const) {
    it(`a recurrence ${what}: ${analysis.title}`, () =>
      openedOf(configs[what], ({ facts }) => {
        const given = supportOf(analysis, facts, { layer: -1, head: -1, edges: true });
        if (why) assert.match(given.ok ? '' : given.why, why);
        else assert.deepEqual(given, { ok: true });
      }));
  }
});

describe('results of a model with recurrences', () => {
  const task = { kind: 'task', task: 'induction', samples: 2, taskParameters: { length: 6, repeated: 2 } } as const;
  const prompt = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
  const attributed = { steps: 2, edges: 6, random: 2, checked: 20 };
  const passKeys = { steps: 2, checks: 1, shortest: 40, longest: 60, keys: 1, words: 2, trainSinks: 2, trainRecent: 4 };
  const spans = {
    lengths: '12,16',
    further: '20',
    validation: 14,
    held: 1,
    random: 1,
    block: 2,
    intervals: 1,
    step: 4,
  };
  const circuits = { leastGap: 0, threshold: 0.3, subsets: 1, randomCircuits: 1 };

  const all = {
    ...configs,
    'in place of attention, in a dense model': {
      ...{ ...common, model_type: 'lfm2', architectures: ['Lfm2ForCausalLM'], num_hidden_layers: 2, norm_eps: 1e-6 },
      ...{ layer_types: ['conv', 'full_attention'], conv_L_cache: 3, block_auto_adjust_ff_dim: false },
    },
  };

  for (const [what, analysis, input, parameters] of [
    ['in place of attention, in two layers of three', headsAnalysis, prompt, {}],
    ['in place of attention, in two layers of three', circuitDiscovery, task, circuits],
    [
      'in place of attention, in two layers of three',
      planEvaluation,
      prompt,
      { rules: '*.*=1+4', random: 1, speed: 0 },
    ],
    ['in place of attention, in two layers of three', regionAttention, prompt, {}],
    ['in place of attention, in two layers of three', directLogitAttribution, prompt, {}],
    ['in place of attention, in two layers of three', attribution, task, attributed],
    ['in place of attention, in two layers of three', mixtureOfHeads, task, { curve: '50' }],
    ['in place of attention, in two layers of three', zeroTuning, task, {}],
    ['in place of attention, in a dense model', amp, task, { curve: '20', randomSets: 1 }],
    ['in place of attention, in two layers of three', duoAttentionPlan, { kind: 'none' }, passKeys],
    ['in place of attention, in two layers of three', moa, task, spans],
    ['beside attention', attribution, task, attributed],
    ['beside attention', ablation, task, { mode: 'zero' }],
    ['beside attention', activationPatching, task, { leastGap: 0, site: 'state-head-output' }],
    ['alone', attribution, task, attributed],
    ['alone', circuitDiscovery, task, circuits],
    ['alone', directLogitAttribution, prompt, {}],
  ] as const) {
    it(`${what}: a file of "${analysis.title}" is read again, and what is offered is taken`, async () => {
      const planted = await openPlanted(randomCheckpoint(all[what]));
      try {
        const surroundings = surroundingsOf();
        const run = { opened: planted.model, analysis: analysis as unknown as Analysis, surroundings };
        const { signal } = new AbortController();
        const request = {
          analysis: analysis.id,
          folder: planted.model.folder,
          input,
          parameters,
          interventions: [],
          seed: 1,
        };
        const result = await resultOf(analysisJob({ ...run, signal }, request));
        const read = parseAnalysis(analysisText(result));
        assert.ok(read.ok, read.ok ? '' : read.why);
        const own = check(analysis.result as Schema<unknown>, JSON.parse(JSON.stringify(result.result)), 'the result');
        assert.ok(own.ok, own.ok ? '' : own.why);
        const runner = runnerOf(planted.model);
        const { blocks } = runner.facts;
        checkSections(result.sections, {
          blocks: blocks.map(({ heads, state }) => ({ heads: heads || (state?.heads ?? 0) })),
        });
        for (const { interventions } of result.offers ?? []) await runner.variant(interventions, { ids });
      } finally {
        await planted.close();
      }
    });
  }
});

describe('a head of a recurrence, looked at closer', () => {
  it('what it writes is shown, and no keys', async () => {
    const planted = await openPlanted(randomCheckpoint(configs.alone));
    try {
      const parameters = { against: '', from: '', position: -1, token: '' };
      const asked = { input: { kind: 'prompt', prompt: { kind: 'ids', ids } }, parameters } as const;
      const result = await resultFor(planted.model, directLogitAttribution, asked);
      const question = { section: 'heads', place: { kind: 'head', layer: 1, head: 7 } } as const;
      const answer = await answerFor(planted.model, directLogitAttribution, asked, result, question);
      assert.ok(answer.kind === 'table');
      assert.equal(answer.title, 'What L1H7 writes');
      assert.deepEqual(
        answer.columns.map(({ title }) => title),
        ['Raises', 'by', 'Lowers', 'by'],
      );
      // What it adds to its strongest token is as much as it loses without the head, norms held.
      const { direct } = runnerOf(planted.model);
      const row = await streamRow(runnerOf(planted.model), { ids }, [], n - 1);
      const effects = await Promise.all(
        Array.from({ length: 61 }, (_, token) => direct.effects(row, [{ token, weight: 1 }])),
      );
      const most = Math.max(...effects.map(({ heads }) => heads[1]?.[7] ?? Number.NaN));
      assert.ok(Math.abs(Number(answer.rows[0]?.[1]) - most) < 1e-5);
    } finally {
      await planted.close();
    }
  });
});

describe('a recurrence that its weights or its config contradict', () => {
  const delta = configs['in place of attention, in two layers of three'];
  const { tensors } = randomCheckpoint(delta);

  for (const [what, change, sentence] of [
    [
      'a wider key',
      { linear_key_head_dim: 7 },
      /in_proj_qkv\.weight is \[44, 24\], and the config makes it \[48, 24\]/,
    ],
    [
      'a longer convolution',
      { linear_conv_kernel_dim: 3 },
      /conv1d\.weight is \[44, 1, 4\], and the config makes it \[44, 1, 3\]/,
    ],
    [
      'heads that do not come out even',
      { linear_num_key_heads: 3 },
      /^Layer 0 has 4 heads of its recurrence for 3 key heads\./,
    ],
  ] as const) {
    it(what, async () => {
      const said = await detailOf(() => openPlanted({ config: { ...delta, ...change }, tensors }));
      assert.match(said, sentence);
    });
  }

  it('a list of layers that is too short', () => {
    const model = describeModel({ ...delta, layer_types: ['linear_attention', 'full_attention'] });
    assert.match(String(runnable(model)), /^layer_types names 2 layers, and the model has 3\. Correct the config\.$/);
  });
});
