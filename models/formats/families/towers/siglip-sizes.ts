import type { JsonObject } from '../../config/config-reader';

/** google/siglip-so400m-patch14-384: the tower of many vision-language models, which their files name and do not describe. */
export const siglipSo400m: JsonObject = {
  hidden_size: 1152,
  intermediate_size: 4304,
  num_hidden_layers: 27,
  num_attention_heads: 16,
  patch_size: 14,
  image_size: 384,
};
