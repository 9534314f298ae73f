/** headscope pope: scores of yes/no answers about objects, and the questions to ask. */
import { InvalidArgumentError } from 'commander';
import { popeAnswer, popeQuestions, popeScores, type PopeSplit } from '../../../diagnostics/hallucination/pope';
import { provenance } from '../../provenance';
import { readTruth } from '../caption-files';
import { wrongUsage } from '../exit-codes';
import { whole } from '../options';
import { readAnswers } from '../pope-files';
import type { Registration } from '../registration';

interface PopeOptions {
  readonly answers?: string;
  readonly labels?: string;
  readonly questions?: string;
  readonly split: PopeSplit;
  readonly images: number;
  readonly seed: number;
  readonly json?: string;
}

export const pope: Registration = (program, session) => {
  program
    .command('pope')
    .description('POPE: score yes/no answers about objects, or make the questions from a truth file.')
    .option('--answers <file>', 'JSON list, or a value per line: {question, answer or text, label: yes or no}')
    .option(
      '--labels <file>',
      'the labels in a file of their own: {question_id, text, label}, by question_id or in order',
    )
    .option('--questions <truth>', 'make the questions from a truth file: {"image": ["object", …]}')
    .option('--split <name>', 'random, popular or adversarial: which absent objects are asked for', splitOf, 'random')
    .option('--images <n>', 'images to ask about at most', whole(1, 1 << 24), 500)
    .option('--seed <n>', 'seed of the choice of images and absent objects', whole(0, 2 ** 32 - 1), 0)
    .option('--json <file>', 'write the result as JSON, - for stdout')
    .action(async (options: PopeOptions) => {
      if ((options.answers === undefined) === (options.questions === undefined)) {
        throw wrongUsage('Give exactly one of --answers and --questions.');
      }
      if (options.labels !== undefined && options.answers === undefined) {
        throw wrongUsage('--labels belongs to --answers. Leave it out, or give the answers.');
      }
      if (options.questions !== undefined) return makeQuestions(options, options.questions);
      return scoreAnswers(options, options.answers ?? '');
    });

  async function makeQuestions(options: PopeOptions, path: string): Promise<void> {
    const { split, images, seed } = options;
    const truth = [...(await readTruth(path))].map(([image, { objects }]) => ({ image, objects }));
    const questions = popeQuestions(truth, split, { images, seed });
    if (questions.length === 0) {
      throw wrongUsage(`${path} has no image with at least three objects, of which POPE asks. Add such images.`);
    }
    await session.writeJson(options.json ?? '-', {
      ...(await provenance({ split, images, truth: path }, seed)),
      questions,
    });
  }

  async function scoreAnswers(options: PopeOptions, path: string): Promise<void> {
    const rows = await readAnswers(path, options.labels);
    const scores = popeScores(rows);
    if (options.json !== '-') {
      const percent = (share: number): string => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(2)} %`);
      session.print(
        `accuracy ${percent(scores.accuracy)}  precision ${percent(scores.precision)}  recall ${percent(scores.recall)}  ` +
          `F1 ${percent(scores.f1)}  yes ${percent(scores.yesRatio)}  (${scores.questions} questions)`,
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
  if (text !== 'random' && text !== 'popular' && text !== 'adversarial') {
    throw new InvalidArgumentError('It takes random, popular or adversarial.');
  }
  return text;
}
