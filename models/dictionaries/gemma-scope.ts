/**
 * What Gemma Scope says of its dictionaries, as settings of SAELens.
 *
 * The first (arXiv:2408.05147, Gemma 2) has params.npz alone: the layer and the place stand in the names of folders, as in
 * `gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71`. SAELens reads these names alike (`gemma_2` in its
 * pretrained_sae_loaders.py). `att` reads the outputs of all heads before the output projection. Transcoders read what the norm before
 * the network divides, whose gain was folded into the network, and give what the network adds behind its norm.
 *
 * Gemma Scope 2 (Gemma 3) has config.json beside params.safetensors, with the modules of transformers that are read and written.
 */

const places: Readonly<Record<string, string>> = {
  res: 'hook_resid_post',
  att: 'attn.hook_z',
  mlp: 'hook_mlp_out',
  transcoders: 'ln2.hook_normalized',
};

/** A repository, or its folder in the cache of Hugging Face (`models--google--gemma-scope-2b-pt-res`). */
const repository = /(?:^|--)gemma-scope-[^-]+-(?:pt|it)-(res|att|mlp|transcoders)(?:-|$)/u;
const layerFolder = /^layer_(\d{1,4})$/u;

const lastMatch = (folders: readonly string[], pattern: RegExp): string | undefined =>
  folders.flatMap((name) => pattern.exec(name)?.[1] ?? []).at(-1);

/** Of the folders that hold params.npz, outermost first; undefined where they do not say layer and place. */
export function settingsOfFolders(folders: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const site = lastMatch(folders, repository);
  const place = site === undefined ? undefined : places[site];
  if (place === undefined) return undefined;
  const layer = lastMatch(folders, layerFolder);
  // Dictionaries of embeddings lie in a folder of this name, and are refused by the name of their place.
  if (layer === undefined) return folders.includes('embedding') ? { hook_name: 'hook_embed' } : undefined;
  return {
    architecture: site === 'transcoders' ? 'jumprelu_transcoder' : 'jumprelu',
    hook_name: `blocks.${layer}.${place}`,
    ...(site === 'transcoders' ? { hook_name_out: `blocks.${layer}.hook_mlp_out` } : {}),
    apply_b_dec_to_input: false,
  };
}

/** The settings to write by hand, with what the folders say of them. */
export function settingsToWrite(folders: readonly string[]): string {
  const layer = lastMatch(folders, layerFolder);
  const written = {
    architecture: 'jumprelu',
    hook_name: `blocks.${layer ?? 20}.hook_resid_post`,
    apply_b_dec_to_input: false,
  };
  return `${JSON.stringify(written)} with its ${layer === undefined ? 'layer and place' : 'place'}`;
}

/** Of config.json of Gemma Scope 2; undefined where it is no such file. */
export function settingsOfConfig(config: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof config !== 'object' || config === null || !('hf_hook_point_in' in config)) return undefined;
  const { hf_hook_point_in: reads, hf_hook_point_out: writes, architecture } = config as Record<string, unknown>;
  return {
    architecture: architecture === 'jump_relu' ? 'jumprelu' : architecture,
    hook_name: reads,
    ...(writes === reads ? {} : { hook_name_out: writes }),
    apply_b_dec_to_input: false,
  };
}
