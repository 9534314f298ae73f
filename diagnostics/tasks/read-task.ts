/** A task by its id or the path of a file, as samples. */
import { resolveTable } from '../../protocol/analysis/parameters';
import { type ParameterValues } from '../../protocol/schema/parts';
import { isTaskFile, type TaskInfo } from '../../protocol/analysis/tasks';
import { isCodeFile, type OwnFileRead } from '../../protocol/inputs/own-file';
import { refusal } from '../../protocol/wire/failures';
import { lineNotUtf8 } from '../../protocol/wire/utf8';
import { taskInfo, type Draft, type Sample } from './task';
import { tasks } from './catalogue';
import { isFactFile, ownFacts } from './facts-file';
import { ownSamples, ownTask, type OwnTask } from './task-file';
import { drawSamples, drawTexts, type Drawing, type Drawn, type DrawRequest } from './samples';
import { fit } from './fit';
import { drawnByCode, type TaskCode } from './task-code';
import type { TaskTokens } from './task-tokens';

export interface TaskAsked {
  /** Id of the catalogue, or the path of a JSONL, CSV or task file. */
  readonly task: string;
  readonly samples: number;
  readonly seed: number;
  readonly parameters: ParameterValues;
}

export interface TaskSamples<S> extends Drawn<S> {
  readonly task: TaskInfo;
  /** With defaults for those left out. */
  readonly parameters: ParameterValues;
  /** The task file that gave them. */
  readonly file?: OwnFileRead;
}

/** What reading a task needs of the process that it is read in. */
export interface TaskSurroundings {
  /** Fails with a sentence. */
  readonly textFile: (path: string) => Promise<string>;
  /** Called between two samples: lets others have their turn, and fails where the person cancelled. */
  readonly pause: () => Promise<void>;
  /** The task file that is named, where whoever asks lets its code run. */
  readonly code?: TaskCode;
}

async function finished<S>(drawing: Drawing<S>, { pause }: TaskSurroundings): Promise<Drawn<S>> {
  for (;;) {
    const step = drawing.next();
    if (step.done) return step.value;
    await pause();
  }
}

/** Fails with a sentence: an unknown id, a parameter out of its range, a file that cannot be read, words that do not fit. */
export async function taskSamples(
  asked: TaskAsked,
  tokens: TaskTokens,
  surroundings: TaskSurroundings,
): Promise<TaskSamples<Sample>> {
  const { request, ...found } = await open(asked, surroundings);
  if ('code' in found) {
    const { code } = found;
    const drafts: Draft[] = [];
    const finish = (draft: Draft): Sample => {
      const sample = fit(draft, tokens, code.info);
      drafts.push(draft);
      return sample;
    };
    const drawn = await drawnByCode(code, request, tokens, { finish, pause: surroundings.pause });
    return noted(drafts, byCode(code, request, drawn));
  }
  if ('own' in found) {
    const own = await finished(ownSamples(found.own, asked.samples, tokens), surroundings);
    return noted(draftsOf(found.own, asked), { task: found.own.info, parameters: {}, ...own });
  }
  const drawn = await finished(drawSamples(found.task, request, tokens), surroundings);
  return { task: taskInfo(found.task), parameters: request.parameters, ...drawn };
}

/** The same without a model: as text alone. */
export async function taskTexts(asked: TaskAsked, surroundings: TaskSurroundings): Promise<TaskSamples<Draft>> {
  const { request, ...found } = await open(asked, surroundings);
  if ('code' in found) {
    const { code } = found;
    const { pause } = surroundings;
    const drawn = await drawnByCode(code, request, undefined, { finish: (draft) => draft, pause });
    return noted(drawn.samples, byCode(code, request, drawn));
  }
  if ('own' in found) {
    const { info, notes } = found.own;
    const samples = draftsOf(found.own, asked);
    return noted(samples, { task: info, parameters: {}, samples, notes });
  }
  const drawn = await finished(drawTexts(found.task, request), surroundings);
  return { task: taskInfo(found.task), parameters: request.parameters, ...drawn };
}

