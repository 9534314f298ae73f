/**
 * Encoder-decoders without a reference of their own: FSMT beside Marian, BigBird Pegasus beside Pegasus, Switch Transformers beside T5 and beside the published sum over
 * the chosen expert (arXiv:2101.03961, section 2.1). The class of transformers 5.2 for Switch gives its biases of distances to the first
 * layer alone, and does not run its experts; releases before it are T5's.
 */
import assert from 'node:assert/strict';
import { encodedSource } from '../../../compute-server/model/prompt/source';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { openPlanted } from '../../support/checkpoints/open-planted';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { tinyEncoderDecoder } from '../../support/checkpoints/tiny-encoder-decoders';
import type { CheckpointTensor } from '../../support/safetensors-file';
import { difference } from '../../support/reference/compare-model';

const source = { ids: [7, 22, 41, 9, 33, 5, 58, 2] };
const ids = [2, 17, 40, 8, 29, 3, 50];

async function withModel<T>(made: Checkpoint, use: (model: LoadedModel) => Promise<T>): Promise<T> {
  const opened = await openPlanted(made);
  const { model } = opened;
  try {
    return await use(model);
  } finally {
    await model.source?.sessions.release();
    await opened.close();
  }
}

const logitsOf = (made: Checkpoint): Promise<number[]> =>
  withModel(made, async (model) => {
    const stream = await encodedSource(model.source ?? assert.fail(), source, { memoryLimit: 1e9 });
    const run = await runPrompt(model.spec, model.sessions, {
      ...{ ids, source: { ...source, stream }, chunk: 4, logits: 'all' },
    });
    return [...(run.logits?.data ?? [])].map(Number);
  });

