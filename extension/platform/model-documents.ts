/**
 * Which documents may be part of a model folder. It only decides when the language server starts; what a file is, the
 * server says by its content.
 */

/** Files of a Hugging Face or onnxruntime-genai model folder that the language server reads as documents. */
const names = new Set([
  'config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer_config.json',
  'adapter_config.json',
  'genai_config.json',
  'model.safetensors.index.json',
]);

/** Keys that every published model configuration has one of. */
const telling = /"(?:model_type|architectures|num_attention_heads|n_head|hidden_size|d_model)"\s*:/;

/** As much of the text as is looked at: configurations name their kind at the top or in a few kilobytes. */
const looked = 20_000;

export function mayBeModelDocument(path: string, head: () => string): boolean {
  const name = path.split(/[\\/]/).at(-1) ?? '';
  if (!name.endsWith('.json')) return false;
  return names.has(name) || telling.test(head().slice(0, looked));
}
