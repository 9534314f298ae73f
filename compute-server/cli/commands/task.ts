/** headscope task: prompts of a task with their counterparts; with a model, how it does on them. */
import { percent } from '../../../protocol/wire/number-words';
import { resolve } from 'node:path';
import type { Part } from '../../../protocol/analysis/schema';
import {
  isTaskFile,
  type OwnScoreMean,
  type AnswerTexts,
  type SampleView,
  type TaskMean,
  type TaskResult,
} from '../../../protocol/analysis/tasks';
import {
  bytes,
  cacheWeightsOption,
  collect,
  deviceMemoryOption,
  deviceOption,
  seed,
  threads,
  activationsOption,
  adapterOption,
  partOption,
  weightsOption,
  whole,
} from '../options';
import { taskEnding } from '../../../protocol/inputs/own-file';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { wrongUsage } from '../exit-codes';
import { environmentOf } from '../model-options';
import { sayNotes } from '../model-provenance';
import { textTable } from '../table';
import { namedValues, taskName } from '../task-options';
import { codeFileOf } from '../workspace-of';

interface TaskOptions {
  readonly samples: number;
  readonly seed: number;
  readonly param?: readonly string[];
  readonly threads: number;
  readonly device?: string;
  readonly weights?: string;
  readonly activations?: string;
  readonly adapter?: string;
  readonly cacheWeights?: number;
  readonly memoryLimit?: number;
  readonly resume?: string;
  readonly part?: Part;
  readonly json?: string;
}

export const task: Registration = (program, session) => {
  program
    .command('task')
    .description(
      'Prompts of a task with their counterparts; with a model, its accuracy. `headscope analyses` lists them.',
    )
    .argument('<task>', 'the id of the task, or a file of your own: *.jsonl, *.csv or *.headscope-task.ts')
    .argument('[model]', 'a model folder or a .gguf file, which answers')
    .option('--samples <n>', 'prompts', whole(1, 100_000), 20)
    .option('--param <name=value>', 'a parameter of the task; may be given several times', collect)
    .option('--seed <n>', 'seed of everything that is drawn at random', seed, 0)
    .option('--resume <folder>', 'keep finished steps in this folder, and continue after those that are in it already')
    .addOption(partOption())
    .addOption(deviceOption())
    .addOption(weightsOption())
    .addOption(activationsOption())
    .addOption(adapterOption())
    .addOption(cacheWeightsOption())
    .addOption(deviceMemoryOption())
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .option('--memory-limit <size>', 'refuse runs that need more, e.g. 6GB (default: a share of the memory)', bytes)
    .addOption(jsonOption())
    .action(async (name: string, model: string | undefined, options: TaskOptions) => {
      const client = session.compute(environmentOf(options));
      const id = taskName(name);
      const catalogue = await client.call('tasks', []);
      const taskFile = codeFileOf(name);
      const info = taskFile
        ? await client.call('taskOfFile', [taskFile], { signal: session.signal })
        : catalogue.find((one) => one.id === id);
      if (!info && !isTaskFile(name)) {
        const known = catalogue.map((one) => one.id).join(', ');
        throw wrongUsage(
          `There is no task "${name}". Choose one of ${known}, or a file that ends in .jsonl, .csv or ${taskEnding}.`,
        );
      }
      const result = await client.call(
        'task',
        [
          {
            task: id,
            ...(model === undefined ? {} : { folder: resolve(model) }),
            samples: options.samples,
            seed: options.seed,
            parameters: namedValues(
              (taskFile ? info?.title : info?.id) ?? name,
              info?.parameters ?? {},
              options.param ?? [],
            ),
            ...(taskFile ? { taskFile } : {}),
            ...(options.resume === undefined ? {} : { keepIn: resolve(options.resume) }),
            ...(options.part === undefined ? {} : { part: options.part }),
          },
        ],
        {
          signal: session.signal,
          onProgress: ({ sentence, done, total }) =>
            session.progress(`${sentence} (${done} of ${total})`, done / Math.max(1, total)),
        },
      );
      if (result.model) sayNotes(session, result.model);
      for (const note of result.notes) session.note(note);
      if (options.json !== undefined) await session.writeJson(options.json, result);
      if (options.json !== '-') session.print(inWords(result));
    });
};

/** Longer prompts are cut in the middle: the JSON has them whole. */
const longestShown = 200;

function inWords(result: TaskResult): string {
  const rows = result.samples
    .slice(0, 20)
    .flatMap((sample, at) => [
      [String(at + 1), 'prompt', shown(sample.prompt), answersOf(sample.answers), outcome(sample)],
      ...(sample.counterpart === null
        ? []
        : [['', 'counterpart', shown(sample.counterpart), answersOf(sample.counterpartAnswers), '']]),
    ]);
  const table = textTable(['', '', 'text', 'right', result.model ? 'correct' : ''], rows);
  const left = result.samples.length > 20 ? `\n… ${result.samples.length - 20} more: --json has them.` : '';
  return `${result.title}, ${result.samples.length} prompts. Source: ${result.source.reference}.\n\n${table}${left}${conclusion(result)}`;
}

function conclusion({ accuracy, metric, ownScore }: TaskResult): string {
  if (!accuracy || metric.mean === undefined) return '';
  const { value, low, high, correct, n } = accuracy;
  return `\n\nAccuracy ${percent(value)} (95 % interval ${percent(low)} to ${percent(high)}; ${correct} of ${n}).\n${meanOf(metric)}${ownScore ? `\n${ownWords(ownScore)}` : ''}`;
}

const ownWords = ({ title, unit, definition, ...mean }: OwnScoreMean): string =>
  `${meanOf({ ...mean, name: title })} ${unit === '' ? '' : `Unit: ${unit}. `}${definition}`;

function meanOf({
  name,
  mean = Number.NaN,
  low = Number.NaN,
  high = Number.NaN,
}: Partial<Omit<TaskMean, 'name'>> & { readonly name?: string }): string {
  const number = (value: number): string => (Number.isNaN(value) ? '–' : value.toPrecision(4));
  const title = (name ?? '').replaceAll('-', ' ');
  return `Mean ${title} ${number(mean)} (95 % interval ${number(low)} to ${number(high)}).`;
}

function shown(text: string): string {
  const half = longestShown / 2;
  const short = text.length > longestShown ? `${text.slice(0, half)} … ${text.slice(-half)}` : text;
  return JSON.stringify(short);
}

const mostAnswers = 4;

function answersOf(answers: AnswerTexts | undefined): string {
  if (!answers) return 'none';
  const some = answers.right.slice(0, mostAnswers).map((answer) => answer.trim());
  return some.join(', ') + (answers.right.length > mostAnswers ? ', …' : '');
}

const outcome = ({ score }: SampleView): string => (score === undefined ? '' : score.correct ? 'yes' : 'no');
