/** What analyses of multiple choice share: the questions, and how they are written. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type ChoiceParameters = {
  readonly questions: string;
  readonly count: number;
  readonly reorder: boolean;
  readonly shots: number;
  readonly labels: string;
  readonly others: string;
  readonly before: string;
  readonly after: string;
  readonly end: string;
  readonly prelude: string;
};

const written = 'A text with \\n for a line break, or token ids such as #17 #18.';

export const choiceTable: ParameterTable<ChoiceParameters> = {
  questions: field.file(
    'Questions',
    'JSONL with prompt, options, answer and optionally subject in each line (MMLU: question, choices), or CSV with question, options and letter of the answer; empty: short questions on capitals and categories.',
  ),
  count: field.integer('Number of questions', 'The first questions of the file; without a file, as many are drawn.', {
    min: 4,
    max: 10_000,
    default: 48,
  }),
  reorder: field.flag(
    'Balance the letters',
    'Moves the right option, so that each letter is right equally often. Off: options stay as in the file.',
    true,
  ),
  shots: field.integer(
    'Solved examples',
    'Other questions with their answers in front of each, of the same subject where there are enough.',
    { min: 0, max: 20, default: 0 },
  ),
  labels: field.text(
    'Labels',
    'One for each option, each one token, separated by spaces. A token is written as it is shown (␣A), or as #17.',
    'A B C D',
  ),
  others: field.text(
    'Other labels',
    'The first ones in their order replace the labels; random labels are drawn from all.',
    'W X Y Z E F G H J K L M N P Q R S T U V',
  ),
  before: field.text('Before a label', written, '\\n('),
  after: field.text('Behind a label', written, ')'),
  end: field.text('End of a prompt', `What the label of the answer follows. ${written}`, '\\nAnswer: ('),
  prelude: field.text(
    'Start of a prompt',
    `Stands in front of everything. ${written}`,
    'The following are multiple choice questions (with answers).\\n\\n',
  ),
};
