/** What a model is called, by the place of its file; and which files are models, by their names. */

/** The later parts of a split GGUF file: the first stands for the model. */
const laterPart = /-(?!00001)\d{5}-of-\d{5}\.gguf$/;

/** OpenCLIP's own config, which may lie beside one of transformers for the same weights. */
const openClipConfig = 'open_clip_config.json';

/** A config, a GGUF file, a graph or an adapter: what it is, the language server says by its content. */
export const isModelFile = (name: string): boolean =>
  name === 'config.json' ||
  name === openClipConfig ||
  name === 'adapter_config.json' ||
  name.endsWith('.onnx') ||
  (name.endsWith('.gguf') && !laterPart.test(name));

/** A manifest in the store of Ollama, `manifests/HOST/NAMESPACE/MODEL/TAG`, which names a GGUF file by its hash. */
const ollamaManifest = /[\\/]manifests(?:[\\/][^\\/.][^\\/]*){4}$/;

/** A GGUF file, or a manifest that names one: a model that is not a folder. */
export const isGguf = (path: string): boolean =>
  path.endsWith('.gguf') || (ollamaManifest.test(path) && !/\.(json|onnx|safetensors|ya?ml)$/.test(path));

/** The same for VS Code's search and its watcher. */
export const modelFiles = `**/{config.json,${openClipConfig},adapter_config.json,*.gguf,*.onnx}`;

/**
 * The files that stand for models of their own. A graph beside a config, or in the folder `onnx` below it, is one of that model's
 * files, and so is OpenCLIP's config.
 */
export function modelsAlone(paths: readonly string[]): readonly string[] {
  const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')));
  const withConfig = new Set(paths.filter((path) => /[\\/]config\.json$/.test(path)).map(folderOf));
  return paths.filter((path) => {
    if (path.endsWith(openClipConfig)) return !withConfig.has(folderOf(path));
    if (!path.endsWith('.onnx')) return true;
    const folder = folderOf(path);
    return !withConfig.has(folder) && !(/[\\/]onnx$/.test(folder) && withConfig.has(folderOf(folder)));
  });
}

/** What stands for a model in a list: the file's name for a GGUF file and a graph, else the name of its folder. */
export function fileLabel(path: string): string {
  const name = path.split(/[\\/]/).at(-1) ?? path;
  if (name.endsWith('.gguf')) return name.replace(/(-00001-of-\d{5})?\.gguf$/, '');
  if (isGguf(path)) return `${modelLabel(path)}:${name}`;
  return name.endsWith('.onnx') ? `${modelLabel(path)}/${name}` : modelLabel(path);
}

/** The same for a model that a request names: a folder, or a file. */
export const modelName = (path: string): string =>
  fileLabel(isGguf(path) || path.endsWith('.onnx') ? path : `${path}/config.json`);

/** `meta-llama/Llama-3.1-8B` in the Hugging Face cache layout, else the name of the folder. */
export function modelLabel(configPath: string): string {
  const parts = configPath.split(/[\\/]/).filter((part) => part !== '');
  const folder = parts.at(-2) ?? configPath;
  const repository = parts.at(-4);
  if (parts.at(-3) === 'snapshots' && repository?.startsWith('models--') === true) {
    return repository.slice('models--'.length).replaceAll('--', '/');
  }
  return folder;
}
