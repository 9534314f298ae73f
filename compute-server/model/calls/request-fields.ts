/** Checks of what requests about models share. */
import {
  largestBias,
  type EncoderInput,
  type IdsRequest,
  type KeyBias,
  type PromptInput,
} from '../../../protocol/compute/models';
import type { DivergenceRequest, ReinforcementRequest } from '../../../protocol/compute/hallucination';
import { largestGain, type HeadGain } from '../../../protocol/results/heads';
import {
  outlierRules,
  reinforcedHeads,
  reinforcementExecutors,
  removedPositions,
  vhdDistances,
  type Removed,
} from '../../../protocol/results/hallucination';
import { badRequest, fieldsOf, oneOf, textOf, wholeOf, yesOrNo, type Fields } from '../../dispatch/parse';

export function promptOf(value: unknown): PromptInput {
  const prompt = fieldsOf(value, 'the prompt');
  const image = imageOf(prompt);
  if (prompt['kind'] === 'ids') return { kind: 'ids', ids: idList(prompt['ids'], 'prompt.ids'), ...image };
  if (prompt['kind'] !== 'text') throw badRequest('prompt.kind is text or ids');
  // An empty text is refused where its tokens are counted.
  const text = prompt['text'] === '' ? '' : textOf(prompt['text'], 'prompt.text');
  return { kind: 'text', text, chat: prompt['chat'] === true, ...image };
}

export const imageOf = (fields: Fields): { readonly image?: string } =>
  fields['image'] === undefined ? {} : { image: textOf(fields['image'], 'image') };

export const largestTile = 1 << 16;

export function encoderInputOf(value: unknown): EncoderInput | undefined {
  const prompt = fieldsOf(value, 'the prompt');
  if (prompt['kind'] !== 'image') return undefined;
  const { tile } = prompt;
  return {
    kind: 'image',
    image: textOf(prompt['image'], 'prompt.image'),
    ...(tile === undefined ? {} : { tile: wholeOf(tile, 'prompt.tile', 0, largestTile) }),
  };
}

/** What a request by ids reads: the text, or a tile of the picture through the encoder. */
export function promptOfIds({ ids, image, encoderTile }: IdsRequest): PromptInput | EncoderInput {
  if (encoderTile === undefined) return { kind: 'ids', ids, ...(image === undefined ? {} : { image }) };
  if (image === undefined) throw badRequest('encoderTile names a tile of an image, and there is no image');
  return { kind: 'image', image, tile: encoderTile };
}

export function idList(value: unknown, what: string): number[] {
  if (!Array.isArray(value)) throw badRequest(`${what} is a list of token ids`);
  return value.map((id, at) => wholeOf(id, `${what}[${at}]`, 0, 2 ** 31 - 1));
}

export function numberOf(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw badRequest(`${what} is a number from ${min} to ${max}`);
  }
  return value;
}

export function gainsOf(value: unknown, what: string): HeadGain[] {
  if (!Array.isArray(value)) throw badRequest(`${what} is a list of gains`);
  return value.map((each, at) => {
    const gain = fieldsOf(each, `${what}[${at}]`);
    return {
      layer: wholeOf(gain['layer'], `${what}[${at}].layer`, 0, 1 << 16),
      head: wholeOf(gain['head'], `${what}[${at}].head`, 0, 1 << 16),
      gain: numberOf(gain['gain'], `${what}[${at}].gain`, -largestGain, largestGain),
    };
  });
}

export function biasesOf(fields: Fields): { readonly biases?: readonly KeyBias[] } {
  const { biases } = fields;
  if (biases === undefined) return {};
  if (!Array.isArray(biases)) throw badRequest('biases is a list of biases');
  return {
    biases: biases.map((each, at) => {
      const what = `biases[${at}]`;
      const bias = fieldsOf(each, what);
      const start = wholeOf(bias['start'], `${what}.start`, 0, 1 << 24);
      return {
        layer: wholeOf(bias['layer'], `${what}.layer`, 0, 1 << 16),
        head: wholeOf(bias['head'], `${what}.head`, 0, 1 << 16),
        start,
        end: wholeOf(bias['end'], `${what}.end`, start + 1, (1 << 24) + 1),
        bias: numberOf(bias['bias'], `${what}.bias`, -largestBias, largestBias),
      };
    }),
  };
}

/** What is left out, and how the two passes are compared. */
export const spanFields = (
  fields: Fields,
): Pick<DivergenceRequest, 'removed' | 'distance' | 'outliers' | 'positions'> => ({
  removed: removedOf(fields['removed']),
  distance: oneOf(fields['distance'], 'distance', vhdDistances),
  outliers: oneOf(fields['outliers'], 'outliers', outlierRules),
  positions: oneOf(fields['positions'], 'positions', removedPositions),
});

function removedOf(value: unknown): Removed {
  const removed = fieldsOf(value, 'removed');
  if (removed['kind'] === 'image') return { kind: 'image' };
  if (removed['kind'] !== 'span') throw badRequest('removed.kind is image or span');
  const place = (name: string): number => wholeOf(removed[name], `removed.${name}`, 0, 1 << 24);
  return { kind: 'span', start: place('start'), end: place('end') };
}

export function reinforcementOf(fields: Fields, what: string): ReinforcementRequest {
  const { alpha, layers } = fields;
  // A factor that is no finite number is refused where it has words.
  if (typeof alpha !== 'number') throw badRequest(`${what}.alpha is a number`);
  if (layers !== undefined && !Array.isArray(layers)) throw badRequest(`${what}.layers is a list of layers`);
  return {
    alpha,
    outliers: oneOf(fields['outliers'], `${what}.outliers`, outlierRules),
    heads: oneOf(fields['heads'], `${what}.heads`, reinforcedHeads),
    normMatched: yesOrNo(fields['normMatched'], `${what}.normMatched`),
    executor: oneOf(fields['executor'], `${what}.executor`, reinforcementExecutors),
    seed: wholeOf(fields['seed'], `${what}.seed`, 0, 2 ** 32 - 1),
    ...(layers === undefined
      ? {}
      : { layers: layers.map((layer, at) => wholeOf(layer, `${what}.layers[${at}]`, 0, 1 << 16)) }),
  };
}
