import type { KnownFinding } from '../../protocol/inputs/baseline';
import type { Severity } from '../service/finding';
import type { CheckedFile } from './checked-file';
import { printable } from './printable';

/** All that a run found, as it is printed. */
export interface Outcome {
  /** Findings that are known are left out. */
  readonly files: readonly CheckedFile[];
  /** JSON files that are none of ours. */
  readonly others: number;
  /** Files that a `.headscope.json` leaves out. */
  readonly excluded: number;
  /** Findings that a baseline hides. */
  readonly known: number;
  /** Entries of the baselines that no longer occur. */
  readonly gone: readonly KnownFinding[];
  /** Findings that were fixed, by file. */
  readonly fixed: readonly { readonly path: string; readonly count: number }[];
}

const plural = (count: number, one: string, several = `${one}s`): string => `${count} ${count === 1 ? one : several}`;

export const countOf = (files: readonly CheckedFile[], severity: Severity): number =>
  files.reduce((sum, { findings }) => sum + findings.filter((finding) => finding.severity === severity).length, 0);

/** Without what `--quiet` leaves out. */
export const errorsAlone = (files: readonly CheckedFile[]): readonly CheckedFile[] =>
  files.map((file) => ({ ...file, findings: file.findings.filter(({ severity }) => severity === 'error') }));

/** Entries that are listed; of more the number is said. */
const mostGone = 20;

/** As lines for people. `quiet`: errors alone, and of the rest their number. */
export const asText = ({ files, others, excluded, known, gone, fixed }: Outcome, quiet: boolean): string => {
  const lines = (quiet ? errorsAlone(files) : files).flatMap(({ path: name, findings }) =>
    findings.map(
      ({ code, severity, message, range }) =>
        `${printable(name)}:${range.start.line + 1}:${range.start.character + 1}: ${severity}: ${printable(message)} [${code}]`,
    ),
  );
  const checked = files.filter((file) => file.checked).length;
  const unchecked = files.length - checked;
  const goneLines = gone
    .slice(0, mostGone)
    .map(
      ({ path: name, message, code }) => `${printable(name)}: no longer: ${printable(message)} [${printable(code)}]`,
    );
  return [
    ...fixed.map(({ path: name, count }) => `${printable(name)}: ${plural(count, 'finding')} fixed`),
    ...lines,
    ...(quiet ? [] : goneLines),
    `${plural(checked, 'file')} checked${unchecked === 0 ? '' : `, ${unchecked} not checked`}: ${plural(countOf(files, 'error'), 'error')}, ${plural(countOf(files, 'warning'), 'warning')}, ${plural(countOf(files, 'information'), 'note')}`,
    ...(known === 0 ? [] : [`${plural(known, 'known finding')} hidden`]),
    ...(gone.length === 0
      ? []
      : [
          `${plural(gone.length, 'entry', 'entries')} of the baseline no longer ${gone.length === 1 ? 'occurs' : 'occur'}; write it again with --write-baseline`,
        ]),
    ...(excluded === 0 ? [] : [`${plural(excluded, 'file')} left out by .headscope.json`]),
    ...(others === 0
      ? []
      : [`${plural(others, 'other JSON file')} ${others === 1 ? 'is not a model file' : 'are not model files'}`]),
    '',
  ].join('\n');
};
