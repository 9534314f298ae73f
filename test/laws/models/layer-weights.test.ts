import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import assert from 'node:assert/strict';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import type { HeadMap } from '../../../diagnostics/model-runner/weights';
import { headOf } from '../../../diagnostics/shared/weights/head-of';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { Norm } from '../../../models/architectures/weights-spec';
import type { LayerTap } from '../../../models/instrument/taps';
import { runnerOf } from '../../support/model-jobs';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { ovQkCircuits } from '../../../diagnostics/circuits/ov-qk-circuits/analysis';
import { qkRank } from '../../../diagnostics/circuits/qk-rank/analysis';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { tinyGated } from '../../support/checkpoints/tiny-gated';
import { resultFor } from '../analyses/one-run';
import { tinyModels } from '../../support/checkpoints/tiny-models';

const layer = 1;
const taps: readonly LayerTap[] = [
  'residual.input',
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.output',
];

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(Number(found[i]) - Number(expected[i]));
    assert.ok(difference <= 2e-5, `${what} differs by ${difference} at ${i}`);
  }
}

const applied = ({ data, rows, columns, bias }: HeadMap, x: readonly number[]): number[] =>
  Array.from({ length: rows }, (_, row) =>
    x.reduce((sum, value, column) => sum + value * (data[row * columns + column] ?? 0), bias?.[row] ?? 0),
  );

for (const tiny of tinyModels) {
  describe(`weights of a head of ${tiny.name}`, () => {
    let opened: OpenTiny;
    before(async () => {
      opened = await openTiny(tiny);
    });
    after(() => opened.close());

    const run = async (replacements: readonly ReplacementChange[] = []) => {
      const { spec, sessions } = opened.model;
      const { layers } = await runPrompt(spec, sessions, {
        ids,
        chunk: ids.length,
        logits: 'none',
        variants: [replacements],
        taps: taps.map((tap) => ({ layer, tap })),
      });
      return (tap: LayerTap): Float32Array => {
        const data = layers[layer]?.taps[tap]?.data;
        assert.ok(data instanceof Float32Array);
        return data;
      };
    };

    /** In float64, from the parameters that were written. */
    const normed = (norm: Norm | undefined, x: readonly number[]): number[] => {
      if (!norm) return [...x];
      const { parameters } = opened;
      const centre = norm.kind === 'layer' ? x.reduce((sum, each) => sum + each, 0) / x.length : 0;
      const centred = x.map((each) => each - centre);
      const scale = 1 / Math.sqrt(centred.reduce((sum, each) => sum + each * each, 0) / x.length + norm.epsilon);
      const gain = parameters.vector(norm.weight ?? assert.fail());
      const bias = norm.bias === undefined ? undefined : parameters.vector(norm.bias);
      return centred.map((each, i) => each * scale * ((gain[i] ?? 0) + (norm.gainOffset ?? 0)) + (bias?.[i] ?? 0));
    };

    it('give query, key and value of the residual stream, and what the head adds to it', async () => {
      const { spec, weights, weightsFolder } = opened.model;
      const block = spec.blocks[layer];
      assert.ok(block);
      const { attention, attentionNorms } = block;
      const { heads, kvHeads, headDim: d, queryNorm, keyNorm, rope } = attention!;
      const tap = await run();
      const width = spec.hiddenSize;
      const n = ids.length;
      const head = heads - 1;
      const shared = Math.floor(head / (heads / kvHeads));
      const found = headOf(await layerWeights(block, weights, weightsFolder), attention!, head);
      const row = (data: Float32Array, slot: number, position: number, size: number): number[] =>
        Array.from(data.subarray((slot * n + position) * size, (slot * n + position + 1) * size));
      for (const position of [0, 7]) {
        const x = normed(attentionNorms.input, row(tap('residual.input'), 0, position, width));
        // The value of latent attention is its key, which is rotated.
        if (position === 0 || attention!.projection.kind !== 'latent') {
          assertNear(row(tap('attention.value'), shared, position, d), applied(found.value, x), `value at ${position}`);
        }
        // Position 0 is not rotated.
        if (rope !== undefined && position > 0) continue;
        if (!queryNorm) assertNear(row(tap('attention.query'), head, position, d), applied(found.query, x), 'query');
        if (!keyNorm) assertNear(row(tap('attention.key'), shared, position, d), applied(found.key, x), 'key');
      }
      // What attention adds changes by the column of the output projection where one number of the head's output changes by 1.
      if (attentionNorms.output) return;
      const put = (value: number): ReplacementChange => ({
        kind: 'replacement',
        layer,
        target: 'head',
        head,
        data: Float32Array.from({ length: n * d }, (_, i) => (i % d === d - 1 ? value : 0)),
      });
      const [zero, one] = [await run([put(0)]), await run([put(1)])];
      const change = row(one('attention.output'), 0, 3, width).map(
        (value, i) => value - (zero('attention.output')[3 * width + i] ?? 0),
      );
      const unit = Array.from({ length: d }, (_, i) => (i === d - 1 ? 1 : 0));
      const gain = attentionNorms.gain === undefined ? undefined : opened.parameters.vector(attentionNorms.gain);
      assertNear(
        change,
        applied(found.output, unit).map((value, i) => value * (gain?.[i] ?? 1)),
        'output',
      );
    });

    it('rows of the vocabulary are the embeddings of the model, and the directions that move its logits', async () => {
      const runner = runnerOf(opened.model);
      const { tokens } = runner.weights;
      const { head, embedding, hiddenSize } = opened.model.spec;
      // BERT has a layer with an activation in front of its vocabulary.
      assert.equal(tokens === undefined, tiny.name === 'bert');
      if (!tokens) return;
      const count = 9;
      const first = 5;
      const row = (rows: Float32Array, at: number): Float32Array =>
        rows.subarray(at * hiddenSize, (at + 1) * hiddenSize);
      if (!embedding?.positions) {
        const some = Array.from({ length: count }, (_, at) => first + at);
        const rows = await tokens.embedding(first, count);
        (await runner.direct.embedded(some)).forEach((own, at) => assertNear(row(rows, at), own, `embedding ${at}`));
      }
      // A stream and its negative are read: norms divide both by one scale, and what is no part of the stream cancels.
      const x = Float32Array.from({ length: hiddenSize }, (_, i) => Math.sin(3 * i + 1));
      const [up = x, down = x] = await runner.direct.logits([x, x.map((value) => -value)]);
      const mean = head.norm?.kind === 'layer' ? x.reduce((sum, each) => sum + each, 0) / x.length : 0;
      const square = x.reduce((sum, each) => sum + (each - mean) ** 2, 0) / x.length;
      const scale = head.norm ? Math.sqrt(square + head.norm.epsilon) : 1;
      const { softcap } = head;
      const before = (logit = 0): number => (softcap === undefined ? logit : softcap * Math.atanh(logit / softcap));
      const rows = await tokens.unembedding(first, count);
      for (let at = 0; at < count; at++) {
        const along = row(rows, at).reduce((sum, value, i) => sum + value * (x[i] ?? 0), 0) / scale;
        assertNear([along], [(before(up[first + at]) - before(down[first + at])) / 2], `direction ${at}`);
      }
    });
  });
}

