import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { FileRefused, readRegular } from '../../models/formats/regular-file';
import { checkFile } from '../service/check';
import type { CheckSettings } from '../service/check';
import { graphFindings } from '../service/graph-findings';
import type { Finding, Severity, SeveritySetting } from '../service/finding';
import { severities } from '../service/finding';
import { longestText } from '../service/json-document';
import { readStrictly } from '../service/model-file';
import type { ModelFile } from '../service/model-file';
import { ruleOf, rules } from '../service/rules/catalogue';
import { fileNotRead } from '../service/rules/field-values';
import { FolderReader, folderOfGraph, graphName, readGraph } from '../workspace/folder-reader';
import type { CheckedFile } from './checked-file';
import { findModelFiles } from './find-files';
import type { FileToCheck, FoundFiles } from './find-files';
import { printable } from './printable';
import { toSarif } from './sarif';

const usage = `Usage: headscope check PATH… [--format text|json|sarif] [--severity CODE=error|warning|information|hint|off]… [--device-memory GB]
Checks model configs (config.json and the files beside it), .onnx files and every model folder below PATH.
Ends with 1 when an error is found or a file could not be checked, which says file-not-read.`;

/** Wrong words on the command line; the message says what to write instead. */
class UsageError extends Error {}

const formats = ['text', 'json', 'sarif'] as const;
type Format = (typeof formats)[number];

interface Order {
  readonly paths: readonly string[];
  readonly format: Format;
  readonly settings: CheckSettings;
}

const readOrder = (words: readonly string[]): Order | 'help' => {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        format: { type: 'string', default: 'text' },
        severity: { type: 'string', multiple: true, default: [] },
        'device-memory': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  if (positionals.length === 0) throw new UsageError('no PATH was given; name a config.json or a folder');
  const format = formats.find((name) => name === values.format);
  if (format === undefined) throw new UsageError(`--format ${values.format} is unknown; write text, json or sarif`);
  const severity: Record<string, SeveritySetting> = {};
  for (const pair of values.severity) {
    const [code = '', level = ''] = pair.split('=');
    const chosen = [...severities, 'off' as const].find((name) => name === level);
    if (ruleOf(code) === undefined || chosen === undefined) {
      throw new UsageError(
        `--severity ${pair} is wrong; write CODE=error|warning|information|hint|off with a code of docs/rules`,
      );
    }
    severity[code] = chosen;
  }
  const memory = values['device-memory'] === undefined ? undefined : Number(values['device-memory']);
  if (memory !== undefined && !(memory > 0)) throw new UsageError('--device-memory takes a number of GB above 0');
  return {
    paths: positionals,
    format,
    settings: { severity, ...(memory === undefined ? {} : { deviceMemory: memory * 2 ** 30 }) },
  };
};

const present = (file: ModelFile, folder: string, findings: readonly Finding[], shown: string): CheckedFile => ({
  path: shown,
  checked: file.document.unread === undefined,
  findings: findings.map(({ code, severity, message, span, related }) => ({
    code,
    severity,
    message,
    range: file.document.rangeOf(span),
    ...(related.length === 0
      ? {}
      : {
          related: related.map(({ message: words, place }) =>
            'span' in place
              ? { message: words, path: shown, range: file.document.rangeOf(place.span) }
              : { message: words, path: path.join(folder, place.file) },
          ),
        }),
  })),
});

const asText = (files: readonly CheckedFile[], others: number): string => {
  const lines = files.flatMap(({ path: name, findings }) =>
    findings.map(
      ({ code, severity, message, range }) =>
        `${printable(name)}:${range.start.line + 1}:${range.start.character + 1}: ${severity}: ${printable(message)} [${code}]`,
    ),
  );
  const count = (severity: string): number =>
    files.reduce((sum, { findings }) => sum + findings.filter((finding) => finding.severity === severity).length, 0);
  const checked = files.filter((file) => file.checked).length;
  const unchecked = files.length - checked;
  return [
    ...lines,
    `${checked} file${checked === 1 ? '' : 's'} checked${unchecked === 0 ? '' : `, ${unchecked} not checked`}: ${count('error')} errors, ${count('warning')} warnings, ${count('information')} notes`,
    ...(others === 0
      ? []
      : [`${others} other JSON file${others === 1 ? ' is not a' : 's are not'} model file${others === 1 ? '' : 's'}`]),
    '',
  ].join('\n');
};

