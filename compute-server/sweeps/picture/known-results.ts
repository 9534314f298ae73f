/** Numbers of the results of a sweep, each file read once. */
import type { CellStatus } from '../../../protocol/sweeps/sweep-status';
import { most } from '../../../protocol/sweeps/sweep-picture';
import { readCell, type CellResult, type Values } from '../collect';
import type { SweepFolder } from '../sweep-folder';

/** Milliseconds of reading before what is known is shown. */
const longestMs = 400;
/** Files that are read at the same time. */
const together = 16;

/** Characters of the first sentence that are kept. */
const longestFinding = 300;

export class KnownResults {
  /** Names of numbers, in the order in which they were found. */
  readonly names: string[] = [];
  private readonly places = new Map<string, number>();
  /** By the key of the cell: numbers in the order of `names`, NaN where it has none; shorter than `names` where it has no further ones. */
  private readonly numbers = new Map<string, Float64Array>();
  private readonly findings = new Map<string, string>();

  /** Reads what is new, for a moment; more at the next call. */
  async readFor(cells: readonly CellStatus[], folder: SweepFolder): Promise<void> {
    const done = cells.filter(({ state }) => state === 'done');
    this.keepOnly(new Set(done.map(({ key }) => key)));
    const fresh = done.filter(({ key }) => !this.numbers.has(key));
    const until = performance.now() + longestMs;
    for (let at = 0; at < fresh.length && performance.now() < until; at += together) {
      const some = fresh.slice(at, at + together);
      const read = await Promise.all(some.map(({ key, file = '' }) => readCell(folder, key, file)));
      for (const [place, result] of read.entries()) this.take(some[place]?.key ?? '', result);
    }
  }

  get read(): number {
    return this.numbers.size;
  }

  /** Results that went, and those of a file that was changed, are forgotten. */
  private keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.numbers.keys()) if (!keys.has(key)) this.numbers.delete(key);
    if (this.numbers.size > 0) return;
    this.names.length = 0;
    this.places.clear();
    this.findings.clear();
  }

  /** The first number that is not the same in all of the first cells; undefined where there is none. */
  get usual(): string | undefined {
    const some = [...this.numbers.keys()].slice(0, 200);
    const differs = (name: string): boolean =>
      new Set(some.map((key) => this.number(key, name)).filter((number) => !Number.isNaN(number))).size > 1;
    return this.names.find(differs) ?? this.names[0];
  }

  /** NaN where it is not known. */
  number(key: string, name: string): number {
    const place = this.places.get(name);
    return (place === undefined ? undefined : this.numbers.get(key)?.[place]) ?? Number.NaN;
  }

  finding(key: string): string | undefined {
    return this.findings.get(key);
  }

  /** A file that cannot be read counts as read, without numbers. */
  take(key: string, result: CellResult | undefined): void {
    const named = namedNumbers(result?.rows ?? []);
    for (const [name] of named) {
      if (this.places.has(name) || this.names.length >= most.values) continue;
      this.places.set(name, this.names.length);
      this.names.push(name);
    }
    const numbers = new Float64Array(this.names.length).fill(Number.NaN);
    for (const [name, value] of named) {
      const place = this.places.get(name);
      if (place !== undefined) numbers[place] = value;
    }
    this.numbers.set(key, numbers);
    if (result?.finding === undefined) this.findings.delete(key);
    else this.findings.set(key, result.finding.slice(0, longestFinding));
  }
}

/** Numbers of a result by name. Where it has several rows, the name begins with what tells the row from others. */
export function namedNumbers(rows: readonly Values[]): readonly (readonly [name: string, value: number])[] {
  const labels = rows.length > 1 ? rowLabels(rows) : [''];
  return rows.flatMap((row, at) =>
    Object.entries(row).flatMap(([name, value]) =>
      typeof value === 'number' ? [[`${labels[at] ?? ''}${name}`, value] as const] : [],
    ),
  );
}

/** Texts that differ between rows; where that is not enough, whole numbers such as a length as well, and at last the place of the row. */
function rowLabels(rows: readonly Values[]): readonly string[] {
  const names = Object.keys(rows[0] ?? {});
  const differs = (name: string): boolean => new Set(rows.map((row) => row[name])).size > 1;
  const texts = names.filter((name) => rows.every((row) => typeof row[name] === 'string') && differs(name));
  const wholes = names.filter((name) => rows.every((row) => Number.isInteger(row[name])) && differs(name));
  const telling: string[] = [];
  const labels = (): readonly string[] =>
    rows.map(
      (row) =>
        `${telling.map((name) => `${typeof row[name] === 'string' ? '' : `${name} `}${row[name]}`).join(' ')} · `,
    );
  const distinct = (): boolean => new Set(labels()).size === rows.length;
  for (const name of [...texts, ...wholes]) {
    if (telling.length > 0 && distinct()) break;
    telling.push(name);
  }
  return distinct() ? labels() : rows.map((_, at) => `row ${at + 1} · `);
}
