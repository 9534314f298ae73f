/** Zamba2, whose embedding passes from block to block in the rows of its stream: taps and changes see only the stream. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { embedTokens } from '../../../compute-server/model/run/stream/embed';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { stateOf } from '../../../diagnostics/model-runner/stream-state';
import { projectionGraph, writtenGraph } from '../../../models/architectures/attribution-graphs';
import type { Variant } from '../../../models/instrument/changes/changes';
import { difference } from '../../support/reference/compare-model';
import { referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50];
const floats = (data: unknown): Float32Array => (data instanceof Float32Array ? data : assert.fail('no floats'));

describe('a block that layers share', () => {
  const reference = referenceModels.find(({ name }) => name === 'zamba2--Zamba2ForCausalLM');
  if (!reference) return;
  let model: LoadedModel;
  before(async () => {
    model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(() => model.sessions.release());

  it('taps, states and embeddings have the width of the stream, in whole chunks and in several', async () => {
    const { spec, sessions } = model;
    const width = spec.hiddenSize;
    const taps = spec.blocks.flatMap(({ index }) =>
      (['residual.input', 'residual'] as const).map((tap) => ({ layer: index, tap })),
    );
    const states: Float32Array[] = [];
    const run = async (chunk: number) =>
      runPrompt(
        spec,
        sessions,
        { ids, chunk, logits: 'all', taps },
        { onLayer: (_, stream) => states.push(stateOf(stream, 7).slice()) },
      );
    const [whole, pieces] = [await run(ids.length), await run(4)];
    const embedding = await embedTokens(spec, sessions, { ids }, 0, ids);
    const entering = floats(whole.layers[0]?.taps['residual.input']?.data);
    const rows = ids.flatMap((_, row) => [...embedding.slice(2 * row * width, (2 * row + 1) * width)]);
    assert.deepEqual([...entering], rows);
    whole.layers.forEach(({ taps: own }, layer) => {
      const [leaving, next] = [own.residual, whole.layers[layer + 1]?.taps['residual.input']];
      assert.deepEqual(leaving?.shape, [1, ids.length, width]);
      if (next) assert.deepEqual(leaving, next);
      assert.deepEqual(states[layer], floats(leaving.data).slice(7 * width, 8 * width));
      const other = pieces.layers[layer]?.taps.residual?.data ?? [];
      assert.ok(difference(other, [...floats(leaving.data)], true) <= 1e-5);
    });
  });

  it('rows of embeddings that are given have both', async () => {
    const { spec, sessions } = model;
    const data = await embedTokens(spec, sessions, { ids }, 0, [ids[2] ?? 0, ids[6] ?? 0]);
    const other = ids.map((id, row) => (row === 2 || row === 6 ? 1 : id));
    const request = { chunk: 4, logits: 'all' } as const;
    const plain = await runPrompt(spec, sessions, { ...request, ids });
    const given = await runPrompt(spec, sessions, { ...request, ids: other, embeddings: { rows: [2, 6], data } });
    assert.deepEqual(given.logits, plain.logits);
  });

  it('an added vector moves the stream and not the embedding, token by token as in a chunk', async () => {
    const { spec, sessions } = model;
    const vector = Float32Array.from({ length: spec.hiddenSize }, (_, at) => Math.sin(at));
    const variant: Variant = [
      { kind: 'addition', layer: 0, vector },
      { kind: 'gain', layer: 1, head: 1, gain: 0.3 },
      { kind: 'state-gain', layer: 2, head: 3, gain: 0 },
    ];
    const changed = await runPrompt(spec, sessions, { ids, chunk: 4, logits: 'last', variants: [variant] });
    const plain = await runPrompt(spec, sessions, { ids, chunk: 4, logits: 'last', plain: true });
    const expected = [...floats(changed.logits?.data)];
    assert.ok(difference(floats(plain.logits?.data), expected, true) > 1e-3);
    const start = { ids: ids.slice(0, 3), chunk: 3, variant, stepsAtOnce: true };
    const text = await SequenceRun.start(spec, sessions, start);
    let logits: readonly number[] | Float32Array = [];
    for (const id of ids.slice(3)) ({ logits } = await text.extend([id]));
    assert.ok(difference(logits, expected, true) <= 1e-5);
  });

  it('what is decided by states reads the stream alone', async () => {
    const { spec, sessions } = model;
    const from = { kind: 'states', tau: 1.5, dimensions: [0, 3, 11] } as const;
    const variant: Variant = [
      { kind: 'redistribution', layer: 1, head: 0, from, to: { rows: [], behind: 0 }, share: 1, first: 0, region: [] },
    ];
    const run = async (chunk: number, variants: readonly Variant[] = [variant]) =>
      floats((await runPrompt(spec, sessions, { ids, chunk, logits: 'all', variants })).logits?.data);
    const whole = [...(await run(ids.length))];
    assert.ok(difference(await run(4), whole, true) <= 1e-5);
    assert.ok(difference(await run(4, [[]]), whole, true) > 1e-4, 'something is moved');
  });

  it('is not taken apart by weights, with the reason', async () => {
    const { spec, weights, weightsFolder } = model;
    const reason = /The attention of the model writes into the input of its recurrences and not into the stream/;
    const [, second] = spec.blocks;
    assert.throws(() => writtenGraph(spec, second ?? assert.fail(), weights), reason);
    assert.throws(() => projectionGraph(spec, second ?? assert.fail(), weights), reason);
    await assert.rejects(layerWeights(second ?? assert.fail(), weights, weightsFolder), reason);
  });
});

describe('the effective attention of a recurrence whose channels are in groups', () => {
  const reference = referenceModels.find(({ name }) => name === 'zamba--ZambaForCausalLM');
  if (!reference) return;

  /** E_ij = dt_j sum_N C_i B_j exp(A (dt_(j+1) + .. + dt_i)) and D on the diagonal, the mean of the channels of a block, [blocks n n]. */
  function definition(stream: Float32Array, blocks: number): number[] {
    const tensors = readTensors(join(reference?.folder ?? '', 'model.safetensors'));
    const own = (name: string) => tensors.get(`model.layers.0.${name}`)?.data ?? assert.fail(name);
    const [width, channels, rank, size, groups] = [64, 128, 32, 16, 2];
    const each = channels / groups;
    const silu = (x: number): number => x / (1 + Math.exp(-x));
    const dot = (rows: ArrayLike<number>, row: number, x: readonly number[]): number =>
      x.reduce((sum, value, i) => sum + value * (rows[row * x.length + i] ?? NaN), 0);
    const [norm, into, kernel, bias] = [
      own('input_layernorm.weight'),
      own('mamba.in_proj.weight'),
      own('mamba.conv1d.weight'),
      own('mamba.conv1d.bias'),
    ];
    const mixed = ids.map((_, t) => {
      const x = [...stream.subarray(t * width, (t + 1) * width)];
      const scale = Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0) / width + 1e-5);
      const normed = x.map((value, i) => (value / scale) * (norm[i] ?? NaN));
      // Rows of the projection alternate between a channel and its gate.
      return Array.from({ length: channels }, (_, channel) => dot(into, 2 * channel, normed));
    });
    const values = mixed.map((_, t) =>
      [...bias].map((start, channel) =>
        silu(
          [0, 1, 2, 3].reduce(
            (sum, tap) => sum + (kernel[4 * channel + tap] ?? NaN) * (mixed[t - 3 + tap]?.[channel] ?? 0),
            start,
          ),
        ),
      ),
    );
    const found = new Array<number>(blocks * ids.length ** 2).fill(0);
    for (let channel = 0; channel < channels; channel++) {
      const [group, at] = [Math.floor(channel / each), channel % each];
      const made = values.map((row) => {
        const read = row.slice(group * each, (group + 1) * each);
        const parameters = Array.from({ length: rank + 2 * size }, (_, o) =>
          dot(own('mamba.x_proj_weight').slice(group * (rank + 2 * size) * each), o, read),
        );
        const z =
          dot(own('mamba.dt_proj_weight'), group * each + at, parameters.slice(0, rank)) +
          (own('mamba.dt_proj_bias')[channel] ?? NaN);
        return {
          step: Math.log1p(Math.exp(z)),
          b: parameters.slice(rank, rank + size),
          c: parameters.slice(rank + size),
        };
      });
      const rates = own('mamba.A_log').slice(channel * size, (channel + 1) * size);
      const block = Math.floor(channel / (channels / blocks));
      made.forEach(({ c }, i) => {
        for (let j = 0; j <= i; j++) {
          const { step, b } = made[j] ?? assert.fail();
          const passed = made.slice(j + 1, i + 1).reduce((sum, one) => sum + one.step, 0);
          const read = b.reduce(
            (sum, value, n) => sum + value * (c[n] ?? NaN) * Math.exp(-Math.exp(rates[n] ?? NaN) * passed),
            0,
          );
          const at = (block * ids.length + i) * ids.length + j;
          found[at] =
            (found[at] ?? 0) + (step * read + (i === j ? (own('mamba.D')[channel] ?? NaN) : 0)) / (channels / blocks);
        }
      });
    }
    return found;
  }

  it('is its definition in float64 (Zamba)', async () => {
    const model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    try {
      const { spec, sessions } = model;
      const taps = (['residual.input', 'state.effective'] as const).map((tap) => ({ layer: 0, tap }));
      const { layers } = await runPrompt(spec, sessions, { ids, chunk: 4, logits: 'none', taps });
      const own = layers[0]?.taps ?? assert.fail();
      const expected = definition(floats(own['residual.input']?.data), spec.blocks[0]?.state?.heads ?? 0);
      const matrix = own['state.effective'] ?? assert.fail();
      assert.deepEqual(matrix.shape, [1, expected.length / ids.length ** 2, ids.length, ids.length]);
      assert.ok(difference(floats(matrix.data), expected, true) <= 1e-5);
    } finally {
      await model.sessions.release();
    }
  });
});