const startOfFile = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** What is not checked is a finding like any other: it fails, is printed in every format, and its severity can be set. */
const notChecked = (
  name: string,
  reason: string,
  settings: CheckSettings,
  proper: Severity = fileNotRead.severity,
): CheckedFile => {
  const severity = settings.severity[fileNotRead.code] ?? proper;
  const finding = { code: fileNotRead.code, message: `Not checked. ${reason}`, range: startOfFile };
  return { path: name, checked: false, findings: severity === 'off' ? [] : [{ ...finding, severity }] };
};

/** A graph named on the command line, or found below a folder without a config beside it that could carry its findings. */
const checkGraph = async (
  { path: name, source, named }: FileToCheck,
  reader: FolderReader,
  settings: CheckSettings,
): Promise<CheckedFile | undefined> => {
  const file = path.resolve(name);
  const facts = await reader.facts(folderOfGraph(file));
  const { companions } = facts;
  const isTold = companions['config.json'] !== undefined || companions['genai_config.json'] !== undefined;
  if (!named && isTold && facts.graphs?.has(graphName(file)) === true) return undefined;
  const graph = await readGraph(source);
  if (graph === 'pointer') {
    // As of a file of weights: a checkout for CI seldom has them.
    return notChecked(name, 'It is a git-lfs pointer. Run "git lfs pull" in the folder.', settings, 'information');
  }
  const findings = graphFindings(graph, facts, settings).map((finding) => ({ ...finding, range: startOfFile }));
  return { path: name, checked: true, findings };
};

/** A JSON file; undefined of one below a folder that is none of ours. */
const checkJson = async (
  { path: name, source, named }: FileToCheck,
  reader: FolderReader,
  settings: CheckSettings,
): Promise<CheckedFile | undefined> => {
  let bytes: Buffer;
  try {
    bytes = await readRegular(source, longestText);
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    return notChecked(name, error.message, settings);
  }
  const file = readStrictly(pathToFileURL(path.resolve(name)).href, bytes);
  const { kind, document, description, fault } = file;
  const saysNothing = kind === undefined || (kind === 'config' && description === undefined && fault === undefined);
  if (saysNothing && document.unread === undefined) {
    // A config that is an empty object is ours by its name.
    if (kind === undefined && !named) return undefined;
    return notChecked(name, 'It describes no model: it has neither a model_type nor sizes of layers.', settings);
  }
  if (kind === undefined)
    return named ? notChecked(name, 'It is too deep or too long for a model file.', settings) : undefined;
  const folder = path.dirname(path.resolve(name));
  return present(file, path.dirname(name), checkFile(file, await reader.facts(folder), settings), name);
};

/** Checks the files below the paths; the exit status is 1 when an error was found or something could not be checked. */
export const runCheck = async (
  words: readonly string[],
  write: (text: string) => void,
  complain: (text: string) => void,
): Promise<number> => {
  let order: Order | 'help';
  try {
    order = readOrder(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(`${error.message}.\n${usage}\n`);
    return 2;
  }
  if (order === 'help') {
    write(`${usage}\n`);
    return 0;
  }
  const { settings } = order;
  const reader = new FolderReader(() => undefined, 60_000);
  const files: CheckedFile[] = [];
  let others = 0;
  for (const start of order.paths) {
    let all: FoundFiles;
    try {
      all = await findModelFiles(start);
    } catch {
      complain(`${printable(start)} cannot be read; name a file or a folder that exists.\n`);
      return 2;
    }
    others += all.others;
    for (const one of all.found) {
      if ('reason' in one) {
        files.push(notChecked(one.path, one.reason, settings));
        continue;
      }
      const isGraph = one.path.endsWith('.onnx');
      const checked = await (isGraph ? checkGraph : checkJson)(one, reader, settings);
      if (checked !== undefined) files.push(checked);
      else if (!isGraph) others += 1;
    }
  }
  if (order.format === 'text') write(asText(files, others));
  else if (order.format === 'json') write(`${JSON.stringify({ files, others }, undefined, 2)}\n`);
  else write(`${JSON.stringify(toSarif(files, rules), undefined, 2)}\n`);
  return files.some(({ findings }) => findings.some(({ severity }) => severity === 'error')) ? 1 : 0;
};
