/** headscope pope: a model asked about objects of pictures; or the questions alone, or the scores of answers made elsewhere. */
import { percent } from '../../../protocol/wire/number-words';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { popeAnswer, popeQuestions, popeScores } from '../../../diagnostics/shared/captions/pope';
import {
  popeReadings,
  popeSplits,
  questionPlace,
  type PopeReading,
  type PopeSplit,
} from '../../../protocol/results/pope';
import { provenance } from '../../provenance';
import { readTruth } from '../caption-files';
import { wrongUsage } from '../exit-codes';
import {
  bytes,
  cacheWeightsOption,
  decimal,
  deviceMemoryOption,
  deviceOption,
  list,
  threads,
  activationsOption,
  adapterOption,
  weightsOption,
  whole,
} from '../options';
import { addInterventionOptions } from '../intervention-options';
import { jsonOption } from '../output-options';
import { addSampleOptions } from '../picture-folder';
import { readAnswers } from '../pope-files';
import { askModel, type PopeModelOptions } from '../pope-run';
import { layersOf } from '../reinforcement-options';
import type { Registration } from '../registration';

interface PopeOptions extends PopeModelOptions {
  readonly answers?: string;
  readonly labels?: string;
  readonly questions?: string;
}

/** Images of the published questions. */
const publishedImages = 500;

export const pope: Registration = (program, session) => {
  const command = program
    .command('pope')
    .description('POPE: ask a model whether objects are in pictures, score answers, or make the questions.')
    .argument('[model]', 'a vision-language model folder, which answers')
    .option('--images <folder>', 'with a model: folder of PNG and JPEG files')
    .option(
      '--truth <file>',
      'with a model: what they hold, {"image": ["object", …]}; pictures of three objects are asked about',
    )
    .option('--prompt <text>', `the prompt; ${questionPlace} stands for the question`, questionPlace)
    .option('--chat', "put the prompt into the model's chat template, also where it has an image token")
    .addOption(
      new Option(
        '--read-by <how>',
        'text: the published rule on the greedy answer; logits: the more probable first token of yes and no',
      )
        .choices(popeReadings)
        .default('text' satisfies PopeReading),
    )
    .option('--max-new-tokens <n>', 'tokens of an answer at most', whole(1, 1 << 16), 16)
    .option('--alpha <a>', 'ask again with the heads scaled by this factor that read the picture', alphaOf)
    .option(
      '--vhr-layers <layers>',
      'auto (the second and the last 14 of 32), or layers such as 1,18-31',
      layersOf,
      'auto',
    )
    .option(
      '--split <names>',
      'random, popular, adversarial: which absent objects are asked for (default: all three; of --questions, random)',
      list(splitOf),
    );
  addSampleOptions(addInterventionOptions(command), ' and of the absent objects')
    .addOption(deviceOption())
    .addOption(weightsOption())
    .addOption(activationsOption())
    .addOption(adapterOption())
    .addOption(cacheWeightsOption())
    .addOption(deviceMemoryOption())
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .option('--memory-limit <size>', 'refuse runs that need more, e.g. 6GB (default: a share of the memory)', bytes)
    .option('--answers <file>', 'JSON list, or a value per line: {question, answer or text, label: yes or no}')
    .option(
      '--labels <file>',
      'the labels in a file of their own: {question_id, text, label}, by question_id or in order',
    )
    .option('--questions <truth>', 'make the questions from a truth file: {"image": ["object", …]}')
    .addOption(jsonOption())
    .action(async (model: string | undefined, options: PopeOptions) => {
      const given = [model, options.answers, options.questions].filter((each) => each !== undefined);
      if (given.length !== 1) {
        throw wrongUsage('Give --answers or --questions, or a model that answers, with --images and --truth.');
      }
      if (options.labels !== undefined && options.answers === undefined) {
        throw wrongUsage('--labels belongs to --answers. Leave it out, or give the answers.');
      }
      if (model !== undefined) return askModel(session, model, options);
      if (options.images !== undefined || options.truth !== undefined) {
        throw wrongUsage(
          '--images and --truth are for a model that answers. Name its folder, or leave them out (--count is the number of images).',
        );
      }
      if (options.questions !== undefined) return makeQuestions(command, options, options.questions);
      return scoreAnswers(options, options.answers ?? '');
    });

  async function makeQuestions(asked: Command, options: PopeOptions, path: string): Promise<void> {
    const { seed, count } = options;
    const [split = 'random', ...more] = options.split ?? [];
    if (more.length > 0) throw wrongUsage('--questions makes those of one split. Name one with --split.');
    const images =
      asked.getOptionValueSource('count') === 'default' ? publishedImages : count === 'all' ? Infinity : count;
    const truth = [...(await readTruth(path))].map(([image, { objects }]) => ({ image, objects }));
    const questions = popeQuestions(truth, split, { images: Math.min(images, options.limit ?? Infinity), seed });
    if (questions.length === 0) {
      throw wrongUsage(`${path} has no image with at least three objects, which POPE needs. Add such images.`);
    }
    await session.writeJson(options.json ?? '-', {
      ...(await provenance({ split, images: Number.isFinite(images) ? images : 'all', truth: path }, seed)),
      questions,
    });
  }

  async function scoreAnswers(options: PopeOptions, path: string): Promise<void> {
    const rows = await readAnswers(path, options.labels);
    const scores = popeScores(rows);
    if (options.json !== '-') {
      const shareOf = (share: number): string => (Number.isNaN(share) ? '–' : percent(share));
      session.print(
        `accuracy ${shareOf(scores.accuracy)}  precision ${shareOf(scores.precision)}  recall ${shareOf(scores.recall)}  ` +
          `F1 ${shareOf(scores.f1)}  yes ${shareOf(scores.yesRatio)}  (${scores.questions} questions)`,
      );
    }
    if (options.json === undefined) return;
    await session.writeJson(options.json, {
      ...(await provenance({ answers: path, ...(options.labels === undefined ? {} : { labels: options.labels }) })),
      ...scores,
      readAs: rows.map(({ answer }) => popeAnswer(answer)),
    });
  }
};

function splitOf(text: string): PopeSplit {
  const known = popeSplits.find((split) => split === text);
  if (known === undefined) throw new InvalidArgumentError(`It takes ${popeSplits.join(', ')}.`);
  return known;
}

function alphaOf(text: string): number {
  const value = decimal(text);
  if (!Number.isFinite(value))
    throw new InvalidArgumentError('It takes a finite number; 1 changes nothing, 2 is the paper’s.');
  return value;
}
