/**
 * The prompts on which gates are found (DuoAttention, arXiv:2410.10819, section 3; its multiple_passkey data): pass keys hidden in a
 * long text, each named by its ordinal, and behind the text each of them asked for and given. All tokens of questions and answers
 * count. Models without a tokenizer read the same in random tokens.
 */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import { FailureError } from '../../../protocol/wire/failures';
import type { ModelFacts } from '../../model-runner/model-runner';
import { drawDistinct } from '../../shared/labels/probes';
import { haystack } from '../../tasks/haystack';
import type { TaskTokens } from '../../tasks/task-tokens';
import type { DuoParameters } from './parameters';

export interface KeyPrompt {
  readonly ids: readonly number[];
  /** Rows of questions and answers, rising. */
  readonly labels: readonly number[];
  /** Rows of the answers among them. */
  readonly answers: readonly number[];
}

export type KeySettings = Pick<DuoParameters, 'keys' | 'words' | 'shortest' | 'longest'>;

/** The spelling alphabet of NATO. */
const alphabet = (
  'alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra ' +
  'tango uniform victor whiskey xray yankee zulu'
).split(' ');

const ordinals = (
  'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth ' +
  'seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth'
).split(' ');

const lengths = 50;
const depths = 1000;
const [leastDepth, mostDepth] = [0.05, 0.95];

export interface KeySource {
  readonly facts: ModelFacts;
  /** Absent: random tokens. */
  readonly tokens: TaskTokens | undefined;
  /** Between the keys; absent: the sentences of the pass-key task. */
  readonly text?: string;
}

/** The prompt of a name, e.g. of a step; the same for the same seed. */
export function keyPrompt(source: KeySource, settings: KeySettings, seed: number, name: string): KeyPrompt {
  const draw = random(seedFor(seed, name));
  const { shortest, longest } = settings;
  const length = Math.round(shortest + ((longest - shortest) * draw.whole(lengths)) / (lengths - 1));
  const prompt = source.tokens
    ? inWords(source, source.tokens, settings, length, draw)
    : inTokens(source.facts, settings, length, draw);
  const { contextLength = Infinity } = source.facts.summary;
  if (prompt.ids.length > contextLength) {
    const detail = `A prompt with its pass keys has ${prompt.ids.length} tokens, and this model reads at most ${contextLength}. Choose fewer keys or words, or a shorter context.`;
    throw new FailureError({ code: 'unsupported', detail });
  }
  return prompt;
}

/** Sorted places of the keys in the text, as shares of it: the order of their ordinals. */
function placesOf(draw: Random, count: number): readonly number[] {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(draw.whole(depths));
  return [...chosen].sort((a, b) => a - b).map((at) => leastDepth + ((mostDepth - leastDepth) * at) / (depths - 1));
}

function inWords(
  { text }: KeySource,
  tokens: TaskTokens,
  { keys, words }: KeySettings,
  length: number,
  draw: Random,
): KeyPrompt {
  const count = (part: string): number => tokens.encode(part).length;
  const said = Array.from({ length: keys }, (_, at) => ({
    ordinal: ordinals[at] ?? `${at + 1}th`,
    key: Array.from({ length: words }, () => alphabet[draw.whole(alphabet.length)]).join(' '),
  }));
  const needles = said.map(({ ordinal, key }) => `\n\nThe ${ordinal} key to the vault is: ${key}.\n\n`);
  const used = needles.reduce((sum, needle) => sum + count(needle), tokens.lead.length);
  const places = [0, ...placesOf(draw, keys), 1];
  const hay = (at: number): string => {
    const share = (places[at + 1] ?? 1) - (places[at] ?? 0);
    const room = Math.max(0, Math.round((length - used) * share));
    const start = draw.uniform();
    return haystack({ count }, { tokens: room, depth: 1, start, ...(text === undefined ? {} : { text }) }).before;
  };
  let written = needles.map((needle, at) => hay(at) + needle).join('') + hay(keys);
  const prefixes: number[] = [];
  const upTo = (): number => prefixes.push(written.length);
  upTo();
  for (const { ordinal, key } of said) {
    written += `\n\nWhat is the ${ordinal} key to the vault? The ${ordinal} key to the vault is:`;
    upTo();
    written += ` ${key}.`;
    upTo();
  }
  const plain = tokens.encode(written);
  const ids = [...tokens.lead, ...plain];
  const rows = prefixes.map((end) => tokens.lead.length + common(tokens.encode(written.slice(0, end)), plain));
  return {
    ids,
    labels: range(rows[0] ?? 0, ids.length),
    answers: said.flatMap((_, at) => range(rows[2 * at + 1] ?? 0, rows[2 * at + 2] ?? 0)),
  };
}

/** How many tokens of the vocabulary serve as filler between the keys. */
const fillers = 16;

/** A key is a token of its own, then `words` others; no two of them are the same, and none stands between them. */
function inTokens(facts: ModelFacts, { keys, words }: KeySettings, length: number, draw: Random): KeyPrompt {
  const { summary, specialIds, bosId } = facts;
  const needed = keys * (1 + words);
  const left = summary.vocabulary - specialIds.length - needed;
  const lead = bosId === undefined ? [] : [bosId];
  if (left < 1) {
    const detail = `Pass keys of ${needed} different tokens do not fit a vocabulary of ${summary.vocabulary}. Choose fewer keys or words.`;
    throw new FailureError({ code: 'unsupported', detail });
  }
  const settings = { vocabulary: summary.vocabulary, avoid: specialIds, seed: draw.whole(2 ** 31), period: 0 };
  const drawn = drawDistinct(settings, needed + Math.min(fillers, left));
  const said = Array.from({ length: keys }, (_, at) => drawn.slice(at * (1 + words), (at + 1) * (1 + words)));
  const between = drawn.slice(needed);
  const room = Math.max(0, length - lead.length - needed);
  const ends = placesOf(draw, keys).map((share) => Math.round(share * room));
  const ids: number[] = [...lead];
  let done = 0;
  const fill = (end: number): void => {
    for (; done < end; done++) ids.push(between[draw.whole(between.length)] ?? 0);
  };
  said.forEach((key, at) => {
    fill(ends[at] ?? 0);
    ids.push(...key);
  });
  fill(room);
  const first = ids.length;
  const answers: number[] = [];
  for (const key of said) {
    answers.push(...range(ids.length + 1, ids.length + key.length));
    ids.push(...key);
  }
  return { ids, labels: range(first, ids.length), answers };
}

function common(a: readonly number[], b: readonly number[]): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
