/**
 * Models in the store of Ollama: a manifest `manifests/HOST/NAMESPACE/MODEL/TAG` names layers by their hashes, and the one of the kind
 * `…image.model` is a GGUF file in `blobs` beside it (ollama, server/manifest.go and types/model/name.go, November 2026).
 */
import { basename, dirname, join } from 'node:path';
import { isObject } from '../config/config-reader';
import { parseConfig } from '../config/parse-config';
import { FileRefused, readRegular } from '../regular-file';

/** By the path alone. */
export const isOllamaManifest = (path: string): boolean =>
  /[\\/]manifests(?:[\\/][^\\/.][^\\/]*){4}$/.test(path) && !/\.(gguf|json|onnx|safetensors|ya?ml)$/.test(path);

/** `llama3.2:1b` */
export const nameInOllama = (manifest: string): string => `${basename(dirname(manifest))}:${basename(manifest)}`;

/** Manifests have some hundred bytes. */
const largestManifest = 1_000_000;
const kind = (name: string): string => `application/vnd.ollama.image.${name}`;

export type OllamaFile =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly message: string };

/** The GGUF file of a manifest. */
export async function fileInOllama(manifest: string): Promise<OllamaFile> {
  const refused = (message: string): OllamaFile => ({ ok: false, message });
  let text: string;
  try {
    text = (await readRegular(manifest, largestManifest)).toString('utf8');
  } catch (error) {
    if (error instanceof FileRefused) return refused(error.message);
    throw error;
  }
  const parsed = parseConfig(text);
  const layers: unknown = parsed.ok && isObject(parsed.value) ? parsed.value['layers'] : undefined;
  if (!Array.isArray(layers))
    return refused('This is not a manifest of Ollama: it has no list of layers. Choose a manifest, or a .gguf file.');
  const digests = (name: string): readonly string[] =>
    layers.flatMap((layer: unknown) => {
      const { mediaType, digest } = (layer ?? {}) as { readonly mediaType?: unknown; readonly digest?: unknown };
      return mediaType === kind(name) && typeof digest === 'string' ? [digest] : [];
    });
  const [digest, ...more] = digests('model');
  if (digest === undefined || more.length > 0)
    return refused(
      `The manifest of Ollama names ${more.length + (digest === undefined ? 0 : 1)} GGUF files, but only a model of one file runs. Choose another model.`,
    );
  if (digests('adapter').length > 0)
    return refused('This model of Ollama is a base with an adapter, which Headscope does not apply. Choose its base.');
  const hash = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hash === undefined)
    return refused('The manifest of Ollama does not name its file by a hash. Pull the model again.');
  const store = dirname(dirname(dirname(dirname(dirname(manifest)))));
  return { ok: true, path: join(store, 'blobs', `sha256-${hash}`) };
}