/** Heads of Qwen3-Next: in the query projection the gates of a head follow its query. */
describe('weights of a head whose output is gated', () => {
  const made = tinyGated(1);
  const stored = (name: string): { readonly at: (row: number, column: number) => number; readonly rows: number } => {
    const { data, shape } = made.tensors.get(`model.layers.1.${name}`) ?? assert.fail(name);
    const [rows = 0, columns = 1] = shape;
    return { rows, at: (row, column) => Number(data[row * columns + column] ?? 0) };
  };
  const [width, d, heads] = [24, 8, 4];
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(made);
  });
  after(() => opened.close());

  it('are those of query, key, value and output alone: the gate is the sigmoid of the rows after the query', async () => {
    const { model } = opened;
    const { spec, weights, weightsFolder } = model;
    const block = spec.blocks[1] ?? assert.fail();
    await assert.rejects(layerWeights(block, weights, weightsFolder), /multiplies the outputs of its heads by gates/);
    const found = await layerWeights(block, weights, weightsFolder, ['gates']);
    assert.equal(found.gated, true);
    const [q, norm] = [stored('self_attn.q_proj.weight'), stored('input_layernorm.weight')];
    const wanted: readonly LayerTap[] = ['residual.input', 'attention.value', 'attention.head_output'];
    const { layers } = await runPrompt(spec, model.sessions, {
      ...{ ids: [7], chunk: 1, logits: 'none' },
      taps: wanted.map((tap) => ({ layer: 1, tap })),
    });
    const tap = (name: LayerTap): readonly number[] => [...(layers[1]?.taps[name]?.data as Float32Array)];
    const entering = tap('residual.input');
    const rms = Math.sqrt(entering.reduce((sum, x) => sum + x * x, 0) / width + 1e-6);
    const x = entering.map((each, i) => (each / rms) * (1 + norm.at(i, 0)));
    for (const head of [0, 3]) {
      const own = headOf(found, { heads, kvHeads: 2, headDim: d }, head);
      const shared = Math.floor(head / 2);
      const value = tap('attention.value').slice(shared * d, (shared + 1) * d);
      assertNear(value, applied(own.value, x), 'value');
      for (let row = 0; row < d; row++)
        for (let column = 0; column < width; column++)
          assert.equal(own.query.data[row * width + column], q.at(2 * head * d + row, column));
      // A single token reads itself alone.
      const gated = value.map((each, i) => {
        const y = x.reduce((sum, part, column) => sum + part * q.at((2 * head + 1) * d + i, column), 0);
        return each / (1 + Math.exp(-y));
      });
      assertNear(tap('attention.head_output').slice(head * d, (head + 1) * d), gated, 'output of the head');
    }
  });

  it('make circuits with the gates open, and ranks that do not depend on gates', async () => {
    const { hiddenSize, scale } = { hiddenSize: width, scale: d ** -0.5 };
    const circuits = await resultFor(opened.model, ovQkCircuits, {
      input: { kind: 'none' },
      parameters: { rotations: 19 },
    });
    const norm = stored('input_layernorm.weight');
    const [q, k, v, o] = ['q', 'k', 'v', 'o'].map((name) => stored(`self_attn.${name}_proj.weight`));
    const [qNorm, kNorm] = ['q', 'k'].map((name) => stored(`self_attn.${name}_norm.weight`));
    assert.ok(q && k && v && o && qNorm && kNorm);
    const frobenius = (entry: (row: number, column: number) => number): number => {
      let sum = 0;
      for (let row = 0; row < hiddenSize; row++)
        for (let column = 0; column < hiddenSize; column++) sum += entry(row, column) ** 2;
      return Math.sqrt(sum);
    };
    const over = (of: (i: number) => number): number =>
      Array.from({ length: d }, (_, i) => of(i)).reduce((a, b) => a + b, 0);
    const gain = (column: number): number => 1 + norm.at(column, 0);
    for (const head of [0, 3]) {
      const shared = Math.floor(head / 2) * d;
      const ov = frobenius((row, column) =>
        over((i) => o.at(row, head * d + i) * v.at(shared + i, column) * gain(column)),
      );
      const qk = frobenius((row, column) =>
        over(
          (i) =>
            scale *
            (1 + qNorm.at(i, 0)) *
            q.at(2 * head * d + i, row) *
            gain(row) *
            (1 + kNorm.at(i, 0)) *
            k.at(shared + i, column) *
            gain(column),
        ),
      );
      const near = (value: number | undefined, expected: number): void =>
        assert.ok(Math.abs((value ?? NaN) - expected) < 1e-4 * expected, `${value}, not ${expected}`);
      near(circuits.ovNorm[1]?.[head], ov);
      near(circuits.qkNorm[1]?.[head], qk);
    }
    assert.equal(circuits.gated, true);
    assert.deepEqual(circuits.ovNorm[0], []);
    const [grid] = ovQkCircuits.sections(circuits);
    assert.match(JSON.stringify(grid), /OV maps, and what heads write, are computed with open gates/);
    const ranks = await resultFor(opened.model, qkRank, { input: { kind: 'none' } });
    assert.deepEqual(
      ranks.heads.map(({ layer, head }) => [layer, head]).sort(),
      [0, 1, 2, 3].map((head) => [1, head]),
    );
  });
});