const draftsOf = ({ drafts }: OwnTask, { samples }: TaskAsked): readonly Draft[] =>
  drafts.slice(0, samples).map(({ draft }) => draft);

/** Of a word, in a script that puts spaces between words: Chinese, Japanese, Thai, Lao, Khmer and Burmese put none. */
const letter = String.raw`(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{N}]`;
const [beginsWithLetter, endsWithLetter] = [new RegExp(`^${letter}`, 'u'), new RegExp(`${letter}$`, 'u')];

/** Says where an answer runs into the last word of its prompt, which a missing space does: most models would not answer so. */
function noted<S>(drafts: readonly Draft[], drawn: TaskSamples<S>): TaskSamples<S> {
  const joined = drafts.flatMap((draft) => {
    if (draft.kind !== 'text') return [];
    const { right } = draft.answers;
    const runsOn = endsWithLetter.test(draft.text) && right.every((text) => beginsWithLetter.test(text));
    return runsOn && right[0] !== undefined ? [`${lastWord(draft.text)}${right[0]}`] : [];
  });
  const [first] = joined;
  if (first === undefined) return drawn;
  const where = `${joined.length} of ${drafts.length} prompts`;
  const note = `In ${where} the answer follows without a space, as in "${first.slice(0, 60)}". Put the space in front of the answer where one belongs.`;
  return { ...drawn, notes: [...drawn.notes, note] };
}

const lastWord = (text: string): string => /\S{0,30}$/u.exec(text)?.[0] ?? '';

const byCode = <S>({ info, sha256 }: TaskCode, { parameters }: DrawRequest, drawn: Drawn<S>): TaskSamples<S> => ({
  task: info,
  parameters,
  file: { path: info.id, sha256 },
  ...drawn,
});

async function open({ task: name, samples, seed, parameters }: TaskAsked, { textFile, code }: TaskSurroundings) {
  const task = tasks.find(({ id }) => id === name);
  const request = { count: samples, seed, parameters, files: {} };
  if (task) return { task, request: await resolved(task, request, textFile) };
  if (isCodeFile(name)) {
    if (code?.info.id !== name) throw refusal(notRun(name));
    return { code, request: await resolved({ ...code.info, id: code.info.title }, request, textFile) };
  }
  if (isTaskFile(name)) {
    const own = (isFactFile(name) ? ownFacts : ownTask)(name, await textFile(name));
    const checked = resolveTable(own.info.title, {}, parameters);
    if (!checked.ok) throw refusal(checked.why);
    return { own, request };
  }
  const known = tasks.map(({ id }) => id).join(', ');
  throw refusal(
    `There is no task "${name.slice(0, 60)}". Choose from ${known}, or give a file that ends in .jsonl or .csv.`,
  );
}

const notRun = (name: string): string =>
  `${name.split(/[\\/]/u).at(-1) ?? name} is code, which is not run here. Name it with "headscope task FILE" or "headscope run --task FILE".`;

async function resolved<Q extends { readonly parameters: ParameterValues }>(
  { id, parameters: table }: Pick<TaskInfo, 'id' | 'parameters'>,
  request: Q,
  textFile: TaskSurroundings['textFile'],
): Promise<Q & { readonly files: Readonly<Record<string, string>> }> {
  const checked = resolveTable(id, table, request.parameters);
  if (!checked.ok) throw refusal(checked.why);
  const files: Record<string, string> = {};
  for (const [name, parameter] of Object.entries(table)) {
    const path = checked.values[name];
    if (parameter.kind !== 'file' || typeof path !== 'string' || path === '') continue;
    const text = await textFile(path);
    if (text.trim() === '') throw refusal(`${path} is empty. Choose a file with text for ${id}.${name}.`);
    const line = lineNotUtf8(text);
    if (line !== undefined) throw refusal(`${path} is not text in UTF-8 (line ${line}). Save it as UTF-8.`);
    files[name] = text;
  }
  return { ...request, parameters: checked.values, files };
}
