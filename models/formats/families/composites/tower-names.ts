/** Towers that a file names and does not describe: sizes of the published checkpoints of these names. */
import type { ConfigReader, JsonObject } from '../../config/config-reader';
import type { PartRow } from './composite';
import { siglipSo400m } from '../towers/siglip-sizes';

const siglipLarge: JsonObject = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  patch_size: 16,
  image_size: 384,
};
const clipLarge: JsonObject = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  patch_size: 14,
  image_size: 224,
};

const named: readonly (readonly [RegExp, type: string, values: JsonObject])[] = [
  [/clip-vit-large-patch14-336/, 'clip_vision_model', { ...clipLarge, image_size: 336 }],
  [/clip-vit-large-patch14/, 'clip_vision_model', clipLarge],
  [
    /siglip-so400m-patch14-384|siglip_so400m_patch14_384|vit_so400m_patch14_siglip_384/,
    'siglip_vision_model',
    siglipSo400m,
  ],
  [/siglip_large_patch16_384|siglip-large-patch16-384/, 'siglip_vision_model', siglipLarge],
];

/** The tower that the text at `keys` names; no part where the name is not known. */
export function namedTower(keys: readonly string[]): PartRow {
  const find = (reader: ConfigReader) => {
    const outer = keys.slice(0, -1).reduce<ConfigReader | undefined>((at, key) => at?.child(key), reader);
    const name = outer?.object[keys[keys.length - 1] ?? ''];
    return typeof name === 'string' ? named.find(([pattern]) => pattern.test(name)) : undefined;
  };
  return {
    at: [keys],
    type: (reader) => find(reader)?.[1] ?? 'clip_vision_model',
    when: (reader) => find(reader) !== undefined,
    whole: (reader) => find(reader)?.[2] ?? {},
  };
}
