import { compositeFamily } from './composite';
import { crossOf } from '../towers/vision-towers';

export const mllama = compositeFamily({
  id: 'mllama',
  title: 'Llama 3.2 Vision',
  architectures: /^MllamaForConditional/,
  textAlone: true,
  text: { at: [['text_config']], type: 'mllama_text_model', names: 'language_model.' },
  towers: [{ at: [['vision_config']], type: 'mllama_vision_model', names: 'vision_model.' }],
  join: ({ text, towers: [tower] }) => {
    const positions = tower?.image?.tokens;
    const layers = text.layers.map((layer) =>
      layer.crossAttention === undefined ? layer : { ...layer, crossAttention: crossOf(text, positions) },
    );
    return [{ ...text, layers }, ...(tower === undefined ? [] : [tower])];
  },
  projector: ({ text, towers: [tower] }) => {
    const output = tower?.fields['vision_output_dim']?.value;
    return {
      kind: 'one linear layer',
      // The last layer and five of the middle side by side.
      inputSize: typeof output === 'number' ? output : 0,
      outputSize: text.hiddenSize,
    };
  },
  tensors: (writer, _parts, { projector }) => {
    if (projector !== undefined)
      writer.linear('projector', 'multi_modal_projector', projector.inputSize, projector.outputSize, true);
  },
});
