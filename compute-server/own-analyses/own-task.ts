/** A task file as a task that is drawn from: all of its code runs in one process of its own, which is asked here for one prompt at a time. */
import * as v from 'valibot';
import type { Drawn, TaskFacts, TaskQuestion } from '../../diagnostics/own/task-answerer';
import type { TaskCode } from '../../diagnostics/tasks/task-code';
import { Unfit, type Draft } from '../../diagnostics/tasks/task';
import type { TaskTokens } from '../../diagnostics/tasks/task-tokens';
import { resolveTable } from '../../protocol/analysis/parameters';
import { taskMetrics, type TaskInfo } from '../../protocol/analysis/tasks';
import { taskEnding, type OwnFilePlace } from '../../protocol/inputs/own-file';
import { check, type Schema } from '../../protocol/schema/check';
import {
  byKind,
  either,
  fieldsIn,
  filledText,
  flag,
  list,
  number,
  object,
  optional,
  pair,
  record,
  text,
  texts,
  whole,
} from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';
import { printableLine } from '../../protocol/wire/printable';
import { kernelLimits } from '../own-kernels/messages';
import { OwnProcess } from '../own-kernels/own-process';
import { commonFacts, faultIn, questionsTo, unlessAborted } from './file-questions';

export interface OwnTask extends TaskCode {
  /** Ends its process. */
  readonly end: () => void;
}

/** Samples of one question. */
const scoredTogether = 256;

