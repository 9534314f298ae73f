/** The extension's side of the Model panel, played with the facts of the example workspace. */
import { servingAnswer } from '../../../language-server/service/serving-view';
import { parseConfig } from '../../../models/formats/config/parse-config';
import { describeModel } from '../../../models/formats/describe-model';
import type { FromModelPanel } from '../../../protocol/panels/model-schema';
import type { ModelActions, ModelContent, ToModelPanel } from '../../../protocol/panels/model';
import { exampleConfig, exampleModel, shownModel } from '../../support/model-facts';

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

export const show = (content: ModelContent, actions: Partial<ModelActions> = {}): ToModelPanel => ({
  kind: 'show',
  content,
  actions: { benchmark: true, heads: true, ...actions },
  headscope: '0.0.0',
});

/** What the language server answers about serving a model of the example workspace. */
const servingOf = (message: Extract<FromModelPanel, { readonly kind: 'serving' }>): readonly ToModelPanel[] => {
  const { uri, question } = message;
  const name = decodeURIComponent(uri).split('/').at(-2) ?? '';
  const parsed = parseConfig(exampleConfig(name));
  if (!parsed.ok) throw new Error(parsed.message);
  return [{ kind: 'serving', uri, question, answer: servingAnswer(describeModel(parsed.value), question) }];
};

/** Answers `ready` with this content, and questions about serving; the test sends the rest itself. */
export const answering =
  (content: ModelContent, actions: Partial<ModelActions> = {}) =>
  (message: FromModelPanel): readonly ToModelPanel[] =>
    message.kind === 'ready' ? [show(content, actions)] : message.kind === 'serving' ? servingOf(message) : [];
