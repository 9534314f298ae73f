import path from 'node:path';
import { whyNotReplaced, writeOutput, type Output, type OutputKind } from '../../files/output';
import { NotWritten } from '../../files/write-file';
import { baselineText } from '../../protocol/inputs/baseline';
import type { KnownFinding } from '../../protocol/inputs/baseline';
import { defaultSettings, settingsUnder } from '../service/check';
import { rules } from '../service/rules/catalogue';
import { FolderReader, folderOfGraph } from '../workspace/folder-reader';
import { canBeKnown, nameIn, readBaseline } from '../workspace/known-findings';
import type { KnownFindings } from '../workspace/known-findings';
import { isExcluded, Repositories } from '../workspace/repositories';
import { checkOne, isGraph, notChecked } from './check-one';
import type { CheckedFile } from './checked-file';
import { findModelFiles } from './find-files';
import type { Found, FoundFiles } from './find-files';
import { fixFiles } from './fix-files';
import type { FileToFix, FixedFiles } from './fix-files';
import { readOrder, usage, UsageError } from './order';
import type { Order } from './order';
import { printable } from './printable';
import { toSarif } from './sarif';
import { asText, countOf, errorsAlone } from './text';
import type { Outcome } from './text';

/** What is wrong with what was asked, found before anything is checked; sentences. */
class WrongInput extends Error {}

/** A file that was found, with what the repository that it lies in says. */
interface FoundFile extends Pick<FileToFix, 'settings' | 'known'> {
  readonly found: Found;
}

const readKnown = async (file: string | undefined): Promise<KnownFindings | undefined> => {
  if (file === undefined) return undefined;
  const read = await readBaseline(file);
  if (!read.ok) throw new WrongInput(`The baseline ${printable(file)} cannot be used. ${printable(read.why)}`);
  return read.known;
};

interface Collected {
  readonly files: readonly FoundFile[];
  readonly others: number;
  readonly excluded: number;
}

/** All files of the order with their settings. Throws WrongInput, before anything is checked or changed. */
const collect = async ({ paths, settings, baseline, writeBaseline }: Order): Promise<Collected> => {
  const given = await readKnown(baseline);
  const repositories = new Repositories(Number.POSITIVE_INFINITY);
  const files: FoundFile[] = [];
  const seen = new Set<string>();
  let others = 0;
  let excluded = 0;
  for (const start of paths) {
    let all: FoundFiles;
    try {
      all = await findModelFiles(start);
    } catch {
      throw new WrongInput(`${printable(start)} cannot be read; name a file or a folder that exists.`);
    }
    others += all.others;
    for (const found of all.found) {
      const place = path.resolve(found.path);
      if (seen.has(place)) continue;
      seen.add(place);
      const folder = place.endsWith('.onnx') ? folderOfGraph(place) : path.dirname(place);
      const repository = await repositories.forFolder(folder);
      const ownBaseline = baseline === undefined && writeBaseline === undefined;
      const faults = [
        ...(repository?.faults ?? []),
        ...(ownBaseline && repository?.baselineFault !== undefined ? [repository.baselineFault] : []),
      ];
      if (repository !== undefined && faults.length > 0) {
        const name = printable(path.relative(process.cwd(), repository.file));
        throw new WrongInput(faults.map((fault) => `${name}: ${printable(fault)}`).join('\n'));
      }
      if (isExcluded(repository, place)) {
        excluded += 1;
        continue;
      }
      files.push({
        found,
        settings: settingsUnder(settingsUnder(defaultSettings, repository?.settings), settings),
        known: writeBaseline === undefined ? (given ?? repository?.known) : undefined,
      });
    }
  }
  return { files, others, excluded };
};

interface Checked {
  /** With what a baseline knows. */
  readonly all: readonly { readonly file: CheckedFile; readonly isKnown: readonly boolean[] }[];
  readonly others: number;
  readonly gone: readonly KnownFinding[];
}

const checkAll = async ({ files, others: passed }: Collected, ignoreOthers: boolean): Promise<Checked> => {
  const reader = new FolderReader(() => undefined, 60_000);
  const all: { file: CheckedFile; isKnown: readonly boolean[] }[] = [];
  const byBaseline = new Map<KnownFindings, Map<string, readonly string[]>>();
  let others = passed;
  for (const { found, settings, known } of files) {
    const file =
      'reason' in found
        ? notChecked(found.path, found.reason, settings)
        : await checkOne(found, { reader, settings, ignoreOthers });
    if (known !== undefined) {
      const checked = byBaseline.get(known) ?? new Map<string, readonly string[]>();
      byBaseline.set(known, checked);
      checked.set(found.path, file?.findings.map(({ fingerprint }) => fingerprint) ?? []);
    }
    if (file === undefined) {
      if (!('reason' in found) && !isGraph(found)) others += 1;
      continue;
    }
    const { findings } = file;
    all.push({ file, isKnown: known?.areKnown(found.path, findings) ?? findings.map(() => false) });
  }
  const gone: KnownFinding[] = [];
  for (const [known, checked] of byBaseline) gone.push(...(await known.gone(checked)));
  return { all, others, gone };
};

