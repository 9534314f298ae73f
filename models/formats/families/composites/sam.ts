/** Segment Anything: prompts, what a tower made of the picture, and a decoder that draws masks. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { compositeFamily } from './composite';

const promptValues = { hidden_size: 256, mask_input_channels: 16, num_point_embeddings: 4 };

/** What prompts become: learned vectors for kinds of points, and three convolutions for a mask. */
function writePrompts(model: { readonly fields: ModelPart['fields'] }, writer: TensorWriter): void {
  const said = model.fields['prompt_encoder_config']?.value;
  const of = (key: keyof typeof promptValues): number => {
    const value = typeof said === 'object' && said !== null && !Array.isArray(said) ? Object.entries(said) : [];
    const found = value.find(([name]) => name === key)?.[1];
    return typeof found === 'number' && Number.isInteger(found) && found > 0 && found <= 65_536
      ? found
      : promptValues[key];
  };
  const [width, channels, points] = [of('hidden_size'), of('mask_input_channels'), of('num_point_embeddings')];
  const own = writer.under('prompt_encoder.').as('projector');
  for (let index = 0; index < Math.min(points, 64); index++)
    own.add('other', `point_embed.${index}.weight`, [1, width]);
  for (const name of ['not_a_point_embed', 'no_mask_embed']) own.add('other', `${name}.weight`, [1, width]);
  const quarter = Math.floor(channels / 4);
  [
    [quarter, 1, 2],
    [channels, quarter, 2],
    [width, channels, 1],
  ].forEach(([output = 0, input = 0, side = 0], index) => {
    own.add('other', `mask_embed.conv${index + 1}.weight`, [output, input, side, side]);
    own.add('other', `mask_embed.conv${index + 1}.bias`, [output]);
  });
  own.norm('mask_embed.layer_norm1', quarter, true);
  own.norm('mask_embed.layer_norm2', channels, true);
}

/** The picture's part comes first: the decoder of masks is a hundredth of its size. */
export const sam = compositeFamily({
  id: 'sam',
  title: 'Segment Anything',
  architectures: /^SamModel/,
  task: 'base',
  record: ['prompt_encoder_config'],
  text: { at: [['vision_config']], type: 'sam_vision_model', named: [''], names: 'vision_encoder.' },
  towers: [{ at: [['mask_decoder_config']], type: 'sam_mask_decoder', names: 'mask_decoder.' }],
  join: ({ text, towers: [decoder] }) => {
    const patches = text.image?.tokens;
    if (decoder === undefined) return [text];
    const layers = decoder.layers.map((layer) => ({
      ...layer,
      ...(layer.crossAttention === undefined || patches === undefined
        ? {}
        : { crossAttention: { ...layer.crossAttention, sourcePositions: patches } }),
    }));
    return [text, { ...decoder, layers }];
  },
  tensors: (writer, _parts, model) => {
    writePrompts(model, writer);
  },
});
