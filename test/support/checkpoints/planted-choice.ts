/**
 * An OPT of two layers without MLPs and without a final norm, whose weights are written by hand to answer questions with four
 * lettered options by letter:
 *
 * - L0H0, gatherer: from the last position to the right option, and writes its place in the list and which one it is;
 * - L0H1: attends to its own position and writes nothing;
 * - L1H0, correct letter: from the last position to the label of that place, and raises its logit. `position`: it finds the label by
 *   where it stands, whatever it is; `letter`: it finds A for the first place, B for the second, wherever they stand;
 * - L1H1, uniform: attends to all labels alike and writes nothing.
 *
 * The query of L1H0 also holds which option is right, in dimensions in which keys hold nothing.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedOptLayer, plantedTensors } from './planted-tensors';

export type ChoiceCoding = 'position' | 'letter';

/** 0 begins the prompt; labels are 1 to 12, of which A to D are the first; right options 21 to 28, wrong ones 29 to 44. */
const labels = Array.from({ length: 12 }, (_, at) => 1 + at);
const rightOptions = 21;
const rightCount = 8;
const wrongOptions = 29;
const vocabulary = 45;
const lastToken = 16;
const positions = 24;
const [tokenAt, positionAt, placeAt, whichAt] = [0, vocabulary, vocabulary + positions, vocabulary + positions + 4];
const hidden = 96;
const headDim = 48;

/** How the analyses write its prompts: BOS, question, four times `( label ) option`, two tokens. */
export const choiceParameters = {
  labels: '#1 #2 #3 #4',
  others: '#5 #6 #7 #8 #9 #10 #11 #12',
  before: '#13',
  after: '#14',
  end: `#15 #${lastToken}`,
  prelude: '',
  shots: 0,
} as const;
const labelPosition = (place: number): number => 3 + 4 * place;
const optionPosition = (place: number): number => 5 + 4 * place;

/** Lines of a file of questions. */
export const choiceQuestions = (count: number): string =>
  Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      prompt: [17 + (at % 4)],
      options: [rightOptions + (at % rightCount), ...[0, 1, 2].map((i) => wrongOptions + ((3 * at + 5 * i) % 16))].map(
        (token) => [token],
      ),
      answer: 0,
    }),
  ).join('\n');

export function plantedChoice(coding: ChoiceCoding): Checkpoint {
  const { tensors, put } = plantedTensors();
  const words = put('model.decoder.embed_tokens.weight', [vocabulary, hidden]);
  for (let token = 0; token < vocabulary; token++) words(token, tokenAt + token, 1);
  const places = put('model.decoder.embed_positions.weight', [positions + 2, hidden]);
  for (let position = 0; position < positions; position++) places(position + 2, positionAt + position, 1);

  for (let layer = 0; layer < 2; layer++) {
    const { query, key, value, output } = plantedOptLayer(put, layer, hidden);
    if (layer === 0) {
      // Head 0: the last token asks for the right option, every other for the first token.
      query(0, tokenAt + lastToken, 6);
      for (let i = 0; i < rightCount; i++) key(0, tokenAt + rightOptions + i, 3);
      for (let position = 0; position < positions; position++) query(1, positionAt + position, 3);
      key(1, tokenAt, 3);
      for (let place = 0; place < 4; place++) {
        value(place, positionAt + optionPosition(place), 1);
        output(placeAt + place, place, 0.2);
      }
      for (let i = 0; i < rightCount; i++) {
        value(4 + i, tokenAt + rightOptions + i, 1);
        output(whichAt + i, 4 + i, 0.2);
      }
      // Head 1.
      for (let position = 0; position < positions; position++) {
        query(headDim + position, positionAt + position, 3);
        key(headDim + position, positionAt + position, 3);
      }
    } else {
      for (let place = 0; place < 4; place++) {
        query(place, placeAt + place, 3);
        key(place, coding === 'position' ? positionAt + labelPosition(place) : tokenAt + (labels[place] ?? 0), 3);
        // Head 1.
        key(headDim, positionAt + labelPosition(place), 3);
      }
      for (let i = 0; i < rightCount; i++) query(4 + i, whichAt + i, 3);
      labels.forEach((label, i) => {
        value(i, tokenAt + label, 1);
        output(tokenAt + label, i, 0.3);
      });
      query(headDim, tokenAt + lastToken, 6);
    }
  }
  const config = {
    model_type: 'opt',
    architectures: ['OPTForCausalLM'],
    num_hidden_layers: 2,
    num_attention_heads: 2,
    hidden_size: hidden,
    ffn_dim: 4,
    word_embed_proj_dim: hidden,
    vocab_size: vocabulary,
    max_position_embeddings: positions,
    do_layer_norm_before: true,
    _remove_final_layer_norm: true,
    activation_function: 'relu',
    bos_token_id: 0,
    eos_token_id: 0,
  };
  return { config, tensors };
}
