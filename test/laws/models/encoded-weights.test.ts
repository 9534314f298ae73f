/** Models whose weights are quantised in their files give what the same numbers give in float32. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { readGraph } from '../../../kernels/graph/stored-tensors';
import { LayerSessions } from '../../../compute-server/model/run/graphs/layer-sessions';
import { pieceGraph, usesOf, type Piece } from '../../../compute-server/model/run/graphs/pieces';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { Holding } from '../../../compute-server/model/weights/piece-layout';
import { PackedWeights } from '../../../compute-server/model/weights/packed-weights';
import { parityOf } from '../../../compute-server/model/checkpoint/parity';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { writeConfig } from '../../support/checkpoints/tiny-models';
import { convertToGguf } from '../../support/gguf-conversion';
import { ggufDefinitions, randomBlocks } from '../../support/reference/gguf-numbers';
import { writeSafetensors } from '../../support/safetensors-file';
import { promptIds as ids } from '../../support/checkpoints/open-tiny';
import { uniform, writeEncodedTiny } from '../../support/checkpoints/encoded-tiny';

const sizes = {
  ...{ num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, hidden_size: 256, vocab_size: 61 },
  ...{ intermediate_size: 256, max_position_embeddings: 64, rms_norm_eps: 1e-6, hidden_act: 'silu' },
};

/** The mix of formats in files called Q4_K_M; `embed` is tied to the head. */
const mixture = (name: string): string => {
  if (/embed|down_proj|v_proj/.test(name)) return 'Q6_K';
  return /o_proj/.test(name) ? 'Q5_K' : 'Q4_K';
};

interface EncodedModel {
  readonly config: object;
  readonly format: (name: string) => string;
  readonly transposed?: boolean;
  /** Products of codes in a layer for many rows, and for one: those of the same row and form are one there. */
  readonly products?: readonly [rows: number, row: number];
}