/** Float64, from the stored tensors and what the classes of transformers do to them. */
describe('query-key forms of models whose heads are not taken apart', () => {
  type Rows = readonly (readonly number[])[];
  type Stored = (name: string, row: number, column?: number) => number;
  const [width, d, heads, kvHeads] = [24, 6, 4, 2];
  const sizes = {
    ...{ hidden_size: width, intermediate_size: 20, num_hidden_layers: 1, num_attention_heads: heads, vocab_size: 61 },
    ...{ num_key_value_heads: kvHeads, max_position_embeddings: 64 },
  };
  const transpose = (of: Rows): number[][] => (of[0] ?? []).map((_, column) => of.map((row) => row[column] ?? 0));
  const product = (a: Rows, b: Rows): number[][] =>
    a.map((row) => transpose(b).map((column) => row.reduce((sum, x, i) => sum + x * (column[i] ?? 0), 0)));
  const frobenius = (of: Rows): number => Math.sqrt(of.flat().reduce((sum, x) => sum + x * x, 0));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const rows = (count: number, columns: number, of: (row: number, column: number) => number): Rows =>
    Array.from({ length: count }, (_, row) => Array.from({ length: columns }, (__, column) => of(row, column)));
  const lessMeanOfRows = (of: Rows): Rows =>
    transpose(transpose(of).map((column) => column.map((x) => x - mean(column))));
  const lessMeanOfColumns = (of: Rows): Rows => of.map((row) => row.map((x) => x - mean(row)));
  const cases: Readonly<
    Record<
      string,
      {
        readonly config: Readonly<Record<string, unknown>>;
        readonly maps: (stored: Stored, head: number) => readonly [Rows, Rows];
        /** Its heads are taken apart as well. */
        readonly apart?: true;
        /** Value and output of a head, [d, w] and [w, d], where OV circuits are of the same norms. */
        readonly writes?: (stored: Stored, head: number) => readonly [Rows, Rows];
      }
    >
  > = {
    'a norm of all heads together (OLMo 2)': {
      config: { architectures: ['Olmo2ForCausalLM'], model_type: 'olmo2', ...sizes },
      maps: (stored, head) => {
        const of = (part: string, first: number): Rows =>
          rows(d, width, (i, c) => {
            const row = first * d + i;
            return stored(`self_attn.${part}_norm.weight`, row) * stored(`self_attn.${part}_proj.weight`, row, c);
          });
        return [of('q', head), of('k', Math.floor(head / 2))];
      },
    },
    'a LayerNorm of each head (Persimmon)': {
      config: {
        architectures: ['PersimmonForCausalLM'],
        model_type: 'persimmon',
        ...sizes,
        num_key_value_heads: heads,
        qk_layernorm: true,
        partial_rotary_factor: 1,
      },
      apart: true,
      maps: (stored, head) => {
        const of = (part: string, third: number): Rows => {
          const own = lessMeanOfRows(
            rows(d, width, (i, c) => stored('self_attn.query_key_value.weight', (3 * head + third) * d + i, c)),
          );
          return lessMeanOfColumns(
            rows(d, width, (i, c) =>
              [
                own[i]![c]!,
                stored(`self_attn.${part}_layernorm.weight`, i),
                stored('input_layernorm.weight', c),
              ].reduce((a, b) => a * b),
            ),
          );
        };
        return [of('q', 0), of('k', 1)];
      },
    },
    'a LayerNorm of each head with gains of its own (Command R)': {
      config: { architectures: ['CohereForCausalLM'], model_type: 'cohere', ...sizes, use_qk_norm: true },
      maps: (stored, head) => {
        const of = (part: string, first: number): Rows => {
          const own = lessMeanOfRows(
            rows(d, width, (i, c) => stored(`self_attn.${part}_proj.weight`, first * d + i, c)),
          );
          return lessMeanOfColumns(
            rows(
              d,
              width,
              (i, c) =>
                own[i]![c]! * stored(`self_attn.${part}_norm.weight`, first, i) * stored('input_layernorm.weight', c),
            ),
          );
        };
        return [of('q', head), of('k', Math.floor(head / 2))];
      },
    },
    'queries of a narrow stream (MobileBERT)': {
      config: {
        ...{ architectures: ['MobileBertForMaskedLM'], model_type: 'mobilebert', ...sizes, embedding_size: 8 },
        ...{ hidden_size: 40, intra_bottleneck_size: width, true_hidden_size: width },
      },
      maps: (stored, head) => {
        const of = (part: string): Rows =>
          rows(d, width, (i, c) => stored(`attention.self.${part}.weight`, head * d + i, c));
        return [of('query'), of('key')];
      },
    },
    'slopes of distance (BLOOM)': {
      config: { architectures: ['BloomForCausalLM'], model_type: 'bloom', ...sizes, n_layer: 1, n_head: heads },
      maps: (stored, head) => {
        const of = (third: number): Rows =>
          lessMeanOfColumns(
            rows(
              d,
              width,
              (i, c) =>
                stored('self_attention.query_key_value.weight', (3 * head + third) * d + i, c) *
                stored('input_layernorm.weight', c),
            ),
          );
        return [of(0), of(1)];
      },
      writes: (stored, head) => [
        lessMeanOfColumns(
          rows(
            d,
            width,
            (i, c) =>
              stored('self_attention.query_key_value.weight', (3 * head + 2) * d + i, c) *
              stored('input_layernorm.weight', c),
          ),
        ),
        rows(width, d, (row, i) => stored('self_attention.dense.weight', row, head * d + i)),
      ],
    },
    'learned sinks (gpt-oss)': {
      config: {
        ...{ architectures: ['GptOssForCausalLM'], model_type: 'gpt_oss', ...sizes, head_dim: d, sliding_window: 4 },
        ...{ num_local_experts: 4, num_experts_per_tok: 2, layer_types: ['full_attention'] },
      },
      maps: (stored, head) => {
        const of = (part: string, first: number): Rows =>
          rows(
            d,
            width,
            (i, c) => stored(`self_attn.${part}_proj.weight`, first * d + i, c) * stored('input_layernorm.weight', c),
          );
        return [of('q', head), of('k', Math.floor(head / 2))];
      },
      writes: (stored, head) => [
        rows(
          d,
          width,
          (i, c) =>
            stored('self_attn.v_proj.weight', Math.floor(head / 2) * d + i, c) * stored('input_layernorm.weight', c),
        ),
        rows(width, d, (row, i) => stored('self_attn.o_proj.weight', row, head * d + i)),
      ],
    },
  };

  for (const [what, { config, maps, apart, writes }] of Object.entries(cases)) {
    it(`are ranked with ${what}`, async () => {
      const made = randomCheckpoint(config);
      const opened = await openPlanted(made);
      const { spectra, heads: ranked } = await resultFor(opened.model, qkRank, { input: { kind: 'none' } });
      const { weights, weightsFolder, spec } = opened.model;
      const whole = layerWeights(spec.blocks[0] ?? assert.fail(), weights, weightsFolder, ['gates']);
      await (apart ? whole : assert.rejects(whole, /its weights alone do not say|cannot be split among/));
      const circuits =
        writes &&
        (await resultFor(opened.model, ovQkCircuits, { input: { kind: 'none' }, parameters: { rotations: 19 } }));
      await opened.close();
      const stored: Stored = (name, row, column) => {
        const [, { data, shape }] =
          [...made.tensors].find(([tensor]) => tensor.endsWith(`.0.${name}`)) ?? assert.fail(name);
        return data[column === undefined ? row : row * (shape[1] ?? 1) + column] ?? assert.fail(name);
      };
      const form = (head: number): number[][] => {
        const [query, key] = maps(stored, head);
        return product(transpose(query), key);
      };
      const power = (head: number, exponent: number): number =>
        spectra[0]![head]!.reduce((sum, value) => sum + value ** exponent, 0);
      for (let head = 0; head < heads; head++) {
        const own = form(head);
        const near = (found: number, expected: number, of: string): void =>
          assert.ok(Math.abs(found - expected) <= 1e-5 * expected, `${of} of head ${head}: ${found}, not ${expected}`);
        near(Math.sqrt(power(head, 2) / power(0, 2)), frobenius(own) / frobenius(form(0)), 'norm');
        near(
          Math.sqrt(power(head, 4)) / power(head, 2),
          frobenius(product(transpose(own), own)) / frobenius(own) ** 2,
          'spectrum',
        );
      }
      for (const [head, found] of (circuits?.ovNorm[0] ?? []).entries()) {
        const [value, output] = writes?.(stored, head) ?? assert.fail();
        const expected = frobenius(product(output, value));
        assert.ok(Math.abs(found - expected) <= 1e-5 * expected, `OV norm of head ${head}: ${found}, not ${expected}`);
      }
      // 2 d w of what the head reads.
      assert.deepEqual(new Set(ranked.map(({ full }) => full)), new Set([2 * d * width]));
    });
  }

  it('are refused where queries are those of experts', async () => {
    const opened = await openPlanted(
      randomCheckpoint({
        ...{
          architectures: ['JetMoeForCausalLM'],
          model_type: 'jetmoe',
          ...sizes,
          num_key_value_heads: 2,
          kv_channels: d,
        },
        ...{ num_local_experts: 4, num_experts_per_tok: 2 },
      }),
    );
    await assert.rejects(resultFor(opened.model, qkRank, { input: { kind: 'none' } }), /chooses queries among experts/);
    await opened.close();
  });
});
