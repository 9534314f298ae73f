import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { FileRefused, readRegular } from '../../models/formats/regular-file';
import { checkFile } from '../service/check';
import type { CheckSettings } from '../service/check';
import { kindByName } from '../service/file-kind';
import type { Finding, Severity } from '../service/finding';
import { fingerprintOf } from '../service/fingerprint';
import { graphFindings } from '../service/graph-findings';
import { longestText } from '../service/json-document';
import { readStrictly } from '../service/model-file';
import type { ModelFile } from '../service/model-file';
import { fileNotRead } from '../service/rules/field-values';
import { folderOfGraph, graphName, readGraph } from '../workspace/folder-reader';
import type { FolderReader } from '../workspace/folder-reader';
import { startOfFile } from './checked-file';
import type { CheckedFile } from './checked-file';
import type { FileToCheck } from './find-files';

export interface HowToCheck {
  readonly reader: FolderReader;
  readonly settings: CheckSettings;
  /** Named files that are no model files are passed over. */
  readonly ignoreOthers: boolean;
}

const present = (file: ModelFile, findings: readonly Finding[], shown: string): CheckedFile => ({
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
              : { message: words, path: path.join(path.dirname(shown), place.file) },
          ),
        }),
    fingerprint: fingerprintOf({ code, message, span }, file.document),
  })),
});

/** What is not checked is a finding like any other: it fails, is printed in every format, and its severity can be set. */
export const notChecked = (
  name: string,
  reason: string,
  settings: CheckSettings,
  proper: Severity = fileNotRead.severity,
): CheckedFile => {
  const severity = settings.severity[fileNotRead.code] ?? proper;
  const about = { code: fileNotRead.code, message: `Not checked. ${reason}` };
  const finding = { ...about, range: startOfFile, fingerprint: fingerprintOf(about, undefined) };
  return { path: name, checked: false, findings: severity === 'off' ? [] : [{ ...finding, severity }] };
};

/** A graph named on the command line, or found below a folder without a config beside it that could carry its findings. */
const checkGraph = async (
  { path: name, source, named }: FileToCheck,
  { reader, settings }: HowToCheck,
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
  const findings = graphFindings(graph, facts, settings).map((finding) => ({
    ...finding,
    range: startOfFile,
    fingerprint: fingerprintOf(finding, undefined),
  }));
  return { path: name, checked: true, findings };
};

/** A JSON file; undefined of one that is none of ours and was not asked for. */
const checkJson = async (
  { path: name, source, named }: FileToCheck,
  { reader, settings, ignoreOthers }: HowToCheck,
): Promise<CheckedFile | undefined> => {
  let bytes: Buffer;
  try {
    bytes = await readRegular(source, longestText);
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    if (error.code === 'too-large' && ignoreOthers && kindByName(name) === undefined) return undefined;
    return notChecked(name, error.message, settings);
  }
  const isAsked = named && !ignoreOthers;
  const file = readStrictly(pathToFileURL(path.resolve(name)).href, bytes, {
    ...(settings.families && { families: settings.families }),
    isAsked,
  });
  const { kind, document, description, fault } = file;
  const saysNothing = kind === undefined || (kind === 'config' && description === undefined && fault === undefined);
  if (saysNothing && document.unread === undefined) {
    // A config that is an empty object is ours by its name.
    if (kind === undefined && !isAsked) return undefined;
    return notChecked(name, 'It describes no model: it has neither a model_type nor sizes of layers.', settings);
  }
  if (kind === undefined)
    return isAsked ? notChecked(name, 'It is too deep or too long for a model file.', settings) : undefined;
  const folder = path.dirname(path.resolve(name));
  return present(file, checkFile(file, await reader.facts(folder), settings), name);
};

export const isGraph = ({ path: name }: FileToCheck): boolean => name.endsWith('.onnx');

/** Undefined of a file that is none of ours, or that another file speaks for. */
export const checkOne = (file: FileToCheck, how: HowToCheck): Promise<CheckedFile | undefined> =>
  (isGraph(file) ? checkGraph : checkJson)(file, how);
