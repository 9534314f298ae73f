/** The first line of the view: what a model is, or what parts two of them. */
import type { ModelFacts } from '../../../protocol/language/requests';
import type { ModelContent, ShownModel } from '../../../protocol/panels/model';
import { count, plural } from '../../ui/numbers';
import { amountWords } from './facts';
import { binaryBytes, parameterCount, times } from './units';

export function sentenceOf(content: ModelContent): string {
  switch (content.state) {
    case 'empty':
      return 'What the attention of a model is, and what it costs.';
    case 'loading':
      return `Reading ${content.name}.`;
    case 'model':
      return modelSentence(content.model);
    case 'comparison':
      return comparisonSentence(content.first, content.second);
    case 'not-a-model':
    case 'failed':
      return content.sentence;
  }
}

/** The sentence of the language server, after the name, with the two costs that people ask for. */
export function modelSentence({ label, facts }: ShownModel): string {
  const hasLayers = (facts.parts[0]?.layers.length ?? 0) > 0;
  const sentence = facts.sentence.replace(/\.$/, '');
  // What a file is comes first, in its own letters.
  const said = hasLayers && facts.file === undefined ? sentence.charAt(0).toLowerCase() + sentence.slice(1) : sentence;
  const costs = [
    ...(facts.parameters === undefined ? [] : [`${parameterCount(facts.parameters.total)} parameters`]),
    ...(facts.kvBytesPerToken === undefined ? [] : [`${binaryBytes(facts.kvBytesPerToken)} of KV cache per token`]),
  ];
  const others = facts.parts
    .slice(1)
    .filter(({ layers }) => layers.length > 0)
    .map((part) => `, ${part.role} part of ${plural(part.layers.length, 'layer')}`);
  return `${label}: ${said}${others.join('')}${costs.length === 0 ? '' : `; ${costs.join(', ')}`}.`;
}

/** The one that keeps less cache is the subject; without caches, or with equal ones, the parameters decide. */
export function comparisonSentence(first: ShownModel, second: ShownModel): string {
  const [a, b] = labelsOf(first, second);
  const cacheA = first.facts.kvBytesPerToken;
  const cacheB = second.facts.kvBytesPerToken;
  if (cacheA !== undefined && cacheB !== undefined && cacheA !== cacheB) {
    const firstLess = cacheA < cacheB;
    const [less, more] = firstLess ? [first, second] : [second, first];
    const [nameLess, nameMore] = firstLess ? [a, b] : [b, a];
    const [low, high] = firstLess ? [cacheA, cacheB] : [cacheB, cacheA];
    const claim = `${nameLess} keeps ${amountWords(low, high, 'ratio')} KV cache per token than ${nameMore}`;
    const formats = inFormats(less.facts, more.facts);
    return `${claim} (${binaryBytes(low)}${formats.less} against ${binaryBytes(high)}${formats.more}${formats.alike})${formats.alike === '' ? atLength(less.facts, more.facts) : ''}${withParameters(less.facts, more.facts)}.`;
  }
  const cache =
    cacheA !== undefined && cacheB !== undefined
      ? `${a} and ${b} keep the same KV cache per token (${binaryBytes(cacheA)})`
      : cacheA === undefined && cacheB === undefined
        ? `Neither ${a} nor ${b} keeps a KV cache`
        : `${cacheA === undefined ? b : a} keeps a KV cache (${binaryBytes(cacheA ?? cacheB ?? 0)} per token), ${cacheA === undefined ? a : b} keeps none`;
  const [one, other] = [first.facts.parameters?.total, second.facts.parameters?.total];
  if (one === undefined || other === undefined) return `${cache}.`;
  if (one === other) return `${cache}, with as many parameters (${parameterCount(one)}).`;
  const larger = one > other ? a : b;
  return `${cache}; ${larger} has ${amountWords(Math.max(one, other), Math.min(one, other), 'ratio')} parameters (${parameterCount(Math.max(one, other))} against ${parameterCount(Math.min(one, other))}).`;
}

/** Two files of one name are distinguished by their folders' paths. */
export const labelsOf = (first: ShownModel, second: ShownModel): readonly [string, string] =>
  first.label === second.label ? [first.path, second.path] : [first.label, second.label];

/** Bytes of a number, by the names that configurations give them. */
const formatBytes: Readonly<Record<string, number>> = { float32: 4, float16: 2, bfloat16: 2, fp8: 1, fp4: 0.5 };

/** Caches in different number formats are no fair comparison: the formats are named, and the ratio in one format. */
function inFormats(less: ModelFacts, more: ModelFacts) {
  const a = formatBytes[less.cache?.dtype ?? ''];
  const b = formatBytes[more.cache?.dtype ?? ''];
  if (a === b || a === undefined || b === undefined) return { less: '', more: '', alike: '' };
  const [numbersA, numbersB] = [(less.kvBytesPerToken ?? 0) / a, (more.kvBytesPerToken ?? 0) / b];
  const alike = numbersA === numbersB ? 'as much' : amountWords(numbersA, numbersB, 'ratio');
  return {
    less: ` in ${less.cache?.dtype}`,
    more: ` in ${more.cache?.dtype}`,
    alike: `; in one number format ${alike}`,
  };
}

/** Windows change the ratio once they are full: it is said at the longest length that both are given at. */
function atLength(less: ModelFacts, more: ModelFacts): string {
  const shared = (less.kvBytes ?? []).flatMap(({ length, bytes }) => {
    const other = more.kvBytes?.find((entry) => entry.length === length);
    return other === undefined || bytes <= 0 || other.bytes <= 0 ? [] : [{ length, ratio: other.bytes / bytes }];
  });
  const longest = shared.reduce<(typeof shared)[number] | undefined>(
    (best, entry) => (best === undefined || entry.length > best.length ? entry : best),
    undefined,
  );
  const short = (more.kvBytesPerToken ?? 0) / (less.kvBytesPerToken ?? 1);
  if (longest === undefined || Math.abs(longest.ratio / short - 1) < 0.05) return '';
  const words = longest.ratio >= 1 ? `${times(longest.ratio)} less` : `${times(1 / longest.ratio)} more`;
  return `, at ${count(longest.length)} tokens ${words}`;
}

function withParameters(less: ModelFacts, more: ModelFacts): string {
  const a = less.parameters?.total;
  const b = more.parameters?.total;
  if (a === undefined || b === undefined) return '';
  return a === b ? ', with as many parameters' : `, with ${amountWords(a, b, 'ratio')} parameters`;
}
