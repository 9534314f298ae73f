/**
 * The folder of a job, which a process of its own works on: what it shall do, how far it is, and how it ended, each a file that is
 * there whole or not at all. Windows of the editor and the command line read it at any time; one process alone works on it, which
 * holds its lock.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { endHolder, lookAtLock, takeLock, type Lock } from './lock';
import { OwnFolder, prune } from './own-folder';
import type { Form } from './remove';
import { writeInOneStep, writeNew } from './write-file';

const files = {
  /** What it shall do. */
  job: 'job.json',
  /** How far it is. */
  stage: 'stage.json',
  /** What is known so far. */
  partial: 'partial.json',
  result: 'result.headscope-analysis.json',
  failure: 'failure.json',
  /** Somebody asks it to stop. */
  stop: 'stop',
  /** A window has kept its result, or said how it ended. */
  taken: 'taken',
} as const;
export type JobFile = keyof typeof files;

const lockName = 'lock.json';
const logName = 'log.txt';
const idForm = /^\d{8}-\d{6}-[0-9a-f]{6}$/;
const names = [...Object.values(files), lockName, logName].map((name) => name.replaceAll('.', '\\.'));
const form: Form = { folders: { names: idForm, hold: { files: new RegExp(`^(?:${names.join('|')})$`) } } };
const folderName = 'headscope-jobs';

/** Jobs that have ended and whose end was said: the newest stay. */
const keptJobs = 20;
/** A process that was asked to stop may do so by itself for this long, in ms. */
const grace = 1500;
const lookEvery = 100;

/** Where the jobs of this user lie: one place for every editor, window and terminal. */
export function jobsRoot(environment: NodeJS.ProcessEnv): string {
  const { HEADSCOPE_JOBS_DIR: given, XDG_STATE_HOME: state, LOCALAPPDATA: local } = environment;
  if (given) return given;
  if (state) return join(state, 'headscope');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'headscope');
  if (process.platform === 'win32') return join(local ?? join(homedir(), 'AppData', 'Local'), 'headscope');
  return join(homedir(), '.local', 'state', 'headscope');
}

export class JobFolder {
  constructor(readonly path: string) {}

  get id(): string {
    return this.path.split(/[\\/]/).at(-1) ?? '';
  }

  pathOf(file: JobFile): string {
    return join(this.path, files[file]);
  }

  /** Undefined where it is not there. */
  read(file: JobFile): Promise<string | undefined> {
    return readFile(this.pathOf(file), 'utf8').catch(() => undefined);
  }

  /** Changes with the content; empty where the file is not there. */
  async mark(file: JobFile): Promise<string> {
    const about = await stat(this.pathOf(file), { bigint: true }).catch(() => undefined);
    return about === undefined ? '' : `${about.ino} ${about.mtimeNs}`;
  }

  async has(file: JobFile): Promise<boolean> {
    return (await this.mark(file)) !== '';
  }

  /** Throws NotWritten. */
  write(file: JobFile, content: string): Promise<void> {
    return writeInOneStep(this.pathOf(file), content, { isCache: file === 'stage' || file === 'partial' });
  }

  /** False where a process works on it, or worked on it. */
  async take(): Promise<boolean> {
    return (await takeLock(join(this.path, lockName))) !== undefined;
  }

  lock(): Promise<Lock> {
    return lookAtLock(join(this.path, lockName));
  }

  /** Where its process writes what is said outside of the files; the caller closes it by `close`. */
  openLog(): { readonly file: number; readonly close: () => void } {
    const file = openSync(join(this.path, logName), 'a');
    return { file, close: () => closeSync(file) };
  }

  async hasEnded(): Promise<boolean> {
    return (await this.has('result')) || (await this.has('failure'));
  }

  /** Asked first; ended where it does not stop by itself. It has ended, or its process is gone, when this settles. */
  async stop(): Promise<void> {
    await this.write('stop', '');
    for (const until = Date.now() + grace; Date.now() < until;) {
      if ((await this.hasEnded()) || (await this.lock()).state === 'stale') return;
      await new Promise((next) => setTimeout(next, lookEvery));
    }
    endHolder(await this.lock());
  }
}

export class JobFolders {
  private readonly own: OwnFolder;

  constructor(root: string) {
    this.own = new OwnFolder(root, folderName, form);
  }

  /** Newest first. */
  async list(): Promise<readonly JobFolder[]> {
    const ids = (await this.own.entries()).map(({ name }) => name);
    return ids.toSorted((a, b) => (a < b ? 1 : -1)).map((id) => this.at(id));
  }

  at(id: string): JobFolder {
    return new JobFolder(join(this.own.path, id));
  }

  async create(job: string): Promise<JobFolder> {
    await this.own.make();
    await this.tidy();
    const time = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
    const folder = this.at(`${time}-${randomBytes(3).toString('hex')}`);
    await mkdir(folder.path);
    await writeNew(folder.pathOf('job'), job);
    return folder;
  }

  private async tidy(): Promise<void> {
    const ended: string[] = [];
    for (const folder of await this.list()) {
      if ((await folder.has('taken')) && (await folder.lock()).state !== 'held') ended.push(folder.id);
    }
    const [newest] = ended;
    if (newest === undefined) return;
    const among: Form = { folders: { names: new RegExp(`^(?:${ended.join('|')})$`), hold: form.folders!.hold } };
    await prune(this.own, { kept: keptJobs, inUse: newest, others: [], form: among });
  }
}
