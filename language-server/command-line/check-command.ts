import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readOnnx } from '../../models/formats/onnx/read-onnx';
import { checkFile } from '../service/check';
import type { CheckSettings } from '../service/check';
import { graphFindings } from '../service/graph-findings';
import type { Finding, SeveritySetting } from '../service/finding';
import { severities } from '../service/finding';
import { readModelFile } from '../service/model-file';
import type { ModelFile } from '../service/model-file';
import { ruleOf, rules } from '../service/rules/catalogue';
import { containedPath, FolderReader, folderOfGraph, graphName, readText } from '../workspace/folder-reader';
import type { CheckedFile } from './checked-file';
import { findModelFiles } from './find-files';
import { toSarif } from './sarif';

const usage = `Usage: headscope check PATH… [--format text|json|sarif] [--severity CODE=error|warning|information|hint|off]… [--device-memory GB]
Checks model configs (config.json and the files beside it), .onnx files and every model folder below PATH.`;

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

const asText = (files: readonly CheckedFile[]): string => {
  const lines = files.flatMap(({ path: name, findings }) =>
    findings.map(
      ({ code, severity, message, range }) =>
        `${name}:${range.start.line + 1}:${range.start.character + 1}: ${severity}: ${message} [${code}]`,
    ),
  );
  const count = (severity: string): number =>
    files.reduce((sum, { findings }) => sum + findings.filter((finding) => finding.severity === severity).length, 0);
  return [
    ...lines,
    `${files.length} file${files.length === 1 ? '' : 's'} checked: ${count('error')} errors, ${count('warning')} warnings, ${count('information')} notes`,
    '',
  ].join('\n');
};

const startOfFile = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** A graph named on the command line, or met below a folder where no config stands beside it to carry what is said. */
const checkGraph = async (
  name: string,
  reader: FolderReader,
  isNamed: boolean,
  settings: CheckSettings,
): Promise<CheckedFile | undefined> => {
  const file = path.resolve(name);
  const facts = await reader.facts(folderOfGraph(file));
  const { companions, graphs } = facts;
  const isTold = companions['config.json'] !== undefined || companions['genai_config.json'] !== undefined;
  const graph = isNamed ? await readOnnx(name) : isTold ? undefined : graphs?.get(graphName(file));
  if (graph === undefined) return undefined;
  const findings = graphFindings(graph, facts, settings).map((finding) => ({ ...finding, range: startOfFile }));
  return { path: name, findings };
};

/** Checks the files below the paths; the exit status is 1 when an error was found. */
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
  const reader = new FolderReader(() => undefined, 60_000);
  const checked: CheckedFile[] = [];
  for (const start of order.paths) {
    let found: readonly string[];
    try {
      found = await findModelFiles(start);
    } catch {
      complain(`${start} cannot be read; name a file or a folder that exists.\n`);
      return 2;
    }
    for (const name of found) {
      if (name.endsWith('.onnx')) {
        const graph = await checkGraph(name, reader, name === start, order.settings);
        if (graph !== undefined) checked.push(graph);
        continue;
      }
      const folder = path.dirname(path.resolve(name));
      // A file named on the command line is read wherever its link leads; below a folder the folder's border counts.
      const source = name === start ? name : await containedPath(folder, path.basename(name));
      if (source === undefined) continue;
      const text = await readText(source).catch(() => undefined);
      if (text === undefined) {
        complain(`${name} cannot be read and is left out.\n`);
        continue;
      }
      const file = readModelFile(pathToFileURL(path.resolve(name)).href, text);
      if (file.kind === undefined && name !== start) continue;
      const findings = file.kind === undefined ? [] : checkFile(file, await reader.facts(folder), order.settings);
      checked.push(present(file, path.dirname(name), findings, name));
    }
  }
  if (order.format === 'text') write(asText(checked));
  else if (order.format === 'json') write(`${JSON.stringify({ files: checked }, undefined, 2)}\n`);
  else write(`${JSON.stringify(toSarif(checked, rules), undefined, 2)}\n`);
  return checked.some(({ findings }) => findings.some(({ severity }) => severity === 'error')) ? 1 : 0;
};
