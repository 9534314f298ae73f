import { classDefaults } from '../../config/class-defaults';
import { readTransformer } from '../../config/transformer';
import type { CompositeFamily, CompositeReading, StackFamily } from '../shared/family';
import { flag } from '../shared/family';

/** Every third layer attends to everything, the others to a window; the two kinds rotate with different bases. */
export const modernBert: StackFamily = {
  kind: 'stack',
  id: 'modernbert',
  title: 'ModernBERT',
  modelTypes: ['modernbert'],
  architectures: /^ModernBert(Model|For)/,
  role: 'encoder',
  tied: true,
  task: 'base',
  read: (reader) =>
    readTransformer(reader, {
      family: 'modernbert',
      role: 'encoder',
      causal: false,
      gated: true,
      norm: 'layer',
      positions: 'rope',
      rope: { layerType: 'full_attention', thetaKey: 'global_rope_theta' },
      windowRope: { layerType: 'sliding_attention', thetaKey: 'local_rope_theta' },
      record: ['norm_bias', 'attention_bias', 'mlp_bias', 'decoder_bias', 'classifier_bias'],
    }),
  tensors: (part, writer, { task, tied }) => {
    const hidden = part.hiddenSize;
    const vocabulary = part.vocabularySize ?? 0;
    const normBias = flag(part, 'norm_bias');
    const attentionBias = flag(part, 'attention_bias');
    const root = writer.under('model.');
    root.add('embedding', 'embeddings.tok_embeddings.weight', [vocabulary, hidden]);
    root.norm('embeddings.norm', hidden, normBias);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'layers.{layer}.');
      // The embedding is normalised already, so the first layer has no norm before its attention.
      if (layer.index > 0) own.norm('attn_norm', hidden, normBias);
      own.linear('attention', 'attn.Wqkv', hidden, 3 * hidden, attentionBias);
      own.linear('attention', 'attn.Wo', hidden, hidden, attentionBias);
      own.norm('mlp_norm', hidden, normBias);
      own.linear('mlp', 'mlp.Wi', hidden, 2 * layer.feedForward.size, flag(part, 'mlp_bias'));
      own.linear('mlp', 'mlp.Wo', layer.feedForward.size, hidden, flag(part, 'mlp_bias'));
    }
    root.norm('final_norm', hidden, normBias);
    if (task.kind === 'base' || task.kind === 'image-classification' || task.kind === 'sequence-to-sequence') return;
    writer.linear('head', 'head.dense', hidden, hidden, flag(part, 'classifier_bias'));
    writer.as('head').norm('head.norm', hidden, normBias);
    switch (task.kind) {
      case 'masked-lm':
      case 'causal-lm':
      case 'pretraining':
        if (!tied) writer.add('head', 'decoder.weight', [vocabulary, hidden]);
        if (flag(part, 'decoder_bias', true)) writer.add('head', 'decoder.bias', [vocabulary]);
        return;
      case 'sequence-classification':
      case 'token-classification':
      case 'question-answering':
        writer.linear('head', 'classifier', hidden, task.kind === 'question-answering' ? 2 : task.labels, true);
        return;
    }
  },
};

/**
 * A decoder of its own behind a ModernBERT that reads: published with code of its own, whose tensors are not written down
 * here. The sizes at the top are the decoder's.
 */
export const modernBertPair: CompositeFamily = {
  kind: 'composite',
  id: 'modernbert_enc_dec',
  title: 'ModernBERT encoder-decoder',
  modelTypes: ['modernbert_enc_dec'],
  tied: true,
  task: 'sequence-to-sequence',
  read: (reader): CompositeReading => {
    const layers = reader.integer('decoder_num_layers', 1);
    const decoder = readTransformer(reader, {
      family: 'modernbert_enc_dec',
      role: 'decoder',
      name: 'decoder',
      causal: true,
      gated: true,
      norm: 'layer',
      positions: 'rope',
      crossAttention: true,
      ...(layers === undefined ? {} : { layers }),
    });
    const encoder = reader.childOrEmpty('encoder_config');
    const own = modernBert.read(encoder.withDefaults(classDefaults('modernbert')));
    return { parts: [decoder, { ...own, modelType: 'modernbert' }], exact: false };
  },
};
