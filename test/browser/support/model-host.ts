/** The extension's side of the Model panel, played with the facts of the example workspace. */
import type { FromModelPanel, ModelContent, ToModelPanel } from '../../../protocol/panels/model';
import { exampleModel, shownModel } from '../../support/model-facts';

export const llama = exampleModel('Llama-3.1-8B');
export const gemma = exampleModel('gemma-2-2b');
export const gpt2 = exampleModel('gpt2');
export const deepseek = exampleModel('DeepSeek-V2-Lite');
export const faulty = exampleModel('faulty');

/** A decoder with a vision tower (LLaVA's form), small enough to count by hand. */
export const twoParts = shownModel('two-parts', {
  model_type: 'llava',
  architectures: ['LlavaForConditionalGeneration'],
  image_token_index: 300,
  text_config: {
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    vocab_size: 320,
    max_position_embeddings: 2048,
  },
  vision_config: {
    model_type: 'clip_vision_model',
    hidden_size: 48,
    intermediate_size: 96,
    num_hidden_layers: 3,
    num_attention_heads: 6,
    image_size: 56,
    patch_size: 14,
    projection_dim: 32,
  },
});

/** Jamba's form: attention in every eighth layer, state-space layers between. */
export const hybrid = shownModel('hybrid', {
  model_type: 'jamba',
  architectures: ['JambaForCausalLM'],
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 16,
  num_attention_heads: 16,
  num_key_value_heads: 2,
  vocab_size: 1000,
  max_position_embeddings: 8192,
  torch_dtype: 'bfloat16',
});

export const show = (content: ModelContent, actions: Partial<ToModelPanel['actions']> = {}): ToModelPanel => ({
  kind: 'show',
  content,
  actions: { benchmark: true, heads: true, ...actions },
  headscope: '0.0.0',
});

/** Answers `ready` with this content; the test sends the rest itself. */
export const answering =
  (content: ModelContent, actions: Partial<ToModelPanel['actions']> = {}) =>
  (message: FromModelPanel): readonly ToModelPanel[] =>
    message.kind === 'ready' ? [show(content, actions)] : [];
