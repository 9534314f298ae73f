import { parseArgs } from 'node:util';
import { severityLevels } from '../../protocol/inputs/headscope-file';
import type { CheckSettings } from '../service/check';
import type { SeveritySetting } from '../service/finding';
import { nearestName } from '../../protocol/wire/nearest-name';
import { ruleCodes, ruleOf } from '../service/rules/catalogue';

export const usage = `Usage: headscope check PATH… [--format text|json|sarif] [--sarif FILE]
  [--severity CODE=error|warning|information|hint|off]… [--device-memory GB]
  [--quiet] [--max-warnings N] [--ignore-others]
  [--baseline FILE | --write-baseline FILE] [--fix [--dry-run]] [--force]
Checks model configs (config.json and the files beside it), .onnx files and every model folder below PATH.
--sarif FILE           writes a SARIF log beside what is printed
--quiet                prints errors alone
--max-warnings N       ends with 1 when there are more warnings
--ignore-others        passes over named files that are no model files
--baseline FILE        hides the findings that are in FILE
--write-baseline FILE  writes all findings into FILE
--fix                  makes the changes that leave no other reading; --dry-run prints them as a diff and writes nothing
--force                replaces a file that Headscope did not write, with --sarif and --write-baseline
The nearest .headscope.json is read for severities, baseline, device memory and files to leave out; words here go first.
Ends with 1 when an error is found or a file could not be checked, which says file-not-read.`;

/** Wrong words on the command line; the message says what to write instead. */
export class UsageError extends Error {}

const formats = ['text', 'json', 'sarif'] as const;
type Format = (typeof formats)[number];

export interface Order {
  readonly paths: readonly string[];
  readonly format: Format;
  /** A file for a SARIF log. */
  readonly sarif?: string;
  /** What goes before the `.headscope.json`. */
  readonly settings: CheckSettings;
  readonly quiet: boolean;
  readonly maxWarnings?: number;
  readonly ignoreOthers: boolean;
  readonly baseline?: string;
  readonly writeBaseline?: string;
  readonly fix: 'no' | 'write' | 'show';
  /** Files that are no earlier results are replaced. */
  readonly force: boolean;
}

const severityOf = (pairs: readonly string[]): Readonly<Record<string, SeveritySetting>> => {
  const severity: Record<string, SeveritySetting> = {};
  for (const pair of pairs) {
    const [code = '', level = ''] = pair.split('=');
    const chosen = severityLevels.find((name) => name === level);
    if (ruleOf(code) === undefined || chosen === undefined) {
      const near = ruleOf(code) === undefined ? nearestName(code, ruleCodes, 6) : undefined;
      const guess = near === undefined ? 'a code of docs/rules' : `a code of docs/rules, such as ${near}`;
      throw new UsageError(`--severity ${pair} is wrong; write CODE=error|warning|information|hint|off with ${guess}`);
    }
    severity[code] = chosen;
  }
  return severity;
};

export const readOrder = (words: readonly string[]): Order | 'help' => {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        format: { type: 'string', default: 'text' },
        sarif: { type: 'string' },
        severity: { type: 'string', multiple: true, default: [] },
        'device-memory': { type: 'string' },
        quiet: { type: 'boolean', default: false },
        'max-warnings': { type: 'string' },
        'ignore-others': { type: 'boolean', default: false },
        baseline: { type: 'string' },
        'write-baseline': { type: 'string' },
        fix: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
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
  const severity = severityOf(values.severity);
  const memory = values['device-memory'] === undefined ? undefined : Number(values['device-memory']);
  if (memory !== undefined && !(memory > 0)) throw new UsageError('--device-memory takes a number of GB above 0');
  const maxWarnings = values['max-warnings'];
  if (maxWarnings !== undefined && !/^\d{1,9}$/.test(maxWarnings))
    throw new UsageError('--max-warnings takes a whole number, 0 or more');
  const { baseline, 'write-baseline': writeBaseline, fix, 'dry-run': dryRun } = values;
  if (baseline !== undefined && writeBaseline !== undefined)
    throw new UsageError('--baseline hides findings and --write-baseline writes them; give one of the two');
  if (dryRun && !fix) throw new UsageError('--dry-run shows what --fix would do; give both');
  if (dryRun && format !== 'text') throw new UsageError('--dry-run prints a diff; leave --format out');
  for (const file of [values.sarif, baseline, writeBaseline])
    if (file === '')
      throw new UsageError('the name of a file is empty; write --sarif FILE, --baseline FILE or --write-baseline FILE');
  return {
    paths: positionals,
    format,
    settings: { severity, ...(memory === undefined ? {} : { deviceMemory: memory * 2 ** 30 }) },
    quiet: values.quiet,
    ignoreOthers: values['ignore-others'],
    force: values.force,
    fix: !fix ? 'no' : dryRun ? 'show' : 'write',
    ...(values.sarif === undefined ? {} : { sarif: values.sarif }),
    ...(maxWarnings === undefined ? {} : { maxWarnings: Number(maxWarnings) }),
    ...(baseline === undefined ? {} : { baseline }),
    ...(writeBaseline === undefined ? {} : { writeBaseline }),
  };
};
