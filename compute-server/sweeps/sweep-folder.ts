/**
 * The folder of a sweep beside its file, `NAME.headscope-sweep/`: results, logs, states and submissions. Results belong to the person:
 * nothing here deletes one.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { moveProven } from '../../files/remove';
import { writeInOneStep, writeNew } from '../../files/write-file';
import { type EngineId } from '../../protocol/sweeps/sweep-file';
import { fieldsIn } from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';
import { isKey, type ShellSettings } from './cell-key';
import type { EngineHandle, Submission } from './engine';

/** A cell, or a part of one whose set of examples is cut, or the joining of its parts. */
export interface Unit {
  readonly cell: number;
  readonly key: string;
  /** From 1. */
  readonly part?: number;
  readonly of?: number;
}

/** Parts have states of their own: `KEY.2-4` is the second of four. */
export const unitName = ({ key, part, of }: Unit): string =>
  part === undefined || of === undefined ? key : `${key}.${part}-${of}`;

/** What is kept of a submission. */
export interface KeptSubmission extends Submission {
  readonly kind: 'headscope-sweep-submission';
  readonly version: 1;
  readonly engine: EngineId;
  readonly created: string;
  /** Tasks that run at the same time, as far as is known. */
  readonly atOnce: number;
  /** Units in all. */
  readonly units: number;
  /** Variables of the shell that it was submitted from: cells run with these on every node. */
  readonly shell?: ShellSettings;
  /** Absent until the engine has the jobs. */
  readonly handle?: EngineHandle;
}

/** The file of a part that is done; its steps hold what it found. */
export const donePart = '{}\n';

const keyOfResult = (text: string): unknown => {
  const parsed = parseJsonText(text);
  return parsed.ok ? fieldsIn(fieldsIn(parsed.value)['sweep'])['key'] : undefined;
};

export class SweepFolder {
  /** Absolute path of the file. */
  readonly file: string;
  /** Paths in the sweep are relative to it. */
  readonly base: string;
  readonly path: string;

  constructor(file: string) {
    this.file = resolve(file);
    this.base = dirname(this.file);
    this.path = join(this.base, `${basename(this.file).replace(/(\.headscope-sweep)?\.ya?ml$/u, '')}.headscope-sweep`);
  }

  get lockFile(): string {
    return join(this.path, 'submit.lock');
  }
  get results(): string {
    return join(this.path, 'results');
  }
  /** One file for each finished part; its steps are in `steps`. */
  get parts(): string {
    return join(this.path, 'parts');
  }
  get logs(): string {
    return join(this.path, 'logs');
  }

  resultFile(key: string): string {
    return join(this.results, `${key}.json`);
  }
  partFile(unit: Unit): string {
    return join(this.parts, `${unitName(unit)}.json`);
  }
  logFile(key: string): string {
    return join(this.logs, `${key}.log`);
  }
  /** Steps of a cell. A cell that died continues after them, and joining the parts of a cell reads them. */
  stepsOf(key: string): string {
    return join(this.path, 'steps', key);
  }
  /** What a cell trains: no other cell writes there, whatever folder the sweep names. */
  modelOf(key: string, named: unknown = ''): string {
    return named === '' ? join(this.path, 'models', key) : join(resolve(this.base, String(named)), key);
  }
  submission(number: number): string {
    return join(this.path, 'submissions', String(number).padStart(4, '0'));
  }
  /** Tasks start no further cell once this file exists. */
  cancelFile(number: number): string {
    return join(this.submission(number), 'cancelled');
  }

  async make(): Promise<void> {
    for (const folder of [this.results, this.parts, this.logs]) await mkdir(folder, { recursive: true });
  }

