/** Llama 3.2 Vision: layers of cross-attention to the picture stand between the layers of Llama 3.1. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { Layer, ModelPart } from '../../model-description';
import type { DecoderLayout } from '../shared/decoder-layout';
import { writeDecoder } from '../shared/layout-tensors';
import type { StackFamily } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { honoured, llamaLikeKeys, type RunKeys } from '../shared/run-keys';
import { llamaLayout } from './llama';
import { crossOf } from '../towers/vision-towers';

/** Rows for further tokens, the picture's, that the embedding has and the head has not. */
const furtherTokens = 8;

const mllamaLayout: DecoderLayout = {
  ...llamaLayout,
  attention: { ...llamaLayout.attention, inputBias: false, outputBias: false },
  mlp: { ...llamaLayout.mlp, bias: false },
  mixer: (writer, layer, part) => {
    if (layer.crossAttention === undefined) return;
    const { heads, kvHeads, headDim } = layer.crossAttention;
    const hidden = part.hiddenSize;
    const own = writer.under('cross_attn.');
    own.linear('attention', 'q_proj', hidden, heads * headDim, false);
    own.linear('attention', 'k_proj', hidden, kvHeads * headDim, false);
    own.linear('attention', 'v_proj', hidden, kvHeads * headDim, false);
    own.linear('attention', 'o_proj', heads * headDim, hidden, false);
    own.norm('q_norm', headDim, false);
    own.norm('k_norm', headDim, false);
    writer.add('other', 'cross_attn_attn_gate', [1]);
    writer.add('other', 'cross_attn_mlp_gate', [1]);
  },
  furtherTokens,
};
const layout = writeDecoder(mllamaLayout);

const mllamaKeys: RunKeys = {
  ...llamaLikeKeys,
  ...honoured('cross_attention_layers'),
};

/** Layers of cross-attention have no attention of their own, and add nothing to the cache of the text. */
function crossLayers(reader: ConfigReader, part: ModelPart): readonly Layer[] {
  const indices = new Set(reader.numbers('cross_attention_layers'));
  return part.layers.map((layer): Layer => {
    if (!indices.has(layer.index)) return layer;
    const { heads, kvHeads, headDim, valueDim } = part;
    return {
      ...layer,
      attention: {
        kind: 'none',
        causal: false,
        heads,
        kvHeads,
        headDim,
        valueDim,
        note: 'cross-attention to the picture',
      },
      crossAttention: crossOf(part, undefined),
    };
  });
}

export const mllamaText: StackFamily = {
  kind: 'stack',
  id: 'mllama_text',
  title: 'Llama 3.2 Vision text',
  modelTypes: ['mllama_text_model'],
  architectures: /^MllamaForCausal/,
  role: 'decoder',
  tied: false,
  task: 'causal-lm',
  run: mllamaKeys,
  stack: { layout: mllamaLayout, computes: {} },
  read: (reader) => {
    const part = readTransformer(reader, {
      family: 'mllama_text',
      role: 'decoder',
      record: recordedKeys({ run: mllamaKeys }),
    });
    return { ...part, layers: crossLayers(reader, part) };
  },
  tensors: (part, writer, top) => {
    const rows = part.vocabularySize ?? 0;
    layout(part, writer, { ...top, task: { kind: 'base', labels: 2 } });
    if (!top.tied && top.task.kind !== 'base') writer.add('head', 'lm_head.weight', [rows, part.hiddenSize]);
  },
};
