/** Where the time of a tier goes: how long each test and each file took, and how much of that was computing. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

export interface Spent {
  readonly name: string;
  /** By the clock, hooks included. */
  readonly seconds: number;
  /** Seconds of the processor, by this process and its children that have ended; the rest is waiting. */
  readonly computing: number;
}

/** Linux counts the ended children too, in hundredths of a second (proc(5), fields 14 to 17 of stat). */
export function computingSeconds(): number {
  if (process.platform === 'linux') {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // The program's name is in brackets and may hold spaces: the fields after it start with number 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  }
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Adds up what is spent under the same name, in the order in which the names came first. */
export class Ledger {
  private readonly spent = new Map<string, { seconds: number; computing: number }>();

  /** Starts the clock; the returned function stops it and books the time. */
  start(name: string): () => void {
    const [seconds, computing] = [performance.now() / 1000, computingSeconds()];
    return () =>
      this.add({ name, seconds: performance.now() / 1000 - seconds, computing: computingSeconds() - computing });
  }

  add({ name, seconds, computing }: Spent): void {
    const sum = this.spent.get(name) ?? { seconds: 0, computing: 0 };
    this.spent.set(name, { seconds: sum.seconds + seconds, computing: sum.computing + computing });
  }

  slowest(count: number): readonly Spent[] {
    return [...this.spent]
      .map(([name, spent]) => ({ name, ...spent }))
      .toSorted((a, b) => b.seconds - a.seconds)
      .slice(0, count);
  }
}

/** One line each, `undefined` where nothing took a second: then there is nothing to look for. */
export function slowestLines(title: string, spent: readonly Spent[]): readonly string[] {
  const worth = spent.filter(({ seconds }) => seconds >= 1);
  if (worth.length === 0) return [];
  const number = (value: number) => value.toFixed(1).padStart(7);
  return [
    `  ${title} (seconds, of which computing)`,
    ...worth.map(({ name, seconds, computing }) => `${number(seconds)} ${number(computing)}  ${name}`),
  ];
}

export const shortPath = (file: string): string => relative(process.cwd(), file);
