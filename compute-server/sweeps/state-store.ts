/**
 * The states of the cells of a sweep on disk. Each process that runs cells writes a journal of its own, so nodes of a cluster need no
 * common lock. The holder of the sweep's lock gathers the journals into one file that only grows (`states.jsonl`). Beside it lies an index
 * of the last state of each cell (`states.index.json`), with the length of the file that it covers. Readers take no lock: they read the
 * index and the lines after it.
 *
 * Lines count in the order of the file, not by the clocks of their writers. If a line is cut off, only that line is lost. Gathering a
 * journal twice changes nothing.
 */
import { open, readdir, readFile, stat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openToAppend, writeInOneStep } from '../../files/write-file';
import { cellStates, type CellState } from '../../protocol/sweeps/sweep-status';

export interface KeptState {
  readonly state: CellState;
  /** Times that it was started, this one included. */
  readonly tries: number;
  /** Seconds that it took; only of one that ended. */
  readonly seconds?: number;
  /** Why it failed, as a sentence. */
  readonly reason?: string;
}

/** The state of a cell, or of a part of one (`key.part`), from now on. */
export interface StateLine extends KeptState {
  readonly key: string;
}

/** How much of a journal has been gathered. */
interface GatheredLine {
  readonly journal: string;
  readonly through: number;
}

interface Known {
  readonly states: Map<string, KeptState>;
  readonly gathered: Map<string, number>;
}

/** [key, state, tries, seconds or null, reason]. */
type Row = readonly [string, CellState, number, number | null, string?];

interface IndexFile {
  readonly kind: 'headscope-sweep-states';
  readonly version: 1;
  /** Bytes of states.jsonl that it stands for. */
  readonly through: number;
  readonly gathered: Readonly<Record<string, number>>;
  readonly states: readonly Row[];
}

/** A new index is written when at least so many bytes, and half of what the index covers, have been added. */
const spareBytes = 1 << 20;

export class StateStore {
  private readonly linesFile: string;
  private readonly indexFile: string;

  /** `folder`: that of the sweep; `journals`: folders of journals that may still grow or were not gathered. */
  constructor(private readonly folder: string) {
    this.linesFile = join(folder, 'states.jsonl');
    this.indexFile = join(folder, 'states.index.json');
  }

  /** The last state of each cell, journals included. */
  async read(): Promise<ReadonlyMap<string, KeptState>> {
    const { known } = await this.known();
    for (const { lines } of await this.behind(known)) for (const line of lines) take(known, line);
    return known.states;
  }

  /** Only for the process that holds the lock of the sweep. */
  async append(lines: readonly (StateLine | GatheredLine)[]): Promise<void> {
    if (lines.length > 0) await appendText(this.linesFile, textOf(lines));
  }

  /** Gathers the journals into the one file, and rewrites the index if much was added. Only for the holder of the lock. */
  async gather(): Promise<ReadonlyMap<string, KeptState>> {
    const { known, through, size } = await this.known();
    let written = size;
    for (const { journal, lines, until } of await this.behind(known)) {
      const gathered: GatheredLine = { journal, through: until };
      const text = textOf([...lines, gathered]);
      written += Buffer.byteLength(text);
      await appendText(this.linesFile, text);
      for (const line of [...lines, gathered]) take(known, line);
    }
    if (written - through >= Math.max(spareBytes, through / 2)) await this.index();
    return known.states;
  }

  /** Rewrites the index. */
  async index(): Promise<void> {
    const { known, size } = await this.known();
    const rows = [...known.states].map(([key, { state, tries, seconds, reason }]): Row =>
      reason === undefined ? [key, state, tries, seconds ?? null] : [key, state, tries, seconds ?? null, reason],
    );
    const file: IndexFile = {
      kind: 'headscope-sweep-states',
      version: 1,
      through: size,
      gathered: Object.fromEntries(known.gathered),
      states: rows,
    };
    await writeInOneStep(this.indexFile, JSON.stringify(file), { isCache: true });
  }

  /** What the one file says; `through`: bytes of it that the index stands for, `size`: all whole lines. */
  private async known(): Promise<{ readonly known: Known; readonly through: number; readonly size: number }> {
    const all = await sizeOf(this.linesFile);
    const index = await readIndex(this.indexFile);
    // An index of a longer file belongs to another one.
    const usable = index !== undefined && index.through <= all ? index : undefined;
    const known: Known = {
      states: new Map(
        usable?.states.map(([key, state, tries, seconds, reason]) => [key, kept(state, tries, seconds, reason)]),
      ),
      gathered: new Map(Object.entries(usable?.gathered ?? {})),
    };
    const through = usable?.through ?? 0;
    const { lines, until } = await linesFrom(this.linesFile, through);
    for (const line of lines) take(known, line);
    return { known, through, size: until };
  }

