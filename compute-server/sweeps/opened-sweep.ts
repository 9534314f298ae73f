/** A sweep that was read: its cells with their keys, and where it lies. */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { Cells, type Cell } from '../../protocol/sweeps/cells';
import { bytesOfText, secondsOfText } from '../../protocol/wire/quantities';
import type { CellSettings, SweepFile } from '../../protocol/sweeps/sweep-file';
import type { TaskResources } from './engine';
import { cellKey, settingOfVariable, shellVariables, type ShellSettings, type ShellVariable } from './cell-key';
import type { CellProgram } from './cell-program';
import { Stamps } from './stamps';
import type { SweepFolder } from './sweep-folder';

/** Whether a path is a folder or lies below it. Both are absolute. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

const adapterVariable: ShellVariable = 'HEADSCOPE_ADAPTER';

export interface KeyedCell {
  readonly cell: Cell;
  readonly key: string;
}

export class OpenedSweep {
  readonly cells: Cells;
  readonly resources: TaskResources;
  private readonly stamps: Stamps;
  private readonly known = new Map<string, string>();
  /** Variables of the shell that the command reads. */
  private readonly variables: readonly (readonly [ShellVariable, string])[];

  constructor(
    readonly folder: SweepFolder,
    readonly sweep: SweepFile,
    /** Text of the file. */
    readonly text: string,
    readonly program: CellProgram,
    /** Of the shell that it is planned in, or was submitted from. */
    readonly shell: ShellSettings = {},
  ) {
    const cells = Cells.of(sweep);
    if (!cells.ok) throw new RangeError(cells.why);
    this.cells = cells.result;
    this.stamps = new Stamps(folder.base);
    this.variables = shellVariables.flatMap((variable) => {
      const value = shell[variable];
      return value !== undefined && program.takes(settingOfVariable[variable]) ? [[variable, value] as const] : [];
    });
    const { threads = 0, memory, gpus = 0, time } = sweep.resources ?? {};
    const memoryBytes = memory === undefined ? undefined : bytesOfText(String(memory));
    const secondsOfCell = time === undefined ? undefined : secondsOfText(time);
    this.resources = {
      threads,
      gpus,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(secondsOfCell === undefined ? {} : { secondsOfCell }),
    };
  }

  get title(): string {
    return this.sweep.title ?? this.sweep.run;
  }

  /** Parts that the set of examples of each cell is cut into; 1: it is not cut. */
  get parts(): number {
    return this.sweep.split?.parts ?? 1;
  }

  async keyOf({ settings }: Cell): Promise<string> {
    const paths = this.program.paths(settings);
    const counting = this.shellFor(settings);
    for (const [, path] of [...paths, ...counting.filter(([variable]) => variable === adapterVariable)])
      if (!this.known.has(path)) this.known.set(path, (await this.stamps.of(path)) ?? '');
    return cellKey({
      run: this.sweep.run,
      settings,
      files: paths.map(([name, path]) => [name, this.known.get(path) ?? '']),
      threads: this.resources.threads,
      shell: counting.map(([variable, value]) => [
        variable,
        variable === adapterVariable ? (this.known.get(value) ?? '') : value,
      ]),
    });
  }

  /** Variables of the shell that count for a cell: its own settings and the resources of the sweep take precedence. */
  private shellFor(settings: CellSettings): readonly (readonly [ShellVariable, string])[] {
    return this.variables.filter(([variable]) => {
      if (settings[settingOfVariable[variable]] !== undefined) return false;
      if (variable === 'HEADSCOPE_THREADS') return this.resources.threads === 0;
      return variable !== 'HEADSCOPE_WEIGHTS' || settings['activations'] !== 'int8';
    });
  }

  /** Variables of the shell that count for the first cell for which any does, with their values. */
  shellThatCounts(): readonly (readonly [ShellVariable, string])[] {
    if (this.variables.length === 0) return [];
    for (const { settings } of this.cells.all()) {
      const counting = this.shellFor(settings);
      if (counting.length > 0) return counting;
    }
    return [];
  }

  /** Each key once, in the order of the sweep. */
  async *keyed(): AsyncGenerator<KeyedCell> {
    const seen = new Set<string>();
    for (const cell of this.cells.all()) {
      const key = await this.keyOf(cell);
      if (seen.has(key)) continue;
      seen.add(key);
      yield { cell, key };
    }
  }

  /** The first path of a cell that does not lie below a folder; undefined where all do. */
  pathOutside(folder: string): string | undefined {
    const looked = new Set<string>();
    for (const { settings } of this.cells.all()) {
      for (const [, path] of this.program.paths(settings)) {
        if (looked.has(path)) continue;
        looked.add(path);
        const full = resolve(this.folder.base, path);
        if (!isBelow(folder, full)) return full;
      }
    }
    return undefined;
  }

  /**
   * What is wrong with values and paths of cells, as sentences; each path and each value is looked at once. At most 20: a person
   * corrects these first.
   */
  async faults(): Promise<readonly string[]> {
    const looked = new Set<string>();
    const faults: string[] = [];
    for (const { settings } of this.cells.all()) {
      if (faults.length >= 20) break;
      for (const [name, value] of Object.entries(settings)) {
        const place = JSON.stringify([name, value]);
        if (looked.has(place)) continue;
        looked.add(place);
        const fault = this.program.fault(name, value);
        if (fault !== undefined) faults.push(`${name}: ${fault}`);
      }
      for (const [name, path] of this.program.paths(settings)) {
        const place = JSON.stringify([name, path, 'path']);
        if (looked.has(place)) continue;
        looked.add(place);
        if ((await this.stamps.of(path)) === undefined)
          faults.push(
            `${name}: there is no file or folder ${path} (paths are relative to ${this.folder.base}). Correct the path.`,
          );
      }
    }
    return faults;
  }
}
