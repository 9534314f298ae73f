/** A person's own facts: a CSV file with the columns template, topic and answer (docs/tasks.md). A row that is wrong is left out and named. */
import { CsvError, parse } from 'csv-parse/sync';
import { refusal } from '../../protocol/wire/failures';
import { printableLine } from '../../protocol/wire/printable';
import { notUtf8Words, wasUtf8 } from '../../protocol/wire/utf8';
import type { TextDraft } from './task';
import { textDraft, type Part } from './draft';
import type { OwnTask } from './task-file';

const columns = ['template', 'topic', 'answer'] as const;
const slot = '{topic}';
/** Counterparts that are tried for a fact until one has as many tokens. */
const mostTried = 32;

interface Row extends Readonly<Record<(typeof columns)[number], string>> {
  readonly line: number;
}

export const isFactFile = (path: string): boolean => /\.csv$/iu.test(path);

/** `path` is its id. Fails where no row can be used. */
export function ownFacts(path: string, content: string): OwnTask {
  const [head, ...records] = recordsOf(path, content);
  const names = (head?.cells ?? []).map((name) => name.trim().toLowerCase());
  const missing = columns.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw refusal(`${path} has no column ${missing.join(', ')}. Let its first line be template,topic,answer.`);
  }
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const { line, cells, isUtf8 } of records) {
    const cell = (name: (typeof columns)[number]): string => cells[names.indexOf(name)] ?? '';
    const row = { line, template: cell('template'), topic: cell('topic').trim(), answer: cell('answer').trim() };
    const fault = isUtf8 ? faultOf(row) : `${notUtf8Words}.`;
    if (fault === undefined) rows.push(row);
    else notes.push(`Line ${line} is left out: ${fault}`);
  }
  if (rows.length === 0)
    throw refusal(`${path} has no row that can be used. ${notes[0] ?? 'It has a first line alone.'}`);
  const templates = [...new Set(rows.map(({ template }) => template))];
  const name = path.split(/[\\/]/u).at(-1) ?? path;
  return {
    info: {
      id: path,
      title: name,
      metric: rows.every((row) => othersOf(row, rows).length > 0) ? 'logit-difference' : 'probability',
      source: {
        reference: name,
        trust: 'low',
        note: 'A file of your own. The counterpart names another topic of the file.',
      },
      parameters: {},
      roles: { subject: 'the topic of the fact', changed: 'positions in which prompt and counterpart differ' },
      changed: 'changed',
    },
    drafts: rows.map((row) => {
      const others = othersOf(row, rows).slice(0, mostTried);
      const [first, ...more] = [...others, undefined];
      return {
        line: row.line,
        draft: draftOf(row, first, others[0]?.answer, templates),
        others: more.map((other) => () => draftOf(row, other, others[0]?.answer, templates)),
      };
    }),
    notes,
  };
}

interface Cells {
  readonly line: number;
  readonly cells: readonly string[];
  readonly isUtf8: boolean;
}

/** Records of a CSV file with the lines that they end in; fails with a sentence. */
export function recordsOf(path: string, content: string): readonly Cells[] {
  try {
    const found = parse(content, { bom: true, info: true, relax_column_count: true, skip_empty_lines: true });
    const all = found as unknown as readonly { record: readonly string[]; info: { readonly lines: number } }[];
    // The parser reads bytes, in which the mark of a line would be lost: lines are looked at before.
    const isLineUtf8 = content.split('\n').map(wasUtf8);
    return all.map(({ record, info: { lines } }, at) => {
      const own = isLineUtf8.slice(all[at - 1]?.info.lines ?? 0, lines);
      return { line: lines, cells: record, isUtf8: !own.includes(false) };
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refusal(`${path} is not valid CSV: ${printableLine(error.message).slice(0, 200)}.`);
  }
}

function faultOf({ template, topic, answer }: Row): string | undefined {
  if (topic === '') return 'it has no topic.';
  if (answer === '') return 'it has no answer.';
  return template.split(slot).length === 2
    ? undefined
    : `its template ${JSON.stringify(printableLine(template).slice(0, 60))} has not one ${slot}, where the topic stands.`;
}

/** Facts of the same template with another topic and another answer, beginning behind the row. */
function othersOf(row: Row, rows: readonly Row[]): readonly Row[] {
  const at = rows.indexOf(row);
  return [...rows.slice(at + 1), ...rows.slice(0, at)].filter(
    ({ template, topic, answer }) => template === row.template && topic !== row.topic && answer !== row.answer,
  );
}

/** `other`: whose topic the counterpart names; `wrong`: the wrong answer where there is no counterpart. */
function draftOf(
  { template, topic, answer }: Row,
  other: Row | undefined,
  wrong: string | undefined,
  templates: readonly string[],
): TextDraft {
  const [before = '', behind = ''] = template.trimEnd().split(slot);
  // The space in front of a word belongs to it.
  const space = before.endsWith(' ') ? ' ' : '';
  const subject: Part = other ? ['subject', space + topic, space + other.topic] : ['subject', space + topic];
  const right = [` ${answer}`];
  const otherAnswer = other?.answer ?? wrong;
  const draft = textDraft([before.slice(0, before.length - space.length), subject, behind], {
    answers: { right, wrong: otherAnswer === undefined ? [] : [` ${otherAnswer}`] },
    ...(other ? { counterpartAnswers: { right: [` ${other.answer}`], wrong: right } } : {}),
    long: true,
    facts: { template: templates.indexOf(template) },
  });
  return other ? draft : { ...draft, counterpart: undefined };
}
