import type { ConfigReader } from '../../config/config-reader';
import type { TensorWriter } from '../../tensors/tensor-table';
import { partNamed, readFlat, writeStack } from '../encoders/encoder-decoder';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { amount, firstArchitecture, flag, word } from '../shared/family';

/** Blocks in the four stages of the bottleneck ResNets that published files name. */
const backbones = new Map<string, readonly number[]>([
  ['resnet50', [3, 4, 6, 3]],
  ['resnet101', [3, 4, 23, 3]],
]);

/** The convolutions of a ResNet in the names of its own library. Its norms are frozen: no parameters of this model. */
function writeBackbone(writer: TensorWriter, depths: readonly number[], channels: number): void {
  const convolution = (name: string, input: number, output: number, kernel: number): void => {
    writer.add('embedding', `${name}.weight`, [output, input, kernel, kernel]);
  };
  convolution('conv1', channels, 64, 7);
  let input = 64;
  depths.forEach((depth, stage) => {
    const inner = 64 * 2 ** stage;
    for (let block = 0; block < depth; block++) {
      const name = `layer${stage + 1}.${block}`;
      convolution(`${name}.conv1`, input, inner, 1);
      convolution(`${name}.conv2`, inner, inner, 3);
      convolution(`${name}.conv3`, inner, 4 * inner, 1);
      if (block === 0) convolution(`${name}.downsample.0`, input, 4 * inner, 1);
      input = 4 * inner;
    }
  });
}

/**
 * A fixed number of learned queries reads what an encoder made of the image (arXiv:2005.12872). All objects come at once:
 * nothing is causal, and there is no cache.
 */
export const detr: CompositeFamily = {
  kind: 'composite',
  id: 'detr',
  title: 'DETR',
  modelTypes: ['detr'],
  architectures: /^Detr(Model|For)/,
  tied: false,
  task: 'base',
  read: (reader: ConfigReader): CompositeReading => {
    for (const key of ['backbone', 'dilation', 'num_channels', 'use_timm_backbone']) reader.raw(key);
    const className = firstArchitecture(reader);
    if (className?.endsWith('ForObjectDetection') === true) reader.derive('detection_head', true, 'architectures');
    const parts = readFlat(reader, {
      family: 'detr',
      positions: 'sinusoidal',
      encoderLength: 'image_positions',
      decoderLength: 'num_queries',
      encoderRole: 'vision',
      causal: false,
      record: [],
    });
    const [decoder, encoder] = parts;
    if (decoder === undefined || encoder === undefined) return { parts, exact: false };
    // As many positions as the backbone makes of the image, whatever max_position_embeddings says.
    const { contextLength: _unread, ...image } = encoder;
    const named = backbones.has(word(decoder, 'backbone') ?? '');
    return {
      parts: [{ ...decoder, positions: 'learned' }, image],
      exact: named && (className === undefined || /(Model|ForObjectDetection)$/.test(className)),
    };
  },
  tensors: (model, table) => {
    const [decoder, encoder] = [partNamed(model, 'decoder'), partNamed(model, 'encoder')];
    if (decoder === undefined || encoder === undefined) return;
    const hidden = decoder.hiddenSize;
    const depths = backbones.get(word(decoder, 'backbone') ?? '') ?? [];
    const eyes = table.writer(encoder).under('model.');
    writeBackbone(eyes.under('backbone.conv_encoder.model.'), depths, amount(decoder, 'num_channels') ?? 3);
    eyes.add('projector', 'input_projection.weight', [hidden, 2048, 1, 1]);
    eyes.add('projector', 'input_projection.bias', [hidden]);
    writeStack(encoder, eyes.under('encoder.'), { key: true });
    const text = table.writer(decoder).under('model.');
    text.add('embedding', 'query_position_embeddings.weight', [amount(decoder, 'num_queries') ?? 0, hidden]);
    writeStack(decoder, text.under('decoder.'), { key: true });
    text.norm('decoder.layernorm', hidden, true);
    if (!flag(decoder, 'detection_head')) return;
    const head = table.writer(decoder);
    // One class more: no object.
    head.linear('head', 'class_labels_classifier', hidden, model.task.labels + 1, true);
    head.linear('head', 'bbox_predictor.layers.0', hidden, hidden, true);
    head.linear('head', 'bbox_predictor.layers.1', hidden, hidden, true);
    head.linear('head', 'bbox_predictor.layers.2', hidden, 4, true);
  },
};

/** DETR with its norms in front, and with queries of two halves; their tensors are not written down here. */
export const detrRelatives: CompositeFamily = {
  kind: 'composite',
  id: 'detr_relatives',
  title: 'DETR relatives',
  modelTypes: ['table-transformer', 'conditional_detr'],
  architectures: /^(TableTransformer|ConditionalDetr)(Model|For)/,
  tied: false,
  task: 'base',
  read: (reader) => ({
    parts: detr.read(reader).parts.map((part) => ({ ...part, family: 'detr_relatives' })),
    exact: false,
  }),
};
