/** Decoders of BART's form that stand alone: half of mBART in Donut, TrOCR's. */
import { readTransformer } from '../../config/transformer';
import type { Layer } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';

function writeLayer(writer: TensorWriter, layer: Layer, hidden: number, read: number): void {
  for (const block of ['self_attn', 'encoder_attn']) {
    const input = block === 'self_attn' ? hidden : read;
    for (const name of ['k_proj', 'v_proj']) writer.linear('attention', `${block}.${name}`, input, hidden, true);
    for (const name of ['q_proj', 'out_proj']) writer.linear('attention', `${block}.${name}`, hidden, hidden, true);
    writer.norm(`${block}_layer_norm`, hidden, true);
  }
  writer.linear('mlp', 'fc1', hidden, layer.feedForward.size, true);
  writer.linear('mlp', 'fc2', layer.feedForward.size, hidden, true);
  writer.norm('final_layer_norm', hidden, true);
}

export const bartDecoder: StackFamily = {
  kind: 'stack',
  id: 'bart_decoder',
  title: 'BART decoder',
  modelTypes: ['trocr', 'mbart_decoder', 'bart_decoder'],
  architectures: /^TrOCRFor/,
  role: 'decoder',
  tied: true,
  task: 'causal-lm',
  read: (reader) => {
    const part = readTransformer(reader, {
      family: 'bart_decoder',
      role: 'decoder',
      // An mBART config counts the layers of both halves; num_hidden_layers is of the encoder.
      layers: reader.integer('decoder_layers', 1) ?? 0,
      heads: reader.integer('decoder_attention_heads', 1) ?? 0,
      intermediateSize: reader.integer('decoder_ffn_dim', 1) ?? 0,
      gated: false,
      norm: 'layer',
      positions: reader.boolean('use_learned_position_embeddings') === false ? 'sinusoidal' : 'learned',
      crossAttention: true,
      record: ['cross_attention_hidden_size', 'layernorm_embedding', 'tie_word_embeddings'],
    });
    const { heads } = part;
    return { ...part, kvHeads: heads };
  },
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const root = writer.under('model.decoder.');
    root.add('embedding', 'embed_tokens.weight', [part.vocabularySize ?? 0, hidden]);
    // Two rows more than positions, as in OPT: fairseq's padding offset.
    if (part.positions === 'learned')
      root.add('embedding', 'embed_positions.weight', [(part.contextLength ?? 0) + 2, hidden]);
    if (flag(part, 'layernorm_embedding', true)) root.norm('layernorm_embedding', hidden, true);
    const read = amount(part, 'cross_attention_hidden_size') ?? hidden;
    for (const layer of part.layers) writeLayer(root.layer(layer.index, 'layers.{layer}.'), layer, hidden, read);
    if (part.modelType === 'mbart_decoder') root.norm('layer_norm', hidden, true);
    if (top.tied || top.task.kind === 'base') return;
    const head = part.modelType === 'trocr' ? 'output_projection' : 'lm_head';
    writer.add('head', `${head}.weight`, [part.vocabularySize ?? 0, hidden]);
  },
};
