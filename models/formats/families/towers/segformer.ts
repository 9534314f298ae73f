import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { amount, amounts, firstArchitecture, flag } from '../shared/family';
import type { Stage } from './stages';
import { sizesOf, stagedFamily, stagesOf } from './stages';

/**
 * Keys and values are of patches of ratio x ratio positions (SegFormer, arXiv:2105.15203, section 3.1), so that a layer of n
 * positions reads n / ratio^2.
 */
function readStages(reader: ConfigReader): readonly Stage[] {
  const [widths, heads] = [sizesOf(reader, 'hidden_sizes'), sizesOf(reader, 'num_attention_heads')];
  const [reductions, ratios] = [sizesOf(reader, 'sr_ratios'), sizesOf(reader, 'mlp_ratios')];
  const strides = sizesOf(reader, 'strides');
  let side = reader.has('image_size') ? reader.integer('image_size', 1) : undefined;
  return sizesOf(reader, 'depths').map((depth, index) => {
    const width = widths[index] ?? 0;
    const reduction = Math.max(1, reductions[index] ?? 1);
    side = side === undefined ? undefined : Math.ceil(side / Math.max(1, strides[index] ?? 1));
    const sourcePositions = side === undefined ? undefined : Math.floor(side / reduction) ** 2;
    return {
      depth,
      width,
      heads: heads[index] ?? 0,
      networkSize: (ratios[index] ?? 4) * width,
      ...(side === undefined ? {} : { positions: side * side }),
      attention: () =>
        reduction === 1
          ? {}
          : {
              ...(sourcePositions === undefined ? {} : { sourcePositions }),
              note: `keys and values of ${reduction} x ${reduction} positions are one`,
            },
    };
  });
}

function writeEncoder(part: ModelPart, root: TensorWriter): void {
  const [patches, reductions] = [amounts(part, 'patch_sizes'), amounts(part, 'sr_ratios')];
  const channels = part.image?.channels ?? 3;
  const stages = stagesOf(part);
  stages.forEach(({ width, layers }, index) => {
    const patch = patches[index] ?? 3;
    const reduction = reductions[index] ?? 1;
    const before = index === 0 ? channels : (stages[index - 1]?.width ?? 0);
    root.add('embedding', `patch_embeddings.${index}.proj.weight`, [width, before, patch, patch]);
    root.add('embedding', `patch_embeddings.${index}.proj.bias`, [width]);
    root.norm(`patch_embeddings.${index}.layer_norm`, width, true);
    layers.forEach(({ index: layer, feedForward: { size } }, block) => {
      const own = root.layer(layer, `block.${index}.${block}.`);
      own.norm('layer_norm_1', width, true);
      for (const name of ['query', 'key', 'value'])
        own.linear('attention', `attention.self.${name}`, width, width, true);
      if (reduction > 1) {
        own.add('attention', 'attention.self.sr.weight', [width, width, reduction, reduction]);
        own.add('attention', 'attention.self.sr.bias', [width]);
        own.norm('attention.self.layer_norm', width, true);
      }
      own.linear('attention', 'attention.output.dense', width, width, true);
      own.norm('layer_norm_2', width, true);
      own.linear('mlp', 'mlp.dense1', width, size, true);
      own.add('mlp', 'mlp.dwconv.dwconv.weight', [size, 1, 3, 3]);
      own.add('mlp', 'mlp.dwconv.dwconv.bias', [size]);
      own.linear('mlp', 'mlp.dense2', size, width, true);
    });
    root.norm(`layer_norm.${index}`, width, true);
  });
}

export const segformer = stagedFamily({
  id: 'segformer',
  title: 'SegFormer',
  architectures: /^Segformer(Model|For)/,
  role: 'vision',
  // Convolutions of padded images tell the positions apart.
  positions: 'none',
  record: ['hidden_sizes', 'sr_ratios', 'patch_sizes', 'strides', 'mlp_ratios', 'depths', 'decoder_hidden_size'],
  stages: (reader) => {
    if (firstArchitecture(reader)?.endsWith('ForSemanticSegmentation') === true)
      reader.derive('segmentation_head', true, 'architectures');
    return readStages(reader);
  },
  image: (reader) => ({ channels: reader.integer('num_channels', 1) ?? 3 }),
  exact: (_part, className) =>
    className === undefined || /(Model|ForImageClassification|ForSemanticSegmentation)$/.test(className),
  tensors: (part, writer, { task }) => {
    writeEncoder(part, writer.under('segformer.encoder.'));
    if (task.kind === 'image-classification') writer.linear('head', 'classifier', part.hiddenSize, task.labels, true);
    if (!flag(part, 'segmentation_head')) return;
    const own = writer.under('decode_head.').as('head');
    const width = amount(part, 'decoder_hidden_size') ?? 0;
    const stages = stagesOf(part);
    stages.forEach((stage, index) => {
      own.linear('head', `linear_c.${index}.proj`, stage.width, width, true);
    });
    own.add('head', 'linear_fuse.weight', [width, width * stages.length, 1, 1]);
    own.norm('batch_norm', width, true);
    own.add('head', 'classifier.weight', [task.labels, width, 1, 1]);
    own.add('head', 'classifier.bias', [task.labels]);
  },
});
