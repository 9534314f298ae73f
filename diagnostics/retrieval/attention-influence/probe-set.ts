/**
 * Probes that show which heads copy: something that only its key finds, and what the model is made to say then (arXiv:2505.07293,
 * section 3 and Appendix A). In three formats, the first that the model can answer is taken:
 *
 * - `json`, the paper's: an instruction, a JSON object of keys (random letters and digits) with sentences as values, worked
 *   questions, a question, the answer. As many pairs as the length leaves room for; keys are 32 characters, or fewer where else
 *   there is no room for six pairs. The sentences are generated here; those of the paper are of web text.
 * - `table`: lines of a word and its word (the task `key-value`), for models that read no JSON.
 * - `tokens`: random tokens in a haystack of random tokens (the probe behind the label `retrieval`), for models that have no
 *   tokenizer or read neither. Each key is one test.
 */
import { random as randomFrom, seedFor, type Random } from '../../../kernels/tensors/random';
import type { ModelFacts } from '../../model-runner/model-runner';
import { probePeriod } from '../../shared/labels/probes';
import { retrievalProbe } from '../../shared/labels/retrieval-probe';
import { pick, sample } from '../../tasks/draft';
import { keyValue } from '../../tasks/key-value';
import { drawSamples } from '../../tasks/samples';
import type { TaskTokens } from '../../tasks/task-tokens';
import { article, colours, names, objects, places, surfaces } from '../../tasks/words';

export const probeFormats = ['json', 'table', 'tokens'] as const;
export type ProbeFormat = (typeof probeFormats)[number];

/** One thing to copy: where it stands, and the rows of the answer's tokens. */
interface ProbeTest {
  readonly needle: readonly number[];
  readonly answer: readonly number[];
}

export interface Probe {
  readonly ids: readonly number[];
  readonly tests: readonly ProbeTest[];
}

export interface ProbeSetting {
  readonly facts: Pick<ModelFacts, 'specialIds' | 'bosId'> & {
    readonly summary: Pick<ModelFacts['summary'], 'vocabulary' | 'contextLength'>;
  };
  /** Absent where the model has no tokenizer. */
  readonly tokens: TaskTokens | undefined;
  /** Tokens of a probe at most. */
  readonly length: number;
  readonly seed: number;
}

/** So many probes, or fewer; none where the format does not fit the model. */
export function probesOf(format: ProbeFormat, count: number, setting: ProbeSetting): readonly Probe[] {
  switch (format) {
    case 'json':
      return jsonProbes(count, setting);
    case 'table':
      return tableProbes(count, setting);
    case 'tokens':
      return tokenProbes(count, setting);
  }
}

const shots = 3;
const leastPairs = 6;
const keyLengths = [32, 16, 8];
const keyCharacters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const instruction =
  'Extract the value of the given key from the following JSON object. Output only the value and nothing else.\n\n';
const question = (key: string): string => `Question: What is the value of the key "${key}"?\nAnswer:`;

interface Pair {
  readonly key: string;
  readonly value: string;
}

function jsonProbes(count: number, { tokens, length, seed }: ProbeSetting): readonly Probe[] {
  if (!tokens) return [];
  const most = Math.min(length, tokens.longest ?? Infinity);
  const random = randomFrom(seedFor(seed, 'probes json'));
  for (const keyLength of keyLengths) {
    const pairs = pairsThatFit(tokens, most, keyLength, random);
    if (pairs < leastPairs) continue;
    return Array.from({ length: count }, () => jsonProbe(tokens, most, { pairs, keyLength }, random)).filter(
      (probe) => probe !== undefined,
    );
  }
  return [];
}

/** By the mean of some pairs: each takes its own number of tokens. */
function pairsThatFit(tokens: TaskTokens, most: number, keyLength: number, random: Random): number {
  const drawn = drawnPairs(random, keyLength, 2 * leastPairs);
  const rest = promptOf(drawn.slice(0, shots + 1), drawn).text;
  const inside = objectOf(drawn);
  const size = (text: string): number => tokens.encode(text).length;
  const each = size(inside) / drawn.length;
  return Math.floor((most - tokens.lead.length - (size(rest) - size(inside)) - each) / each);
}

