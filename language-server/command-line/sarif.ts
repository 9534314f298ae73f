import path from 'node:path';
import type { Severity } from '../service/finding';
import type { Range } from '../service/json-document';
import { pageOf } from '../service/rules/catalogue';
import type { Rule } from '../service/rules/rule';
import type { CheckedFile } from './checked-file';

const level = (severity: Severity): 'error' | 'warning' | 'note' =>
  severity === 'error' || severity === 'warning' ? severity : 'note';

/** An address relative to the working folder, in URI form, as SARIF wants it. */
const address = (name: string): string =>
  (path.isAbsolute(name) ? path.relative(process.cwd(), name) : name)
    .split(path.sep)
    .map((part) => encodeURIComponent(part))
    .join('/');

const region = ({ start, end }: Range): object => ({
  startLine: start.line + 1,
  startColumn: start.character + 1,
  endLine: end.line + 1,
  endColumn: end.character + 1,
});

/** The findings as a SARIF 2.1.0 log, for code scanning. */
export const toSarif = (files: readonly CheckedFile[], rules: readonly Rule[]): object => ({
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  version: '2.1.0',
  runs: [
    {
      tool: {
        driver: {
          name: 'headscope',
          version: process.env['HEADSCOPE_VERSION'] ?? '0.0.0',
          informationUri: 'https://github.com/headscope/headscope',
          rules: rules.map((rule) => ({
            id: rule.code,
            shortDescription: { text: rule.title },
            helpUri: pageOf(rule.code),
            defaultConfiguration: { level: level(rule.severity) },
          })),
        },
      },
      columnKind: 'utf16CodeUnits',
      results: files.flatMap(({ path: name, findings }) =>
        findings.map(({ code, severity, message, range, related }) => ({
          ruleId: code,
          ruleIndex: rules.findIndex((rule) => rule.code === code),
          level: level(severity),
          message: { text: message },
          locations: [{ physicalLocation: { artifactLocation: { uri: address(name) }, region: region(range) } }],
          ...(related === undefined
            ? {}
            : {
                relatedLocations: related.map((other, index) => ({
                  id: index,
                  message: { text: other.message },
                  physicalLocation: {
                    artifactLocation: { uri: address(other.path) },
                    ...(other.range === undefined ? {} : { region: region(other.range) }),
                  },
                })),
              }),
        })),
      ),
    },
  ],
});
