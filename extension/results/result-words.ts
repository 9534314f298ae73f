/** How saved results are named, whatever their kind. */
import { customEditors } from '../../protocol/contributions/views';

/** A line under a result in the tree. */
export interface ResultLine {
  readonly label: string;
  readonly text: string;
  readonly failed?: boolean;
}

const digits = (value: number, count: number): string => String(value).padStart(count, '0');

/** `2026-11-24-150312` in local time: sorts by time and is allowed in file names everywhere. */
export function timeStamp(time: Date): string {
  const day = `${time.getFullYear()}-${digits(time.getMonth() + 1, 2)}-${digits(time.getDate(), 2)}`;
  return `${day}-${digits(time.getHours(), 2)}${digits(time.getMinutes(), 2)}${digits(time.getSeconds(), 2)}`;
}

/** What a name may hold on every file system; the rest becomes a hyphen. Never empty, never hidden, at most 80 characters. */
export function fileStem(name: string): string {
  const stem = name
    .normalize('NFC')
    .replace(/[\p{Cc}\\/:*?"<>|]+/gu, '-')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^[.\- ]+|[.\- ]+$/g, '');
  const short = Array.from(stem).slice(0, 80).join('');
  return short === '' ? 'result' : short;
}

/** The time first, so that names sort by it, then what it is of. */
export const fileNameOf = (created: string, subject: string, suffix: string): string =>
  `${fileStem(`${timeStamp(new Date(created))} ${subject}`).replaceAll(' ', '-')}${suffix}`;

/** `2026-11-24 15:03 · name`: how a result stands in a list, without the time that its file's name may hold already. */
export function listedName(created: string, name: string): string {
  const time = new Date(created);
  if (Number.isNaN(time.getTime())) return name;
  const rest = name.replace(/^\d{4}-\d\d-\d\d-\d{6}-?/, '').replace(/-\d{4}-\d\d-\d\d-\d{6}(?=$|-\d+$)/, '');
  const [day, clock] = [timeStamp(time).slice(0, 10), timeStamp(time).slice(11)];
  return `${day} ${clock.slice(0, 2)}:${clock.slice(2, 4)}${rest === '' ? '' : ` · ${rest}`}`;
}

/** Whether a folder `.headscope` holds nothing but the history. */
export const holdsHistoryAlone = (names: readonly string[]): boolean => names.length === 1 && names[0] === 'history';

const suffixes = Object.values(customEditors).map(({ suffix }) => suffix);

/** The ending that says what a saved file holds; empty for any other file. */
export const suffixOf = (file: string): string => suffixes.find((suffix) => file.endsWith(suffix)) ?? '';

export const withoutSuffix = (file: string): string => file.slice(0, file.length - suffixOf(file).length);

/** `name`, or `name-2`, `name-3` … when it is taken. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let count = 2; ; count += 1) {
    const candidate = `${withoutSuffix(name)}-${count}${suffixOf(name)}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Three significant digits, thousands without exponent. */
export function threeDigits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6 || magnitude < 1e-3) return value.toExponential(2);
  return magnitude >= 100 ? Math.round(value).toLocaleString('en-US') : Number(value.toPrecision(3)).toString();
}
