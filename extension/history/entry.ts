/** What the history knows of a result without opening its file. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import * as v from 'valibot';
import type { AnalysisInput, AnalysisResult } from '../../protocol/analysis/schema';
import { modelName, subjectOf } from '../results/benchmark-words';
import { comparedKind, type Kind, type SavedOf } from '../results/result-kinds';
import { heldWords } from '../../protocol/inputs/weights';
import type { Output, Schema } from '../../protocol/schema/check';
import { inexactHeld } from '../../protocol/schema/parts';
import { flag, object, oneOf, optional, text, whole } from '../../protocol/schema/fields';

/** Kinds of results that a run gives; a plan is edited, not run. */
export const historyKinds = ['benchmark', 'heads', 'hallucination', 'analysis', 'module'] as const satisfies Kind[];
export type HistoryKind = (typeof historyKinds)[number];

/** Names the entry, its file and the tab that shows it. */
const id: Schema<string> = v.pipe(text, v.regex(/^[0-9a-f]{12}$/, 'an id of 12 hexadecimal digits'));

export const historyEntry = object({
  id,
  kind: oneOf(historyKinds),
  /** Name of its file in the folder of the history. */
  file: text,
  /** Id of the analysis, as the command line names it; absent where the kind says what was run. */
  analysis: optional(text),
  title: text,
  /** The question of the analysis, by its id in the catalogue. */
  question: optional(text),
  /** Name of the model; empty where there was none. */
  model: text,
  /** Folder of the model, as the run was given it. */
  folder: optional(text),
  /** What was read, in words: the prompt, or the name of the task, the corpus or the picture. At most 400 characters. */
  input: text,
  /** How the weights of the model were held; absent: exact. */
  weights: optional(inexactHeld),
  /** ISO 8601 time. */
  created: text,
  /** Size of the file. */
  bytes: whole,
  /** Stays in the history, also beyond its bounds. */
  pinned: flag,
  /** Nobody asked for this run, and nobody has used its result since: the next one that runs by itself replaces it. */
  byItself: flag,
});
export type HistoryEntry = Output<typeof historyEntry>;

/** What a result says of itself. */
export type Subject = Pick<HistoryEntry, 'analysis' | 'title' | 'model' | 'folder' | 'input' | 'weights' | 'created'>;

const longestInput = 400;

const shortened = (words: string): string => {
  const line = words.replace(/\s+/g, ' ').trim();
  const letters = Array.from(line);
  return letters.length > longestInput ? `${letters.slice(0, longestInput - 1).join('')}…` : line;
};

const inOrder = (...parts: readonly (string | null | undefined)[]): string =>
  shortened(parts.filter((part) => part !== '' && part !== null && part !== undefined).join(' · '));

const idsWords = (count: number): string => `${count.toLocaleString('en-US')} token ids`;

function inputWords(input: AnalysisInput, prompts: AnalysisResult['prompts']): string {
  const [first, second] = prompts.map(({ text, ids, image }) => inOrder(image?.name, text ?? idsWords(ids.length)));
  switch (input.kind) {
    case 'prompt':
    case 'image':
      return first ?? '';
    case 'prompt-pair':
      return inOrder(first, second);
    case 'task':
      return input.task;
    case 'corpus':
      return input.file;
    case 'image-set':
      return inOrder(
        input.folder,
        input.prompt.kind === 'text' ? input.prompt.text : idsWords(input.prompt.ids.length),
      );
    case 'none':
      return '';
  }
}

function analysisSubject(result: AnalysisResult): Subject {
  const { analysis, title, model, input, prompts, weights = 'float32', created } = result;
  return {
    analysis,
    title,
    model: model.name,
    folder: model.folder,
    input: shortened(inputWords(input, prompts)),
    ...(weights === 'float32' ? {} : { weights }),
    created,
  };
}

const subjects: { readonly [K in HistoryKind]: (saved: SavedOf<K>) => Subject } = {
  benchmark: ({ created, plan }) => ({
    title: 'Attention kernels',
    model: plan.origin === undefined ? '' : modelName(plan.origin),
    input: inOrder(subjectOf(plan), plan.mechanisms.join(', ')),
    created,
  }),
  heads: analysisSubject,
  hallucination: analysisSubject,
  analysis: analysisSubject,
  module: ({ title, plan, parameters, created }) => ({
    title,
    model: '',
    input: inOrder(
      plan.module,
      Object.entries(parameters)
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(', '),
    ),
    created,
  }),
};

export const subjectIn = <K extends HistoryKind>(kind: K, saved: SavedOf<K>): Subject => subjects[kind](saved);

/** The same for a result that more was asked of since, and for one of an earlier kind of file: the run is the same, and so is its entry. */
export const idOf = (kind: HistoryKind, { created, analysis = '', model, input }: Subject): string =>
  createHash('sha256')
    .update(JSON.stringify([comparedKind(kind), created, analysis, model, input]))
    .digest('hex')
    .slice(0, 12);

/** `8-bit weights`; empty where they were exact. */
export const weightsOf = ({ weights }: Pick<HistoryEntry, 'weights'>): string =>
  weights === undefined ? '' : heldWords[weights];

/** `Which heads matter for this answer? · Llama-3.2-1B · The capital of France is`: how an entry stands in a list. */
export const entryName = (entry: HistoryEntry): string => {
  const { question, title, model, input } = entry;
  return [question ?? title, model, weightsOf(entry), input].filter((part) => part !== '').join(' · ');
};

/** Whether an entry holds every word in its model, its question, its title or what it read, whatever the case. */
export function matches(entry: HistoryEntry, words: string): boolean {
  const { title, question = '', model, folder = '', input, analysis = '' } = entry;
  const held = [title, question, model, basename(folder), weightsOf(entry), input, analysis]
    .join('\n')
    .toLocaleLowerCase();
  return words
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => held.includes(word));
}