function jsonProbe(
  tokens: TaskTokens,
  most: number,
  { pairs, keyLength }: { readonly pairs: number; readonly keyLength: number },
  random: Random,
): Probe | undefined {
  for (let kept = pairs; kept > shots; kept--) {
    const all = drawnPairs(random, keyLength, kept);
    const asked = sample(random, all, shots + 1);
    const { text, value } = promptOf(asked, all);
    const prompt = tokens.encode(text);
    const answer = tokens.behind(text, ` ${value}`);
    if (!answer) return undefined;
    const ids = [...tokens.lead, ...prompt, ...answer];
    if (ids.length > most) continue;
    const from = text.indexOf(`"${value}"`) + 1;
    const lead = tokens.lead.length;
    return {
      ids,
      tests: [
        {
          needle: tokens.covering(text, prompt, from, from + value.length).map((at) => at + lead),
          answer: answer.map((_, at) => lead + prompt.length + at),
        },
      ],
    };
  }
  return undefined;
}

/** The last of those that are asked for is the query, the others are worked. */
function promptOf(asked: readonly Pair[], all: readonly Pair[]): { readonly text: string; readonly value: string } {
  const worked = asked.slice(0, -1).map(({ key, value }) => `${question(key)} ${value}\n\n`);
  const { key = '', value = '' } = asked.at(-1) ?? {};
  return { text: `${instruction}${objectOf(all)}\n\n${worked.join('')}${question(key)}`, value };
}

const objectOf = (pairs: readonly Pair[]): string =>
  `{${pairs.map(({ key, value }) => `"${key}": "${value}"`).join(', ')}}`;

function drawnPairs(random: Random, keyLength: number, count: number): readonly Pair[] {
  const values = new Map<string, Pair>();
  while (values.size < count) {
    const value = sentence(random);
    const key = Array.from({ length: keyLength }, () => pick(random, [...keyCharacters])).join('');
    values.set(value, { key, value });
  }
  return [...values.values()];
}

/** A sentence of about 10 to 15 tokens; those of the paper have at most 30. */
function sentence(random: Random): string {
  const [one = '', other = ''] = sample(random, names, 2);
  const [thing, colour, place] = [pick(random, objects), pick(random, colours), pick(random, places)];
  const described = `${article(colour)} ${colour} ${thing}`;
  return pick(random, [
    `${one} left ${described} on the ${pick(random, surfaces)} in the ${place}.`,
    `${one} and ${other} found ${described} near the ${place}.`,
    `In the ${place} ${one} gave ${described} to ${other}.`,
    `${other} saw that ${one} carried ${described} to the ${place}.`,
    `After the ${place} was closed, ${one} looked for ${described}.`,
    `Nobody in the ${place} knew why ${one} bought ${described}.`,
  ]);
}

function tableProbes(count: number, { tokens, seed }: ProbeSetting): readonly Probe[] {
  if (!tokens) return [];
  const pairs = keyValue.parameters.pairs.kind === 'integer' ? keyValue.parameters.pairs.default : 0;
  const drawing = drawSamples(keyValue, { count, seed, parameters: { pairs }, files: {} }, tokens);
  try {
    for (;;) {
      const step = drawing.next();
      if (!step.done) continue;
      return step.value.samples.flatMap(({ prompt: { ids }, answers: { right, rest }, roles }) => {
        const answer = [...right.slice(0, 1), ...rest];
        const needle = roles['value'] ?? [];
        return [{ ids: [...ids, ...answer], tests: [{ needle, answer: answer.map((_, at) => ids.length + at) }] }];
      });
    }
  } catch {
    // Its words do not fit the tokenizer or the context: another format does.
    return [];
  }
}

function tokenProbes(count: number, { facts, length, seed }: ProbeSetting): readonly Probe[] {
  const { summary, specialIds, bosId } = facts;
  const { vocabulary, contextLength } = summary;
  const period = probePeriod(vocabulary, specialIds.length, Math.min(length, contextLength ?? length));
  if (period === undefined) return [];
  return Array.from({ length: count }, (_, number) => {
    const probe = retrievalProbe({
      vocabulary,
      avoid: specialIds,
      bosId,
      period,
      seed: seedFor(seed, `probes tokens ${number}`),
    });
    return {
      ids: probe.ids,
      tests: probe.queries.map(({ position, answer }) => ({ needle: [answer], answer: [position + 1] })),
    };
  });
}