  /** What journals say and the one file does not yet, by the order of submissions. */
  private async behind(
    known: Known,
  ): Promise<readonly { readonly journal: string; readonly lines: readonly StateLine[]; readonly until: number }[]> {
    const found: { journal: string; lines: readonly StateLine[]; until: number }[] = [];
    const submissions = join(this.folder, 'submissions');
    for (const submission of (await readdir(submissions).catch(() => [])).sort()) {
      const folder = join(submissions, submission, 'journals');
      for (const name of (await readdir(folder).catch(() => [])).sort()) {
        const journal = `${submission}/${name}`;
        const from = known.gathered.get(journal) ?? 0;
        if ((await sizeOf(join(folder, name))) <= from) continue;
        const { lines, until } = await linesFrom(join(folder, name), from);
        if (until > from) found.push({ journal, lines: lines.filter(isState), until });
      }
    }
    return found;
  }
}

/** The lines of one process that runs cells. */
export class Journal {
  private constructor(private readonly path: string) {}

  /**
   * `submission`: its folder; `process`: no other process is called so. A task that was started again has a journal of its own, whose name
   * sorts behind those before it, wherever they were written.
   */
  static async open(submission: string, task: number, process: string): Promise<Journal> {
    const folder = join(submission, 'journals');
    await mkdir(folder, { recursive: true });
    const of = `${String(task).padStart(6, '0')}-`;
    const before = (await readdir(folder)).filter((name) => name.startsWith(of)).length;
    return new Journal(join(folder, `${of}${String(before).padStart(6, '0')}-${process}.jsonl`));
  }

  add(line: StateLine): Promise<void> {
    return appendText(this.path, textOf([line]));
  }
}

const isState = (line: StateLine | GatheredLine): line is StateLine => 'key' in line;

function take({ states, gathered }: Known, line: StateLine | GatheredLine): void {
  if (!isState(line)) {
    gathered.set(line.journal, line.through);
    return;
  }
  states.set(line.key, kept(line.state, line.tries, line.seconds ?? null, line.reason));
}

const kept = (state: CellState, tries: number, seconds: number | null, reason?: string): KeptState => ({
  state,
  tries,
  ...(seconds === null ? {} : { seconds }),
  ...(reason === undefined ? {} : { reason }),
});

const textOf = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

/** One write, so that its lines stay together and survive the end of the process. */
async function appendText(path: string, text: string): Promise<void> {
  const handle = await openToAppend(path);
  try {
    // The line before may have been cut off: an empty line costs nothing.
    await handle.appendFile(`\n${text}`);
  } finally {
    await handle.close();
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** Whole lines from a byte on, and the byte behind the last of them. */
async function linesFrom(
  path: string,
  from: number,
): Promise<{ readonly lines: readonly (StateLine | GatheredLine)[]; readonly until: number }> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (handle === undefined) return { lines: [], until: 0 };
  try {
    const { size } = await handle.stat();
    if (size <= from) return { lines: [], until: from };
    const bytes = Buffer.alloc(size - from);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    const end = bytes.subarray(0, bytesRead).lastIndexOf(10) + 1;
    const lines = bytes.toString('utf8', 0, end).split('\n').flatMap(lineOf);
    return { lines, until: from + end };
  } finally {
    await handle.close();
  }
}

/** Empty for a text that is not a line of the states. */
function lineOf(text: string): readonly (StateLine | GatheredLine)[] {
  if (text === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const line = value as Partial<StateLine & GatheredLine> | null;
  if (typeof line?.journal === 'string' && typeof line.through === 'number') {
    return [{ journal: line.journal, through: line.through }];
  }
  if (typeof line?.key !== 'string' || typeof line.tries !== 'number') return [];
  const { key, tries, seconds, reason } = line;
  const state = cellStates.find((one) => one === line.state);
  if (state === undefined) return [];
  return [
    {
      key,
      ...kept(
        state,
        tries,
        typeof seconds === 'number' ? seconds : null,
        typeof reason === 'string' ? reason : undefined,
      ),
    },
  ];
}

/** Undefined if it cannot be read: the file of lines has everything. */
async function readIndex(path: string): Promise<IndexFile | undefined> {
  try {
    const file = JSON.parse(await readFile(path, 'utf8')) as Partial<IndexFile> | null;
    if (file?.kind !== 'headscope-sweep-states' || file.version !== 1 || !Array.isArray(file.states)) return undefined;
    return Number.isSafeInteger(file.through) ? (file as IndexFile) : undefined;
  } catch {
    return undefined;
  }
}
