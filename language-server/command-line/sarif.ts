import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Severity } from '../service/finding';
import type { Range } from '../service/json-document';
import { pageOf } from '../service/rules/catalogue';
import type { Rule } from '../service/rules/rule';
import type { CheckedFile, CheckedFinding } from './checked-file';

/** A file with all its findings, and for each whether a baseline knows it. */
export interface FileForSarif extends CheckedFile {
  readonly isKnown: readonly boolean[];
}

/** What the run was asked for. */
interface Asked {
  readonly quiet: boolean;
  /** A baseline was looked at: every result says whether it is new. */
  readonly hasBaseline: boolean;
}

/** GitHub refuses a log with more results in a run, and shows the 5,000 most severe (its documentation, read 2026-11). */
const mostResults = 25_000;

const level = (severity: Severity): 'error' | 'warning' | 'note' =>
  severity === 'error' || severity === 'warning' ? severity : 'note';

const root = '%SRCROOT%';

/**
 * A file relative to the working folder, as a URI, which code scanning matches with the files of a repository. One elsewhere
 * has a whole address: `..` would leave the repository.
 */
const address = (name: string): { readonly uri: string; readonly uriBaseId?: string } => {
  const relative = path.relative(process.cwd(), path.resolve(name));
  if (path.isAbsolute(relative) || relative.split(path.sep)[0] === '..')
    return { uri: pathToFileURL(path.resolve(name)).href };
  return { uri: relative.split(path.sep).map(encodeURIComponent).join('/'), uriBaseId: root };
};

const region = ({ start, end }: Range): object => ({
  startLine: start.line + 1,
  startColumn: start.character + 1,
  endLine: end.line + 1,
  endColumn: end.character + 1,
});

const place = (name: string, range: Range | undefined): object => ({
  artifactLocation: address(name),
  ...(range === undefined ? {} : { region: region(range) }),
});

const resultOf = (
  name: string,
  { code, severity, message, range, related, fingerprint }: CheckedFinding,
  rules: readonly Rule[],
  baselineState: 'new' | 'unchanged' | undefined,
): object => ({
  ruleId: code,
  ruleIndex: rules.findIndex((rule) => rule.code === code),
  level: level(severity),
  message: { text: message },
  locations: [{ physicalLocation: place(name, range) }],
  // GitHub's own is `primaryLocationLineHash`, over lines of text; its upload action adds it.
  partialFingerprints: { 'headscope/v1': fingerprint },
  ...(baselineState === undefined ? {} : { baselineState }),
  ...(related === undefined
    ? {}
    : {
        relatedLocations: related.map((other, index) => ({
          id: index,
          message: { text: other.message },
          physicalLocation: place(other.path, other.range),
        })),
      }),
});

const order: readonly Severity[] = ['error', 'warning', 'information', 'hint'];

/** The findings as a SARIF 2.1.0 log, for code scanning. */
export const toSarif = (
  files: readonly FileForSarif[],
  rules: readonly Rule[],
  { quiet, hasBaseline }: Asked,
): object => {
  const all = files.flatMap(({ path: name, findings, isKnown }) =>
    findings.map((finding, index) => ({ name, finding, isKnown: isKnown[index] === true })),
  );
  const wished = quiet ? all.filter(({ finding }) => finding.severity === 'error') : all;
  const kept =
    wished.length <= mostResults
      ? wished
      : wished
          .toSorted((left, right) => order.indexOf(left.finding.severity) - order.indexOf(right.finding.severity))
          .slice(0, mostResults);
  const leftOut = wished.length - kept.length;
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'headscope',
            semanticVersion: process.env['HEADSCOPE_VERSION'] ?? '0.0.0',
            informationUri: 'https://github.com/headscope/headscope',
            rules: rules.map((rule) => ({
              id: rule.code,
              shortDescription: { text: rule.title },
              fullDescription: { text: `${rule.title}.` },
              help: { text: `Why it matters and what to do: ${pageOf(rule.code)}` },
              helpUri: pageOf(rule.code),
              defaultConfiguration: { level: level(rule.severity) },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { [root]: { description: { text: 'The folder in which the check was started.' } } },
        invocations: [
          {
            executionSuccessful: true,
            ...(leftOut === 0
              ? {}
              : {
                  toolExecutionNotifications: [
                    {
                      level: 'warning',
                      message: {
                        text: `${leftOut} findings of the least severity are left out: a log holds ${mostResults}.`,
                      },
                    },
                  ],
                }),
          },
        ],
        results: kept.map(({ name, finding, isKnown }) =>
          resultOf(name, finding, rules, hasBaseline ? (isKnown ? 'unchanged' : 'new') : undefined),
        ),
      },
    ],
  };
};