/** Throws a KernelFault: a sentence with the place in the file. */
export async function openOwnTask({ file, root }: OwnFilePlace, signal: AbortSignal): Promise<OwnTask> {
  let tokens: TaskTokens | undefined;
  const process = new OwnProcess(
    { file, root, ending: taskEnding, library: 'analysis-library.js' },
    kernelLimits(globalThis.process.env),
    (asked) => told(tokens, asked),
  );
  const end = (): void => process.end();
  const { ask: askFile, fault } = questionsTo(process, file);
  const ask = (question: TaskQuestion, names: readonly string[]): Promise<unknown> =>
    unlessAborted(signal, end, () => askFile(question, names));
  try {
    const { info: said, score } = (await ask({ kind: 'facts' }, [])) as TaskFacts;
    const why =
      faultIn(facts, said, 'a task') ??
      (score === undefined ? undefined : faultIn(scoreFacts, score, 'the score of a task')) ??
      tableFault(said);
    if (why !== undefined) throw fault(why[0], [why[1]]);
    const info: TaskInfo = { ...said, id: file };
    return {
      info,
      sha256: process.sha256,
      ...(score === undefined ? {} : { score }),
      end,
      async begin({ seed, parameters, files }, given) {
        tokens = given;
        const { lead, vocabulary, specialIds, longest } = given ?? {};
        await ask(
          {
            kind: 'begin',
            name: nameOf(file),
            seed,
            parameters,
            files,
            ...(lead && vocabulary !== undefined && specialIds
              ? { tokens: { lead, vocabulary, specialIds, ...(longest === undefined ? {} : { longest }) } }
              : {}),
          },
          [],
        );
      },
      async draw(at) {
        const drawn = (await ask({ kind: 'draw', number: at }, ['draw'])) as Partial<Drawn & { draft: unknown }>;
        if ('unfit' in drawn) throw new Unfit(printableLine(String(drawn.unfit)));
        const found = check(draft, drawn.draft, 'It');
        const wrong = found.ok ? draftFault(found.result as Draft, info, tokens) : found.why;
        if (wrong !== undefined) throw fault(`What draw gives is no prompt of a task. ${wrong}`, ['draw']);
        return (found as { readonly result: Draft }).result;
      },
      async scores(samples) {
        const numbers: number[] = [];
        for (let from = 0; from < samples.length; from += scoredTogether) {
          const some = samples.slice(from, from + scoredTogether);
          const given = (await ask({ kind: 'score', samples: some }, ['of', 'score'])) as readonly unknown[];
          given.forEach((one, at) => {
            if (typeof one === 'number' && Number.isFinite(one)) numbers.push(one);
            else {
              const what = typeof one === 'number' ? String(one) : 'no number';
              throw fault(`score gave ${what} for prompt ${from + at + 1}. Give a finite number for every prompt.`, [
                'of',
                'score',
              ]);
            }
          });
        }
        return numbers;
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}

const nameOf = (file: string): string => (file.split(/[\\/]/u).at(-1) ?? file).replace(taskEnding, '');

/** What the file asks while it draws: `{ method, args }` as JSON, and `{ value }` or `{ why }`. */
function told(tokens: TaskTokens | undefined, asked: string): string {
  try {
    const parsed = parseJsonText(asked);
    const { method, args } = fieldsIn(parsed.ok ? parsed.value : undefined);
    const [given] = Array.isArray(args) ? (args as readonly unknown[]) : [];
    if (tokens && method === 'encode' && typeof given === 'string') {
      return JSON.stringify({ value: tokens.encode(given) });
    }
    if (tokens && method === 'decode' && Array.isArray(given) && given.every((id) => isToken(id, tokens))) {
      return JSON.stringify({ value: tokens.decode(given as readonly number[]) });
    }
    throw new RangeError('tokens.encode takes a text, and tokens.decode ids of tokens.');
  } catch (error) {
    return JSON.stringify({ why: (error as Error).message });
  }
}

const isToken = (id: unknown, { vocabulary }: TaskTokens): boolean =>
  Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabulary;

const facts = v.object({
  ...commonFacts,
  metric: v.picklist(taskMetrics),
  roles: v.record(v.string(), v.string()),
  changed: v.string(),
});
const scoreFacts = v.object({
  title: commonFacts.title,
  unit: v.string(),
  definition: v.pipe(v.string(), v.nonEmpty()),
});

function tableFault({ title, parameters }: TaskFacts['info']): readonly [string, string] | undefined {
  const resolved = resolveTable(title, parameters, {});
  return resolved.ok ? undefined : [resolved.why, 'parameters'];
}

const answers = object({ right: list(filledText, 'a list of texts', { least: 1 }), wrong: texts });
const factValues = record(either(number, text, 'a number or a text'), 'an object of numbers and texts');
const positions = list(whole, 'a list of positions');
const draft = byKind({
  text: {
    text: filledText,
    counterpart: optional(filledText),
    spans: record(
      list(pair(whole, whole, 'a pair of characters [from, to)'), 'a list of places'),
      'an object of roles',
    ),
    answers,
    counterpartAnswers: optional(answers),
    long: optional(flag),
    facts: factValues,
  },
  ids: {
    ids: positions,
    counterpart: positions,
    roles: record(positions, 'an object of roles'),
    right: whole,
    wrong: whole,
    facts: factValues,
  },
}) as Schema<unknown>;

/** What the parts of a draft are not to each other, or to the task. */
function draftFault(
  given: Draft,
  { roles, changed, metric }: TaskInfo,
  tokens: TaskTokens | undefined,
): string | undefined {
  const named = Object.keys(given.kind === 'text' ? given.spans : given.roles);
  const stranger = named.find((role) => !Object.hasOwn(roles, role));
  if (stranger !== undefined) {
    return `It has a role "${printableLine(stranger).slice(0, 60)}", which "roles" does not name.`;
  }
  if (given.counterpart !== undefined && !named.includes(changed)) {
    return `Its counterpart differs in the role "${changed}", of which it has no place.`;
  }
  if (given.kind === 'text') {
    const { length } = given.text;
    const outside = Object.entries(given.spans).find(([, places]) =>
      places.some(([from, to]) => from >= to || to > length),
    );
    if (outside) return `A place of the role "${outside[0]}" lies outside the text, or is empty.`;
    if (given.answers.wrong.length === 0 && (metric === 'logit-difference' || metric === 'probability-difference')) {
      return `It has no wrong answer, and the metric "${metric}" compares with one. Choose "probability", "accuracy" or "loss".`;
    }
    return undefined;
  }
  if (!tokens) return 'It has ids, and no model was named. Give texts where tools.tokens is not there.';
  const { ids, counterpart, right, wrong } = given;
  const strange = [...ids, ...counterpart, right, wrong].find((id) => !isToken(id, tokens));
  if (strange !== undefined) return `${strange} is no token of the model.`;
  if (ids.length === 0 || ids.length !== counterpart.length)
    return 'Its prompt and counterpart have not the same length.';
  const far = Object.values(given.roles)
    .flat()
    .find((at) => at >= ids.length);
  return far === undefined ? undefined : `Position ${far} lies behind its last token.`;
}
