import { openGguf } from '../formats/gguf/checkpoint';
import { runnable, specifyModel } from './catalogue';
import { asGgufStores, ggufTensor } from './gguf-weights';
import { ModelError } from './model-spec';
import { isReadable } from './stored-weights';

/** True if a GGUF file can be run as a model, else one sentence that says why not. Reads headers only. */
export async function runnableGguf(path: string): Promise<true | string> {
  const opened = await openGguf(path, { tokenizer: false });
  if (!opened.ok) return opened.message;
  const { description, checkpoint, stores } = opened.gguf;
  const verdict = runnable(description);
  if (verdict !== true) return verdict;
  const tensors = new Map(checkpoint.tensors.map((tensor) => [tensor.name, ggufTensor(tensor, (file) => file)]));
  const other = [...tensors.values()].find((tensor) => !isReadable(tensor));
  if (other)
    return `${other.name} is stored as ${other.dtype}, which Headscope does not read yet. Use a file in another format.`;
  try {
    asGgufStores(specifyModel(description, { find: (name) => tensors.get(name) }), stores);
    return true;
  } catch (error) {
    if (error instanceof ModelError) return error.message;
    throw error;
  }
}
