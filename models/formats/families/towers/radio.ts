import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { StackFamily } from '../shared/family';
import { timmViT } from './timm-names';

/** Names of timm's architectures lie in `args.model`; the registers beside the class tokens are made up to `register_multiple`. */
const named = (reader: ConfigReader) => {
  const name = reader.child('args')?.string('model');
  return name === undefined ? undefined : timmViT(name);
};

/** NVIDIA's RADIO: a ViT of timm that was taught by several others (arXiv:2312.06709), for pictures of many sizes. */
export const radio: StackFamily = {
  kind: 'stack',
  id: 'radio',
  title: 'RADIO',
  modelTypes: ['radio'],
  architectures: /^RADIOModel/,
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader) => {
    const sizes = named(reader);
    const patch = reader.integer('patch_size', 1) ?? sizes?.patch;
    return readTransformer(reader, {
      family: 'radio',
      role: 'vision',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      hiddenSize: sizes?.width ?? 0,
      layers: sizes?.depth ?? 0,
      heads: sizes?.heads ?? 0,
      kvHeads: sizes?.heads ?? 0,
      intermediateSize: sizes?.networkSize ?? 0,
      image: { channels: 3, ...(patch === undefined ? {} : { patch }) },
    });
  },
};