describe('Law: encoder-decoders that are another one in other names', () => {
  it('FSMT is Marian with a vocabulary for each language, and waves that begin behind the padding token', async () => {
    const { config, tensors } = tinyEncoderDecoder('fsmt');
    const renamed = new Map<string, CheckpointTensor>();
    for (const [name, tensor] of tensors)
      renamed.set(name === 'model.decoder.output_projection.weight' ? 'lm_head.weight' : name, tensor);
    const table = Float32Array.from({ length: 40 * 24 }, (_, i) => {
      const [position, column] = [Math.floor(i / 24) + 2, i % 24];
      const angle = position * 10_000 ** (-(column % 12) / 11);
      return column < 12 ? Math.sin(angle) : Math.cos(angle);
    });
    for (const half of ['encoder', 'decoder'])
      renamed.set(`model.${half}.embed_positions.weight`, { shape: [40, 24], data: table });
    // Marian has one size for both tables.
    const words = tensors.get('model.encoder.embed_tokens.weight') ?? assert.fail();
    renamed.set('model.encoder.embed_tokens.weight', { shape: [61, 24], data: words.data.slice(0, 61 * 24) });
    const { src_vocab_size: _, tgt_vocab_size: __, langs: ___, ...others } = config;
    const marian = {
      ...{ ...others, architectures: ['MarianMTModel'], model_type: 'marian', vocab_size: 61, decoder_vocab_size: 61 },
      share_encoder_decoder_embeddings: false,
    };
    const [own, expected] = [await logitsOf({ config, tensors }), await logitsOf({ config: marian, tensors: renamed })];
    assert.ok(difference(own, expected, true) < 1e-5);
  });

  it('BigBird Pegasus is Pegasus up to the length that its encoder reads in full', async () => {
    const { config, tensors } = tinyEncoderDecoder('bigbird_pegasus');
    const renamed = new Map(
      [...tensors].map(([name, tensor]) => [
        name
          .replace('layernorm_embedding', 'layer_norm')
          .replace(/self_attn\.self\.(query|key|value)/, (_, of: string) => `self_attn.${of[0] ?? ''}_proj`)
          .replace('self_attn.output', 'self_attn.out_proj'),
        tensor,
      ]),
    );
    const { use_bias: _, attention_type: __, block_size: ___, num_random_blocks: ____, ...others } = config;
    const pegasus = { ...others, architectures: ['PegasusForConditionalGeneration'], model_type: 'pegasus' };
    const [own, expected] = [
      await logitsOf({ config, tensors }),
      await logitsOf({ config: pegasus, tensors: renamed }),
    ];
    assert.ok(difference(own, expected, true) < 1e-5);
    // (5 + 2 random blocks) of 4 tokens.
    await withModel({ config, tensors }, (model) =>
      Promise.resolve(assert.equal(model.source?.summary.contextLength, 28)),
    );
  });

  it('Switch Transformers without experts is T5', async () => {
    // More of them than layers: the class then has none.
    const none = { num_sparse_encoder_layers: 3, num_sparse_decoder_layers: 3 };
    const { config, tensors } = tinyEncoderDecoder('switch_transformers', none);
    const renamed = new Map([...tensors].map(([name, tensor]) => [name.replace('.mlp.', '.DenseReluDense.'), tensor]));
    const { num_experts: _, expert_capacity: __, ...others } = config;
    const t5 = {
      ...others,
      architectures: ['T5ForConditionalGeneration'],
      model_type: 't5',
      feed_forward_proj: 'relu',
    };
    const [own, expected] = [await logitsOf({ config, tensors }), await logitsOf({ config: t5, tensors: renamed })];
    assert.ok(difference(own, expected, true) < 1e-5);
  });

  it('a token of Switch Transformers has one expert, which counts its share of all', async () => {
    const made = tinyEncoderDecoder('switch_transformers');
    const { tensors } = made;
    const weights = (name: string): Float32Array => Float32Array.from(tensors.get(name)?.data ?? assert.fail(name));
    await withModel(made, async (model) => {
      const encoder = model.source ?? assert.fail();
      const { layers } = await runPrompt(encoder.spec, encoder.sessions, {
        ...{ ...source, chunk: source.ids.length, logits: 'none' },
        taps: (['residual.input', 'attention.output', 'mlp_output'] as const).map((tap) => ({ layer: 1, tap })),
      });
      const [entering, added, given] = (['residual.input', 'attention.output', 'mlp_output'] as const).map((tap) =>
        [...(layers[1]?.taps[tap]?.data ?? [])].map(Number),
      );
      const at = 'encoder.block.1.layer.1.';
      const [gain, router] = [weights(`${at}layer_norm.weight`), weights(`${at}mlp.router.classifier.weight`)];
      const product = (matrix: Float32Array, x: readonly number[]): number[] =>
        Array.from({ length: matrix.length / x.length }, (_, row) =>
          x.reduce((sum, value, i) => sum + value * (matrix[row * x.length + i] ?? 0), 0),
        );
      const chosen = new Set<number>();
      const expected = source.ids.flatMap((_, row) => {
        const x = Array.from({ length: 24 }, (_, i) => (entering?.[row * 24 + i] ?? 0) + (added?.[row * 24 + i] ?? 0));
        const rms = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / 24 + 1e-6);
        const normed = x.map((value, i) => (value / rms) * (gain[i] ?? 0));
        const powers = product(router, normed).map(Math.exp);
        const expert = powers.indexOf(Math.max(...powers));
        chosen.add(expert);
        const share = (powers[expert] ?? 0) / powers.reduce((sum, value) => sum + value, 0);
        const own = `${at}mlp.experts.expert_${expert}.`;
        const inner = product(weights(`${own}wi.weight`), normed).map((value) => Math.max(0, value));
        return product(weights(`${own}wo.weight`), inner).map((value) => share * value);
      });
      assert.ok(chosen.size > 1, 'tokens choose different experts');
      assert.ok(difference(given ?? [], expected, true) < 1e-5);
      // An expert takes 32 tokens of a text.
      assert.deepEqual([encoder.summary.contextLength, model.summary.contextLength], [32, 32]);
    });
  });
});
