/**
 * The documents of files, by the rules of docs/corpus.md: JSONL has one a line; a text file has one behind each blank line; in
 * a folder each text file is one. A line or file that is wrong is left out and named; the others are read.
 */
import * as v from 'valibot';
import { check, type Schema } from '../../../protocol/schema/check';
import { either, fieldsIn, filledText, list, object, optional, text, wholeFrom } from '../../../protocol/schema/fields';
import { printableLine } from '../../../protocol/wire/printable';
import { parseJsonText } from '../../../protocol/wire/json-text';
import { notUtf8Words, wasUtf8 } from '../../../protocol/wire/utf8';
import { mostCharacters, mostDocuments, type CorpusDocument } from '../../corpus';

export interface CorpusFile {
  /** Path inside the folder, or the name of the file. */
  readonly name: string;
  /** True of a text file in a folder: it is one document, whose source is the folder that it lies in. */
  readonly inFolder: boolean;
  readonly content: string;
  /** The end of the file was not read. */
  readonly cut: boolean;
}

const longestName = 200;
const name: Schema<string> = v.pipe(text, v.maxLength(longestName, `a text of at most ${longestName} characters`));

// Fields that stand beside these in published corpora (url, timestamp, meta, …) are not looked at.
const line = v.pipe(
  v.unknown(),
  v.check((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'a JSON object'),
  v.check((value) => {
    const { text: given, ids } = fieldsIn(value);
    return (given === undefined) !== (ids === undefined);
  }, 'it has to have either "text" or "ids".'),
  object({
    text: optional(filledText),
    ids: optional(
      list(wholeFrom(0, 2 ** 31 - 1, 'a token id'), 'a list of token ids', { least: 1, most: mostCharacters }),
    ),
    id: optional(either(name, wholeFrom(0, Number.MAX_SAFE_INTEGER), 'a text or a whole number')),
    source: optional(name),
    domain: optional(name),
  }),
);

/** Sentences about single lines and files; of more only the number is said. */
const mostNamed = 20;

/** Collects documents and what was left out. */
class Reading {
  readonly documents: CorpusDocument[] = [];
  private readonly named: string[] = [];
  private unnamed = 0;
  private beyond = 0;

  /** `where`: `Line 3`, `a.txt`. */
  add(where: string, document: CorpusDocument): void {
    const { text: given } = document;
    if (given !== null && !wasUtf8(given)) return this.leaveOut(where, `${notUtf8Words}.`);
    if (given?.trim() === '') return this.leaveOut(where, 'it has no text.');
    if (given !== null && given.length > mostCharacters) {
      const counted = given.length.toLocaleString('en-US');
      return this.leaveOut(
        where,
        `it has ${counted} characters, and a document has at most ${mostCharacters.toLocaleString('en-US')}. Split it.`,
      );
    }
    if (this.documents.length < mostDocuments) this.documents.push(document);
    else this.beyond += 1;
  }

  leaveOut(where: string, why: string): void {
    if (this.named.length < mostNamed) this.named.push(`${where} is left out: ${why}`);
    else this.unnamed += 1;
  }

  say(sentence: string): void {
    this.named.push(sentence);
  }

  get notes(): readonly string[] {
    const counted = (count: number): string => count.toLocaleString('en-US');
    return [
      ...this.named,
      ...(this.unnamed > 0 ? [`${counted(this.unnamed)} more are left out for such reasons.`] : []),
      ...(this.beyond > 0
        ? [`The first ${counted(mostDocuments)} documents are read; ${counted(this.beyond)} more are not.`]
        : []),
    ];
  }
}

export interface ReadDocuments {
  readonly documents: readonly CorpusDocument[];
  readonly notes: readonly string[];
}

/** Yields between lines and files, so that the reading can be interrupted. */
export function* readCorpus(files: Iterable<CorpusFile>): Generator<undefined, ReadDocuments> {
  const reading = new Reading();
  for (const file of files) {
    yield;
    if (isJsonLines(file)) yield* readLines(file, reading);
    else readText(file, reading);
  }
  return { documents: reading.documents, notes: reading.notes };
}

/** By the ending of the name; where that says nothing, by the first line. */
function isJsonLines({ name: path, content }: CorpusFile): boolean {
  if (/\.(jsonl|ndjson|json)$/iu.test(path)) return true;
  if (/\.(txt|text|md)$/iu.test(path)) return false;
  const [first = ''] = /^\s*\S[^\n]*/u.exec(content) ?? [];
  if (!first.trimStart().startsWith('{')) return false;
  return parseJsonText(first).ok;
}

function* readLines({ name: path, inFolder, content, cut }: CorpusFile, reading: Reading): Generator<undefined, void> {
  const fallback = inFolder ? (folderOf(path) ?? path.replace(/\.\w+$/u, '')) : undefined;
  let from = 0;
  for (let number = 1; from < content.length; number++) {
    yield;
    const found = content.indexOf('\n', from);
    const end = found < 0 ? content.length : found;
    const given = content.slice(from, end).trim();
    from = end + 1;
    // The last line of a file that was not read to its end is half a line.
    if (given === '' || (cut && found < 0)) continue;
    const where = inFolder ? `${printableLine(path)}, line ${number},` : `Line ${number}`;
    const read = documentOf(given, fallback);
    if (typeof read === 'string') reading.leaveOut(where, read);
    else reading.add(where, read);
  }
}

/** A document, or what is wrong. */
function documentOf(given: string, fallback: string | undefined): CorpusDocument | string {
  const parsed = parseJsonText(given);
  if (!parsed.ok) return `it is not valid JSON (${parsed.fault}).`;
  const checked = check(line, parsed.value, 'it');
  if (!checked.ok) return checked.why;
  const { text: own = null, ids, id, source, domain } = checked.result;
  const from = source ?? domain ?? fallback;
  return {
    text: own,
    ...(ids ? { ids } : {}),
    ...(id === undefined ? {} : { id: String(id) }),
    ...(from === undefined || from === '' ? {} : { source: from }),
  };
}

function readText({ name: path, inFolder, content }: CorpusFile, reading: Reading): void {
  if (inFolder) {
    const source = folderOf(path);
    reading.add(printableLine(path), { text: content, id: path, ...(source === undefined ? {} : { source }) });
    return;
  }
  const documents = content.split(/\r?\n(?:[^\S\n]*\r?\n)+/u).filter((one) => one.trim() !== '');
  documents.forEach((own, at) =>
    reading.add(`Document ${at + 1}`, { text: own.replace(/^(?:\r?\n)+/u, '').trimEnd() }),
  );
}

const folderOf = (path: string): string | undefined => /^([^/]+)\//u.exec(path)?.[1]?.slice(0, longestName);