  /**
   * Sets a result aside, with what is done of its parts, so that the cell can run again: into a new folder of `results/earlier`. Gives back
   * what undoes it; undefined where the file is not the result of this cell, and stays.
   */
  async setAside(key: string): Promise<(() => Promise<void>) | undefined> {
    const earlier = join(this.results, 'earlier');
    await mkdir(earlier, { recursive: true });
    const taken = new Set(await readdir(earlier));
    const number = (count: number): string => (taken.has(`${key}-${count}`) ? number(count + 1) : `${key}-${count}`);
    const place = join(earlier, number(1));
    await mkdir(place);
    const isResult = (content: Buffer): boolean => keyOfResult(content.toString('utf8')) === key;
    const isPart = (content: Buffer): boolean => content.toString('utf8') === donePart;
    const result: readonly [string, string] = [this.resultFile(key), join(place, `${key}.json`)];
    if (!(await moveProven(...result, isResult))) return undefined;
    const moved: (readonly [string, string])[] = [];
    for (const name of await readdir(this.parts).catch(() => [])) {
      const files: readonly [string, string] = [join(this.parts, name), join(place, name)];
      if (name.startsWith(`${key}.`) && (await moveProven(...files, isPart))) moved.push(files);
    }
    return async () => {
      await moveProven(result[1], result[0], isResult);
      for (const [from, to] of moved) await moveProven(to, from, isPart);
    };
  }

  /** Keys of cells that have a result, and names of parts that are done. */
  async finished(): Promise<ReadonlySet<string>> {
    const names = [...(await readdir(this.results).catch(() => [])), ...(await readdir(this.parts).catch(() => []))];
    return new Set(names.flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -5)] : [])));
  }

  /** Keys of cells with a log. */
  async logged(): Promise<ReadonlySet<string>> {
    const names = await readdir(this.logs).catch(() => []);
    return new Set(names.map((name) => name.replace(/\.log$/u, '')).filter(isKey));
  }

  /** The last submission; undefined where there was none. */
  async last(): Promise<KeptSubmission | undefined> {
    const numbers = (await readdir(join(this.path, 'submissions')).catch(() => []))
      .map(Number)
      .filter((number) => Number.isSafeInteger(number) && number > 0)
      .sort((one, other) => other - one);
    for (const number of numbers) {
      const kept = await this.kept(number);
      if (kept) return kept;
    }
    return undefined;
  }

  /** A number that no submission has. */
  async nextNumber(): Promise<number> {
    const numbers = (await readdir(join(this.path, 'submissions')).catch(() => [])).map(Number);
    return Math.max(0, ...numbers.filter(Number.isSafeInteger)) + 1;
  }

  async kept(number: number): Promise<KeptSubmission | undefined> {
    const text = await readFile(join(this.submission(number), 'submission.json'), 'utf8').catch(() => '');
    const parsed = parseJsonText(text);
    if (!parsed.ok) return undefined;
    const kept = parsed.value as Partial<KeptSubmission> | null;
    return kept?.kind === 'headscope-sweep-submission' && kept.version === 1 ? (kept as KeptSubmission) : undefined;
  }

  async keep(submission: KeptSubmission): Promise<void> {
    const folder = this.submission(submission.number);
    await writeInOneStep(join(folder, 'submission.json'), `${JSON.stringify(submission, undefined, 2)}\n`);
  }

  /** Units of each task, one line for each task, and the text of the sweep. */
  async keepTasks(number: number, tasks: readonly (readonly Unit[])[], text: string): Promise<void> {
    const folder = this.submission(number);
    await mkdir(join(folder, 'engine'), { recursive: true });
    await writeInOneStep(join(folder, 'sweep.yaml'), text);
    await writeInOneStep(join(folder, 'tasks.jsonl'), tasks.map((units) => `${JSON.stringify(units)}\n`).join(''));
  }

  async textOf(number: number): Promise<string> {
    return readFile(join(this.submission(number), 'sweep.yaml'), 'utf8');
  }

  /** Undefined where the submission has no such task. */
  async unitsOf(number: number, task: number): Promise<readonly Unit[] | undefined> {
    const text = await readFile(join(this.submission(number), 'tasks.jsonl'), 'utf8');
    let from = 0;
    for (let line = 0; line < task; line++) from = text.indexOf('\n', from) + 1 || text.length;
    const end = text.indexOf('\n', from);
    return end < 0 ? undefined : (JSON.parse(text.slice(from, end)) as readonly Unit[]);
  }

  async allUnits(number: number): Promise<readonly Unit[]> {
    const text = await readFile(join(this.submission(number), 'tasks.jsonl'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => JSON.parse(line) as readonly Unit[]);
  }

  async markCancelled(number: number): Promise<void> {
    await writeNew(this.cancelFile(number), '').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}
