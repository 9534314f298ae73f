import assert from 'node:assert/strict';
import type { JsonValue } from '../../../models/formats/model-description';
import { checkFile } from '../../../language-server/service/check';
import type { CheckSettings } from '../../../language-server/service/check';
import type { Finding } from '../../../language-server/service/finding';
import { noFacts } from '../../../language-server/service/folder-facts';
import type { FolderFacts, ShardFact } from '../../../language-server/service/folder-facts';
import type { Span } from '../../../language-server/service/json-document';
import { readModelFile, readStrictly } from '../../../language-server/service/model-file';
import type { ModelFile } from '../../../language-server/service/model-file';

/** Text in which `|…|` marks a span, or a single `|` a place; JSON has no bar outside strings. */
export const unmark = (marked: string): { readonly text: string; readonly span: Span | undefined } => {
  const [before = '', inside, ...rest] = marked.split('|');
  if (inside === undefined) return { text: marked, span: undefined };
  if (rest.length === 0) return { text: before + inside, span: { offset: before.length, length: 0 } };
  assert.equal(rest.length, 1, `more than one mark in ${marked}`);
  return { text: before + inside + (rest[0] ?? ''), span: { offset: before.length, length: inside.length } };
};

export interface Surroundings {
  /** Name of the file; `config.json` if absent. */
  readonly name?: string;
  readonly facts?: Partial<FolderFacts>;
  readonly settings?: CheckSettings;
  /** As `headscope check` reads it, which says itself what is no JSON. */
  readonly strict?: boolean;
}

export const modelFile = (text: string, name = 'config.json'): ModelFile =>
  readModelFile(`file:///models/m/${name}`, text);

export const findingsOf = (text: string, { name, facts, settings, strict }: Surroundings = {}): readonly Finding[] =>
  checkFile(
    strict === true
      ? readStrictly(`file:///models/m/${name ?? 'config.json'}`, Buffer.from(text))
      : modelFile(text, name),
    { ...noFacts, ...facts },
    settings,
  );

/** The marked text gives exactly one finding of the code, on the marked span. */
export const expectFinding = (marked: string, code: string, surroundings?: Surroundings): Finding => {
  const { text, span } = unmark(marked);
  const all = findingsOf(text, surroundings);
  const found = all.filter((finding) => finding.code === code);
  const told = all.map((finding) => `${finding.code}: ${finding.message}`).join('\n');
  const [first] = found;
  assert.ok(first !== undefined, `no ${code} in ${text}\n${told}`);
  assert.equal(found.length, 1, `${found.length} findings ${code}\n${told}`);
  const at = ({ offset, length }: Span): string => `…${text.slice(offset, offset + length)}… at ${offset}`;
  if (span !== undefined) assert.equal(at(first.span), at(span));
  return first;
};

export const expectNoFinding = (text: string, code: string, surroundings?: Surroundings): void => {
  const found = findingsOf(text, surroundings).filter((finding) => finding.code === code);
  assert.deepEqual(
    found.map(({ message }) => message),
    [],
    text,
  );
};

export const shard = (
  file: string,
  tensors: Readonly<Record<string, readonly number[]>>,
  rest: Partial<ShardFact> = {},
): [string, ShardFact] => {
  let position = 0;
  return [
    file,
    {
      file,
      bytes: 0,
      pointer: false,
      tensors: Object.entries(tensors).map(([name, shape]) => {
        const begin = position;
        position += 2 * shape.reduce((product, size) => product * size, 1);
        return { name, dtype: 'BF16', shape, begin, end: position };
      }),
      ...rest,
    },
  ];
};

/** A folder with these files (sizes do not matter), companions and shards. */
export const folder = (
  files: readonly string[],
  companions: Readonly<Record<string, JsonValue>> = {},
  shards: readonly [string, ShardFact][] = [],
): { readonly facts: Partial<FolderFacts> } => ({
  facts: {
    name: 'm',
    files: new Map([...files, ...shards.map(([file]) => file)].map((file) => [file, 1])),
    companions,
    shards: new Map(shards),
  },
});
