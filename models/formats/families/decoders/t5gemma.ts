/** T5Gemma: two stacks of Gemma 2's layers, the second of which also reads what the first gives. */
import { classDefaults } from '../../config/class-defaults';
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import { computes, gemma2Keys, scale } from './gemma';
import { llamaLayout } from './llama';
import type { CompositeFamily, StackRow } from '../shared/family';
import { amount, firstArchitecture } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { writeHalves } from '../shared/halves';
import { honoured, idle, idleOfText, nested, type RunKeys } from '../shared/run-keys';

/** Keys of each half. */
const moduleKeys: RunKeys = {
  ...gemma2Keys,
  ...honoured('cross_attention_hidden_size'),
  ...idle('drops activations in training alone', 'dropout_rate', 'attention_probs_dropout_prob'),
  ...idle('the class says of itself whether it reads from left to right', 'is_decoder'),
  ...idle('a key that the class does not read', 'type_vocab_size'),
};

const half = (name: 'encoder' | 'decoder'): StackRow => ({
  layout: {
    ...llamaLayout,
    root: `model.${name}.`,
    ...(name === 'decoder'
      ? {
          cross: {
            prefix: 'cross_attn.',
            norm: 'pre_cross_attn_layernorm',
            outputNorm: 'post_cross_attn_layernorm',
            width: (part: ModelPart) => amount(part, 'cross_attention_hidden_size'),
          },
          head: 'lm_head.out_proj',
        }
      : {}),
    norms: [
      'pre_self_attn_layernorm',
      'post_self_attn_layernorm',
      'pre_feedforward_layernorm',
      'post_feedforward_layernorm',
    ],
  },
  computes: { ...computes, scale },
});

const halves = { decoder: half('decoder'), encoder: half('encoder') };

export const t5Gemma: CompositeFamily = {
  kind: 'composite',
  id: 't5gemma',
  title: 'T5Gemma',
  modelTypes: ['t5gemma'],
  architectures: /^T5Gemma(For|Model|Encoder)/,
  tied: true,
  task: 'sequence-to-sequence',
  startKey: 'bos_token_id',
  run: {
    ...idleOfText,
    ...nested('encoder', moduleKeys),
    ...nested('decoder', moduleKeys),
    ...honoured('tie_word_embeddings'),
    ...idle('drops activations in training alone', 'classifier_dropout_rate'),
    ...idle('repeats what the halves say', 'hidden_size', 'num_attention_heads', 'num_hidden_layers'),
    ...idle('repeats what the halves say', 'num_key_value_heads', 'head_dim', 'vocab_size'),
  },
  ...halves,
  read: (reader) => {
    const stack = (name: 'encoder' | 'decoder'): ModelPart => {
      const own: ConfigReader = reader.childOrEmpty(name).withDefaults(classDefaults('t5_gemma_module'));
      own.positive('query_pre_attn_scalar');
      return readTransformer(own, {
        family: 't5gemma',
        role: name,
        name,
        causal: name === 'decoder',
        gated: true,
        norm: 'rms',
        positions: 'rope',
        crossAttention: name === 'decoder',
        windowed: (index) => index % 2 === 0,
        record: recordedKeys({ run: moduleKeys }),
      });
    };
    const alone = /EncoderModel$/.test(firstArchitecture(reader) ?? '');
    return { parts: alone ? [stack('encoder')] : [stack('decoder'), stack('encoder')], exact: true };
  },
  tensors: (model, table) => writeHalves(halves, model, table),
};