const models: Readonly<Record<string, EncodedModel>> = {
  'llama, tied, five formats': {
    config: { architectures: ['LlamaForCausalLM'], model_type: 'llama', tie_word_embeddings: true, ...sizes },
    format: mixture,
    // Queries and keys, and gate and up.
    products: [7, 5],
  },
  'phi3, fused projections in Q4_0': {
    config: { architectures: ['Phi3ForCausalLM'], model_type: 'phi3', ...sizes, pad_token_id: 0 },
    format: () => 'Q4_0',
    products: [7, 4],
  },
  'gpt2, stored as the transpose in Q8_0, with biases': {
    config: {
      ...{ architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', n_layer: 2, n_head: 4, n_embd: 64, vocab_size: 61 },
      ...{ n_positions: 64, n_ctx: 64, layer_norm_epsilon: 1e-5, activation_function: 'gelu_new' },
    },
    format: () => 'Q8_0',
    transposed: true,
  },
  'granitemoe, experts in one tensor in IQ4_XS': {
    config: {
      ...{ architectures: ['GraniteMoeForCausalLM'], model_type: 'granitemoe', ...sizes, num_local_experts: 4 },
      ...{ num_experts_per_tok: 2, tie_word_embeddings: true, attention_multiplier: 0.125 },
      ...{ embedding_multiplier: 1, residual_multiplier: 1, logits_scaling: 1 },
    },
    format: (name) => (/embed|router/.test(name) ? 'Q8_0' : 'IQ4_XS'),
  },
};

/** Every finite number in a value. */
function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [value] : [];
  if (ArrayBuffer.isView(value)) return [...(value as Float32Array)].filter(Number.isFinite);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

describe('models with weights that are quantised in their files', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-encoded-'))));
  after(() => rmSync(folder, { recursive: true }));

  const close = (found: ArrayLike<number>, expected: ArrayLike<number>, within: number, what: string): number => {
    let [largest, error] = [0, 0];
    for (let at = 0; at < expected.length; at++) {
      largest = Math.max(largest, Math.abs(expected[at]!));
      error = Math.max(error, Math.abs(found[at]! - expected[at]!));
    }
    assert.ok(
      found.length === expected.length && largest > 0 && error <= within * largest,
      `${what}: ${error / largest}`,
    );
    return error / largest;
  };

  it('of a file say how they are multiplied, with 8-bit activations how far that is from exact, and are not quantised again', async () => {
    const config = { architectures: ['LlamaForCausalLM'], model_type: 'llama', tie_word_embeddings: true, ...sizes };
    const { tensors } = randomCheckpoint(config);
    const source = join(folder, 'source');
    writeConfig(source, config);
    writeSafetensors(join(source, 'model.safetensors'), new Map(tensors));
    const random = uniform(11);
    const format = {
      id: ggufDefinitions['Q4_K']!.id,
      encode: (row: Float32Array) => randomBlocks('Q4_K', row.length, random, row.length ** -0.5),
    };
    const file = convertToGguf(source, join(folder, 'q4_k.gguf'), { format });
    const open = (weights: WeightChoice): Promise<LoadedModel> =>
      openModel(file, { device: 'cpu', threads: 1, limitBytes: 1e9, weights });
    const sequence = { ids } as const;
    for (const [choice, held, note] of [
      ['as-stored', 'float32', /^Its Q4_K weights are multiplied as they are stored\. Nothing is rounded\./],
      ['q8', 'float32', /^They are quantised already: q8 is for float weights and does not change them\./],
      ['int8-activations', 'int8-activations', /stored\. The inputs of such products are rounded to 8 bits/],
    ] as const) {
      const model = await open(choice);
      assert.equal(model.weightsHeld, held);
      assert.equal(model.summary.quantised, true);
      assert.ok(
        model.summary.notes?.some((each) => note.test(each)),
        `${choice}: ${model.summary.notes?.join(' ')}`,
      );
      const parity = await parityOf(model, sequence);
      assert.ok(parity.ok);
      assert.equal(parity.weights, held === 'float32' ? undefined : held);
      // Recording changes nothing. Rounding does, but less than weights in 4 bits would.
      if (held === 'float32') assert.equal(parity.maxLogitError, 0);
      else assert.ok(parity.maxLogitError > 0 && parity.greedy?.positions === ids.length);
      await model.sessions.release();
      await model.reference?.release();
    }
  });

  for (const [name, { config, format, transposed, products }] of Object.entries(models)) {
    it(name, async () => {
      const at = join(folder, name.replaceAll(/\W+/g, '-'));
      const turned = (tensor: string): boolean => transposed === true && /c_attn|c_proj|c_fc/.test(tensor);
      const view = writeEncodedTiny(at, { ...config }, format, turned);
      const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      const { spec } = model;
      const weights = view(model.weights);
      const held: LayerSessions[] = [];
      const sessions = (holding: Holding): LayerSessions => {
        const options = { device: 'cpu', threads: 1, limitBytes: 1e9, packed: new PackedWeights(holding) } as const;
        const opened = new LayerSessions(spec, weights, model.folder, options, () => model.requireUnchanged());
        opened.pieces.check();
        held.push(opened);
        return opened;
      };
      const taps = [
        { layer: 0, tap: 'attention.head_output' },
        { layer: 1, tap: 'residual' },
      ] as const;
      const run = async (of: LayerSessions) => {
        const { logits, layers } = await runPrompt(spec, of, { ids, chunk: 7, logits: 'all', taps, statistics: true });
        const values = (data: unknown): Float32Array => {
          assert.ok(data instanceof Float32Array);
          return data;
        };
        return {
          logits: values(logits?.data),
          streams: taps.map(({ layer, tap }) => values(layers[layer]?.taps[tap]?.data)),
          statistics: layers.flatMap(({ statistics }) => numbersIn(statistics)),
        };
      };
      const expected = await run(model.sessions);
      const exact = sessions({ codes: true, activations: 'float' });
      for (const [holding, which] of [
        [exact, 'codes'],
        [sessions({ codes: false, activations: 'float' }), 'widened'],
      ] as const) {
        const found = await run(holding);
        close(found.logits, expected.logits, 1e-5, which);
        close(found.statistics, expected.statistics, 1e-5, `${which}, statistics`);
        found.streams.forEach((stream, i) => close(stream, expected.streams[i]!, 1e-5, `${which}, stream ${i}`));
      }
      const rounded = await run(sessions({ codes: true, activations: 'int8' }));
      assert.ok(close(rounded.logits, expected.logits, 0.1, 'activations in 8 bits') > 1e-5);

      // Decoding, whose steps are graphs of their own.
      const decode = async (of: LayerSessions): Promise<readonly ArrayLike<number>[]> => {
        const started = await SequenceRun.start(spec, of, { ids: ids.slice(0, 9), chunk: 4 });
        const rows: ArrayLike<number>[] = [];
        for (const id of ids.slice(9, 12)) rows.push((await started.extend([id])).logits);
        return rows;
      };
      const [plain, coded] = [await decode(model.sessions), await decode(exact)];
      coded.forEach((row, i) => close(row, plain[i]!, 1e-5, `row ${i}`));
      const productsIn = (piece: Piece): number => {
        const layout = new PackedWeights({ codes: true, activations: 'int8' }).layout(weights, usesOf(piece));
        const { graph } = readGraph(pieceGraph(spec, {}, piece, layout).model);
        return graph?.node.filter(({ opType }) => opType === 'MatMulNBits').length ?? 0;
      };
      const pieces: readonly Piece[] = [
        { kind: 'block', layer: 0, instrumented: true },
        { kind: 'step', layer: 0 },
      ];
      if (products) assert.deepEqual(pieces.map(productsIn), products);

      // Gradients, and weights on the host.
      const request: Parameters<typeof runGradients>[1] = {
        ...{ ids, chunk: 8, headGains: true, embedding: true },
        objective: { kind: 'loss', rows: [3, 9, 15] },
        weights: [spec.blocks[1]!.attention!.output.weight],
      };
      const [back, codedBack] = await Promise.all([
        runGradients(model, request),
        runGradients({ ...model, weights, sessions: exact }, request),
      ]);
      close(codedBack.embedding!, back.embedding!, 1e-5, 'gradient of the embedding');
      back.layers.forEach(({ headGains }, i) =>
        close(codedBack.layers[i]!.headGains!, headGains!, 1e-5, `gains of layer ${i}`),
      );
      for (const [tensor, { data }] of back.weights) close(codedBack.weights.get(tensor)!.data, data, 1e-5, tensor);
      const own = await layerWeights(spec.blocks[1]!, weights, model.folder);
      const stored = await layerWeights(spec.blocks[1]!, model.weights, model.folder);
      assert.deepEqual(own, stored);
      for (const one of held) await one.release();
      await model.sessions.release();
    });
  }
});