const outputOf = (kind: OutputKind, { force }: Order): Output => ({ kind, force });

/** Throws WrongInput, before anything is checked or changed. */
const requireOutputs = async (order: Order): Promise<void> => {
  for (const [file, kind] of [
    [order.sarif, 'sarif'],
    [order.writeBaseline, 'baseline'],
  ] as const) {
    const why = file === undefined ? undefined : await whyNotReplaced(path.resolve(file), outputOf(kind, order));
    if (file !== undefined && why !== undefined) throw new WrongInput(`${printable(file)} was not written. ${why}`);
  }
};

const writeAsked = async (file: string, text: string, output: Output): Promise<void> => {
  try {
    await writeOutput(path.resolve(file), text, output);
  } catch (error) {
    if (!(error instanceof NotWritten)) throw error;
    throw new WrongInput(`${printable(file)} was not written. ${error.message}`);
  }
};

const carryOut = async (
  order: Order,
  write: (text: string) => void,
  complain: (text: string) => void,
): Promise<number> => {
  await requireOutputs(order);
  const collected = await collect(order);
  let fixes: FixedFiles = { fixed: [], left: [] };
  if (order.fix !== 'no') {
    const toFix = collected.files.flatMap(({ found, settings, known }) =>
      'reason' in found ? [] : [{ file: found, settings, known }],
    );
    fixes = await fixFiles(toFix, order.fix);
    for (const { path: name, reason } of fixes.left) complain(`${printable(name)} was not fixed. ${reason}\n`);
  }
  const { all, others, gone } = await checkAll(collected, order.ignoreOthers);
  const { writeBaseline } = order;
  if (writeBaseline !== undefined) {
    const findings = all.flatMap(({ file }) =>
      file.findings.filter(canBeKnown).map(({ code, fingerprint, message }) => ({
        path: nameIn(writeBaseline, file.path),
        code,
        fingerprint,
        message,
      })),
    );
    await writeAsked(writeBaseline, baselineText(findings), outputOf('baseline', order));
    const count = `${findings.length} finding${findings.length === 1 ? '' : 's'}`;
    complain(`${count} written to ${printable(writeBaseline)}.\n`);
  }
  const shown = all.map(({ file, isKnown }) => ({
    ...file,
    findings: file.findings.filter((finding, index) =>
      writeBaseline === undefined ? isKnown[index] !== true : !canBeKnown(finding),
    ),
  }));
  const outcome: Outcome = {
    files: shown,
    others,
    excluded: collected.excluded,
    known: all.reduce((sum, { file }, index) => sum + file.findings.length - (shown[index]?.findings.length ?? 0), 0),
    gone,
    fixed: order.fix === 'write' ? fixes.fixed.map(({ path: name, count }) => ({ path: name, count })) : [],
  };
  const printed = order.quiet ? errorsAlone(outcome.files) : outcome.files;
  const sarif = (): string => {
    const hasBaseline = collected.files.some(({ known }) => known !== undefined);
    const files = all.map(({ file, isKnown }) => ({ ...file, isKnown }));
    return `${JSON.stringify(toSarif(files, rules, { quiet: order.quiet, hasBaseline }), undefined, 2)}\n`;
  };
  if (order.sarif !== undefined) await writeAsked(order.sarif, sarif(), outputOf('sarif', order));
  if (order.fix === 'show') write(fixes.fixed.map(({ diff }) => diff).join(''));
  else if (order.format === 'text') write(asText(outcome, order.quiet));
  else if (order.format === 'json') write(`${JSON.stringify({ ...outcome, files: printed }, undefined, 2)}\n`);
  else write(sarif());
  const isTooMany = order.maxWarnings !== undefined && countOf(outcome.files, 'warning') > order.maxWarnings;
  return countOf(outcome.files, 'error') > 0 || isTooMany || fixes.left.length > 0 ? 1 : 0;
};

/** Checks the files below the paths; the exit status is 1 when an error was found or something could not be checked. */
export const runCheck = async (
  words: readonly string[],
  write: (text: string) => void,
  complain: (text: string) => void,
): Promise<number> => {
  try {
    const order = readOrder(words);
    if (order !== 'help') return await carryOut(order, write, complain);
    write(`${usage}\n`);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) complain(`${error.message}.\n${usage}\n`);
    else if (error instanceof WrongInput) complain(`${error.message}\n`);
    else throw error;
    return 2;
  }
};
