/** ConvNeXt and what was made of it: blocks of a wide convolution by channel and a network, and no attention. */
import type { ConfigReader } from '../../config/config-reader';
import { mostLayers } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import { convolutionFamily } from './convolutions';
import type { StackFamily } from '../shared/family';
import { amount, amounts } from '../shared/family';
import { sizesOf } from './stages';

const blocks = (reader: ConfigReader): readonly number[] => {
  const widths = sizesOf(reader, 'hidden_sizes');
  return sizesOf(reader, 'depths').flatMap((depth, stage) =>
    Array.from({ length: Math.min(depth, mostLayers) }, () => widths[stage] ?? 0),
  );
};

/** `second`: the second version has a norm over the responses of all channels where the first has a scale by channel. */
const tensorsOf =
  (name: 'convnext' | 'convnextv2', second: boolean): NonNullable<StackFamily['tensors']> =>
  (part: ModelPart, writer, { task }) => {
    const root = writer.under(`${name}.`);
    const widths = amounts(part, 'hidden_sizes');
    const patch = amount(part, 'patch_size') ?? 4;
    const stem = widths[0] ?? 0;
    root.add('embedding', 'embeddings.patch_embeddings.weight', [stem, part.image?.channels ?? 3, patch, patch]);
    root.add('embedding', 'embeddings.patch_embeddings.bias', [stem]);
    root.norm('embeddings.layernorm', stem, true);
    let block = 0;
    amounts(part, 'depths').forEach((depth, stage) => {
      const width = widths[stage] ?? 0;
      const input = widths[stage - 1] ?? stem;
      if (stage > 0) {
        const down = root.under(`encoder.stages.${stage}.downsampling_layer.`);
        down.norm('0', input, true);
        down.add('other', '1.weight', [width, input, 2, 2]);
        down.add('other', '1.bias', [width]);
      }
      for (let index = 0; index < depth && block < part.layers.length; index++, block++) {
        const own = root.layer(block, `encoder.stages.${stage}.layers.${index}.`);
        own.add('other', 'dwconv.weight', [width, 1, 7, 7]);
        own.add('other', 'dwconv.bias', [width]);
        own.norm('layernorm', width, true);
        own.linear('mlp', 'pwconv1', width, 4 * width, true);
        own.linear('mlp', 'pwconv2', 4 * width, width, true);
        if (second) for (const which of ['weight', 'bias']) own.add('norms', `grn.${which}`, [1, 1, 1, 4 * width]);
        else if ((amount(part, 'layer_scale_init_value') ?? 0) > 0) own.add('other', 'layer_scale_parameter', [width]);
      }
    });
    root.norm('layernorm', part.hiddenSize, true);
    if (task.kind === 'image-classification') writer.linear('head', 'classifier', part.hiddenSize, task.labels, true);
  };

const heads: NonNullable<StackFamily['exact']> = (_part, className) =>
  className === undefined || /(Model|ForImageClassification)$/.test(className);
const record = ['patch_size', 'layer_scale_init_value'];

export const convNext = convolutionFamily({
  id: 'convnext',
  title: 'ConvNeXt',
  architectures: /^ConvNext(Model|For)/,
  record,
  blocks,
  exact: heads,
  tensors: tensorsOf('convnext', false),
});

export const convNextV2 = convolutionFamily({
  id: 'convnextv2',
  title: 'ConvNeXt V2',
  architectures: /^ConvNextV2(Model|For)/,
  record,
  blocks,
  exact: heads,
  tensors: tensorsOf('convnextv2', true),
});

/** Trained as DINOv3 is, without attention; its names are its own. */
export const dinov3ConvNext = convolutionFamily({
  id: 'dinov3_convnext',
  title: 'DINOv3 ConvNeXt',
  architectures: /^DINOv3ConvNext/,
  record,
  blocks,
});
