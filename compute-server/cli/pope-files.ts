/**
 * Answers of POPE and their labels, as the published files have them (RUCAIBox/POPE, LLaVA): in one file, or the labels in a
 * second one, where `text` is the question. An answer is `answer`, or `text` as LLaVA writes it.
 */
import { isRow, type Row } from '../../protocol/inputs/faults';
import { wrongUsage } from './exit-codes';
import { jsonRows } from './text-files';

export interface LabelledAnswer {
  readonly answer: string;
  readonly label: 'yes' | 'no';
}

async function rowsOf(path: string): Promise<readonly Row[]> {
  const rows = (await jsonRows(path)).map((each) => (isRow(each) ? each : {}));
  if (rows.length === 0) throw wrongUsage(`${path} has no entries. Write one for each question.`);
  return rows;
}

export async function readAnswers(path: string, labels: string | undefined): Promise<readonly LabelledAnswer[]> {
  const answers = await rowsOf(path);
  const labelled = labels === undefined ? answers : paired(answers, await rowsOf(labels), path, labels);
  return answers.map((row, at) => {
    const answer = row['answer'] ?? row['text'];
    if (typeof answer !== 'string') throw wrongUsage(`${path}: entry ${at} needs a text "answer" (or "text").`);
    const label = labelled[at]?.['label'];
    if (label === 'yes' || label === 'no') return { answer, label };
    throw wrongUsage(
      labels === undefined
        ? `${path}: entry ${at} needs a "label" that is "yes" or "no". Add it, or name the file that has it with --labels.`
        : `${labels}: the entry of answer ${at} needs a "label" that is "yes" or "no".`,
    );
  });
}

/** The label of each answer: by question_id where every row of both files has one, else in the same order. */
function paired(answers: readonly Row[], labels: readonly Row[], path: string, other: string): readonly Row[] {
  const idOf = (row: Row): string | undefined => {
    const id = row['question_id'];
    return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
  };
  if ([...answers, ...labels].some((row) => idOf(row) === undefined)) {
    if (answers.length === labels.length) return labels;
    throw wrongUsage(
      `${path} has ${answers.length} answers and ${other} ${labels.length} labels. Give as many, or a question_id in each row.`,
    );
  }
  const byId = new Map(labels.map((row) => [idOf(row), row]));
  return answers.map((row) => {
    const found = byId.get(idOf(row));
    if (!found)
      throw wrongUsage(`${other} has no label for question_id ${idOf(row)}. Take both files of the same split.`);
    return found;
  });
}
