import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { NotWritten, whyUnchangeable, writeInOneStep } from '../../files/write-file';
import { readRegular } from '../../models/formats/regular-file';
import { canBeChanged, certainChanges, withChanges } from '../service/certain-fixes';
import { checkFile } from '../service/check';
import type { CheckSettings } from '../service/check';
import { fingerprintOf } from '../service/fingerprint';
import { longestText } from '../service/json-document';
import { readModelFile, readStrictly } from '../service/model-file';
import { jsonInvalid } from '../service/rules/json';
import { FolderReader } from '../workspace/folder-reader';
import type { KnownFindings } from '../workspace/known-findings';
import { isGraph } from './check-one';
import type { FileToCheck } from './find-files';

/** A file, and by what it is checked. */
export interface FileToFix {
  readonly file: FileToCheck;
  readonly settings: CheckSettings;
  readonly known: KnownFindings | undefined;
}

interface Fixed {
  readonly path: string;
  readonly count: number;
  /** The change as a unified diff. */
  readonly diff: string;
}

export interface FixedFiles {
  readonly fixed: readonly Fixed[];
  /** Files that could be fixed and were not, each with the reason as sentences. */
  readonly left: readonly { readonly path: string; readonly reason: string }[];
}

/** A fix may make room for another; more rounds than this are a circle. */
const mostRounds = 100;
/** A fix in one file may be what a finding in a file beside it waited for. */
const mostPasses = 10;

const mark = '\ufeff';

/** A file while it is fixed. */
interface Draft {
  readonly bytes: Buffer;
  /** The byte order mark, where there is one. */
  readonly before: string;
  readonly first: string;
  text: string;
  count: number;
}

/** Undefined of a file that cannot be read or is no text in UTF-8: another part of the check says so. */
const draftOf = async ({ source }: FileToCheck): Promise<Draft | undefined> => {
  const bytes = await readRegular(source, longestText).catch(() => undefined);
  const whole = bytes?.toString('utf8');
  if (bytes === undefined || whole === undefined || !Buffer.from(whole).equals(bytes)) return undefined;
  const before = whole.startsWith(mark) ? mark : '';
  const text = whole.slice(before.length);
  return { bytes, before, first: text, text, count: 0 };
};

/**
 * One file to the end of its own fixes. In a text that is no JSON only that is mended, since places in it are not sure; one
 * that does not become JSON stays as it was.
 */
const fixDraft = async (draft: Draft, { file, settings, known }: FileToFix, reader: FolderReader): Promise<boolean> => {
  const place = path.resolve(file.path);
  const uri = pathToFileURL(place).href;
  const { text: start, count: before } = draft;
  for (let round = 0; round < mostRounds; round++) {
    const isBroken = !canBeChanged(draft.text);
    const how = settings.families === undefined ? {} : { families: settings.families };
    const model = isBroken ? readStrictly(uri, Buffer.from(draft.text), how) : readModelFile(uri, draft.text, how);
    if (model.kind === undefined || model.document.unread !== undefined) break;
    const facts = await reader.facts(path.dirname(place), path.basename(place));
    const all = checkFile(model, facts, settings);
    const isKnown =
      known?.areKnown(
        place,
        all.map((finding) => ({ code: finding.code, fingerprint: fingerprintOf(finding, model.document) })),
      ) ?? [];
    const open = all.filter(({ code }, index) => isKnown[index] !== true && (!isBroken || code === jsonInvalid.code));
    const { changes, count } = certainChanges(open);
    if (count === 0) break;
    draft.text = withChanges(draft.text, changes);
    draft.count += count;
  }
  if (!canBeChanged(draft.text)) {
    draft.text = start;
    draft.count = before;
  }
  return draft.text !== start;
};

const diffOf = (name: string, { before, first, text }: Draft): string => {
  const shown = name.split(path.sep).join('/');
  return createTwoFilesPatch(`a/${shown}`, `b/${shown}`, before + first, before + text, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
};

const write = async ({ path: name, source }: FileToCheck, draft: Draft): Promise<string | undefined> => {
  try {
    const why = await whyUnchangeable(name);
    if (why !== undefined) return why;
    const present = await readRegular(source, longestText).catch(() => undefined);
    if (present?.equals(draft.bytes) !== true)
      return 'It was changed by another program meanwhile. Run the check again.';
    await writeInOneStep(path.resolve(name), draft.before + draft.text);
    return undefined;
  } catch (error) {
    if (!(error instanceof NotWritten)) throw error;
    return error.message;
  }
};

/**
 * Makes the certain fixes of all files until there are none. Everything is worked out first, in memory, and files beside one
 * another are checked as they will be; then each file is written in one step, or with `show` none.
 */
export const fixFiles = async (files: readonly FileToFix[], how: 'write' | 'show'): Promise<FixedFiles> => {
  // Only what is changed stands before what is on the disk, and only that may matter to files beside it.
  const drafts = new Map<string, { readonly one: FileToFix; readonly draft: Draft }>();
  const reader = new FolderReader((file) => drafts.get(file)?.draft.text, 60_000);
  let folders: ReadonlySet<string> | undefined;
  for (let pass = 0; pass < mostPasses && folders?.size !== 0; pass++) {
    const changed = new Set<string>();
    for (const one of files) {
      const place = path.resolve(one.file.path);
      const folder = path.dirname(place);
      if (isGraph(one.file) || folders?.has(folder) === false) continue;
      const draft = drafts.get(place)?.draft ?? (await draftOf(one.file));
      if (draft === undefined || !(await fixDraft(draft, one, reader))) continue;
      drafts.set(place, { one, draft });
      changed.add(folder);
    }
    folders = changed;
  }
  const fixed: Fixed[] = [];
  const left: { path: string; reason: string }[] = [];
  for (const { one, draft } of drafts.values()) {
    const name = one.file.path;
    const reason = how === 'show' ? await whyUnchangeable(name) : await write(one.file, draft);
    if (reason === undefined) fixed.push({ path: name, count: draft.count, diff: diffOf(name, draft) });
    else left.push({ path: name, reason });
  }
  return { fixed, left };
};
