import { headName } from '../../../protocol/schema/written-form';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import { narrowest } from '../../shared/divergence/sinks';
import type { VarResult } from './result';
import { centricHeads, isMeasured, whatIsSeen } from './section-parts';

export function finding(result: Partial<VarResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const { dimensions, layers, sinks, tau, phi } = result;
  const what = whatIsSeen(result);
  if (dimensions.length === 0) {
    return `The first token has no value above ${threeDigits(tau)} times the root mean square of its hidden state in most layers, so that by this rule the model has no sinks; its largest is ${threeDigits(Math.max(...result.profile))}.${scaledWords(result)}`;
  }
  const looked = layers.filter((layer) => layer < phi.length);
  const tokens = new Set(looked.flatMap((layer) => sinks[layer] ?? []));
  if (tokens.size === 0) {
    return `The first token is massive in ${dimensionWords(dimensions)}, but no token of the ${what} is in layers ${rangeWords(looked)}, so the rule redistributes nothing.${scaledWords(result)}`;
  }
  const centric = centricHeads(result);
  const average = (of: readonly number[]): number =>
    looked.reduce((sum, layer) => sum + (of[layer] ?? 0), 0) / looked.length;
  const some = centric.slice(0, 3).map(headName).join(', ');
  return (
    [
      `${counted(tokens.size, 'token', 'tokens')} of ${result.seen.length} of the ${what} ${tokens.size === 1 ? 'is a sink' : 'are sinks'} in a layer of ${rangeWords(looked)}, massive in ${dimensionWords(dimensions)}, and ${tokens.size === 1 ? 'gets' : 'get'} ${threeDigits(average(result.mass.visual))} of the attention behind the ${what} (the others ${threeDigits(average(result.mass.others))}).`,
      `${counted(centric.length, 'head looks', 'heads look')} at the ${what} beside them${centric.length === 0 ? '' : ` (${some}${centric.length > 3 ? ', …' : ''})`}.`,
      ...maskedWords(result, what),
      ...textWords(result),
    ].join(' ') + scaledWords(result)
  );
}

function maskedWords({ masked, maskedRandom }: VarResult, what: string): readonly string[] {
  const sinks = masked?.find(({ name }) => name === 'sinks');
  if (!sinks || !maskedRandom) return [];
  const drawn = masked?.find(({ name }) => name.startsWith('random'))?.tokens ?? 0;
  const others = drawn < sinks.tokens ? 'other tokens, which are fewer,' : `as many other tokens of the ${what}`;
  return [
    `Without the sinks the prediction of the next token changes by ${threeDigits(sinks.divergence)} nats, without ${others} by ${threeDigits(maskedRandom.mean)} (${threeDigits(maskedRandom.low)} to ${threeDigits(maskedRandom.high)}).`,
  ];
}

function textWords({ words, share }: VarResult): readonly string[] {
  if (!words || words.length === 0) return [];
  const changed = words.filter(({ changes }) => changes).length;
  return [
    `Moving ${percent(share)} of the attention away from sinks changes ${changed} of ${counted(words.length, 'token', 'tokens')} of the text.`,
  ];
}

const scaledWords = ({ scaled, width, tau }: VarResult): string =>
  scaled
    ? ` The paper's tau of 20 needs a hidden state of more than ${narrowest} numbers and this one has ${width}: here tau is ${threeDigits(tau)}, which is not the published rule.`
    : '';

const dimensionWords = (dimensions: readonly number[]): string =>
  dimensions.length > 3
    ? `${dimensions.length} dimensions`
    : `${dimensions.length === 1 ? 'dimension' : 'dimensions'} ${dimensions.join(', ')}`;

export function rangeWords(layers: readonly number[]): string {
  const [first = 0] = layers;
  const last = layers.at(-1) ?? first;
  return layers.length > 2 && last - first === layers.length - 1 ? `${first} to ${last}` : layers.join(', ');
}
