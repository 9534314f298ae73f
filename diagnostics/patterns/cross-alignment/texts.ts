/** The texts that are aligned: the prompt, and those of a file. */
import type { AnalysisJob } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { parseLinks, type GoldLink } from './links';
import type { CrossAlignmentParameters } from './parameters';
import { tokensAsWords, wordsOf, type Words } from './words';

export interface AlignedText {
  readonly prompt: Prompt;
  readonly source: Words;
  readonly target: Words;
  /** Absent where none was given. */
  readonly gold?: readonly GoldLink[];
}

const mostPairs = 10_000;

interface WrittenPair {
  readonly source: string;
  readonly target: string;
  readonly alignment: string;
}

export async function alignedTexts(
  model: ModelRunner,
  prompt: Prompt,
  {
    parameters: { gold, pairs, unit },
    interventions,
  }: Pick<AnalysisJob<CrossAlignmentParameters>, 'parameters' | 'interventions'>,
): Promise<readonly AlignedText[]> {
  const own = textOf(model, prompt, gold, unit, 'The gold alignment');
  if (pairs === '') return [own];
  const more: AlignedText[] = [];
  for (const [at, { source: text, target, alignment }] of pairsIn(await model.textFile(pairs)).entries()) {
    const read = await model.prompt({ kind: 'text', text, target }, interventions);
    more.push(textOf(model, read, alignment, unit, `The alignment in line ${at + 1}`));
  }
  return [own, ...more];
}

function textOf(model: ModelRunner, prompt: Prompt, written: string, unit: string, what: string): AlignedText {
  const { source } = prompt;
  if (!source) throw new RangeError('the prompt has no source');
  const isSpecial = (ids: readonly number[]) => (token: number) => model.facts.specialIds.includes(ids[token] ?? -1);
  const split = (text: string | null, tokens: readonly string[], ids: readonly number[]): Words =>
    unit === 'tokens' ? tokensAsWords(tokens, isSpecial(ids)) : wordsOf(text, tokens, isSpecial(ids));
  const words = {
    source: split(source.text, source.tokens, source.ids),
    target: split(prompt.text, prompt.tokens, prompt.ids),
  };
  if (written.trim() === '') return { prompt, ...words };
  const read = parseLinks(written);
  if ('fault' in read) {
    throw refusal(`${what} has "${read.fault.slice(0, 40)}", which is no link. Write source-target, e.g. 0-0 1-2.`);
  }
  for (const side of ['source', 'target'] as const) {
    const { length } = words[side].texts;
    const beyond = read.links.find((link) => link[side] >= length);
    if (!beyond) continue;
    throw refusal(
      `${what} names ${unit === 'tokens' ? 'token' : 'word'} ${beyond[side]} of the ${side}, which has ${length}, from 0. Correct it.`,
    );
  }
  return { prompt, ...words, gold: read.links };
}

function pairsIn(content: string): readonly WrittenPair[] {
  const lines = content.split(/\r?\n/u).filter((line) => line.trim() !== '');
  if (lines.length === 0) {
    throw refusal('The file of pairs is empty. Give one JSON object a line, or leave it out.');
  }
  if (lines.length > mostPairs) {
    throw refusal(`The file has ${lines.length} pairs, and at most ${mostPairs} are read. Give fewer.`);
  }
  return lines.map((line, at) => {
    const pair = pairIn(line);
    if (pair) return pair;
    throw refusal(
      `Line ${at + 1} of the file of pairs is no JSON object with the texts "source", "target" and "alignment". Correct it.`,
    );
  });
}

function pairIn(line: string): WrittenPair | undefined {
  try {
    const { source, target, alignment } = JSON.parse(line) as Partial<Record<keyof WrittenPair, unknown>>;
    return typeof source === 'string' && typeof target === 'string' && typeof alignment === 'string'
      ? { source, target, alignment }
      : undefined;
  } catch {
    return undefined;
  }
}
