/** The process that runs a person's file: given the texts of files, asked one question at a time, and ended at its limits. */
import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { exitInWords } from '../processes/exit-words';
import {
  overMemory,
  overTime,
  type Asked,
  type FromKernelProcess,
  type KernelLimits,
  type Reply,
  type ToKernelProcess,
} from './messages';
import { placeOfName } from './place-of-name';
import { importedFile, ownSource } from './workspace-files';

export interface OwnFile {
  readonly file: string;
  /** The folder of the workspace: nothing outside it is read. */
  readonly root: string;
  readonly ending: string;
  /** The script that runs in the file's context before it. */
  readonly library: string;
}

const script = join(__dirname, 'kernel-process.js');

/** Flags by which Node itself refuses files, processes and addons to it; editors' own Node has other ones. */
const walls = (): readonly string[] => {
  if (process.versions['electron']) return [];
  const flag = ['--permission', '--experimental-permission'].find((each) =>
    process.allowedNodeEnvironmentFlags.has(each),
  );
  return flag ? [flag, `--allow-fs-read=${join(dirname(script), '*')}`, '--allow-worker'] : [];
};

/** What Electron and Windows need to start at all. */
const environment = (): NodeJS.ProcessEnv => {
  const kept = ['ELECTRON_RUN_AS_NODE', 'SystemRoot'];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
};

/** The pipe by which the file asks and waits. */
const pipe = 4;

export class OwnProcess {
  private child: ChildProcess | undefined;
  /** It loads the file. */
  private starting: ChildProcess | undefined;
  private ends = 0;
  private source = '';
  private readonly texts = new Map<string, string>();
  /** Where the file answers the question that is being asked: a process that is ended says no line. */
  private askedNames: readonly string[] = [];
  private settle: ((reply: Reply) => void) | undefined;
  /** The clock alone ends a process whose own watch does not: it may wait for a processor ten times as long as it computes. */
  private readonly longestMs: number;
  private late = false;

  /** `outside` answers what the file asks while it waits. */
  constructor(
    private readonly own: OwnFile,
    private readonly limits: KernelLimits,
    private readonly outside?: (text: string) => string,
  ) {
    this.longestMs = 10 * limits.seconds * 1000;
  }

  /** Of the texts of the file and of those that it imports, in hexadecimal digits. */
  get sha256(): string {
    const hash = createHash('sha256');
    for (const [, text] of [...this.texts].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${text.length}\n${text}`);
    return hash.digest('hex');
  }

  get text(): string {
    return this.source;
  }

  /** `names`: of the parts of the file that answer. */
  async ask(asked: Asked, names: readonly string[]): Promise<Reply> {
    const { file, root, ending } = this.own;
    try {
      if (!this.child) {
        const { ends } = this;
        this.source = await ownSource(file, root, ending);
        if (ends !== this.ends) throw new Error('It was ended before it began.');
        this.texts.clear();
        this.texts.set(file, this.source);
        this.askedNames = [];
        const started = await this.start();
        const loaded = await this.say(started, { kind: 'load', file, source: this.source });
        this.starting = undefined;
        if ('fault' in loaded) {
          started.kill('SIGKILL');
          return loaded;
        }
        this.child = started;
      }
      this.askedNames = names;
      const reply = await this.say(this.child, { kind: 'ask', ...asked });
      return 'fault' in reply && !reply.fault.place
        ? { fault: { ...reply.fault, place: { file, ...placeOfName(this.source, names) } } }
        : reply;
    } catch (error) {
      return { fault: { sentence: (error as Error).message, place: { file, line: 1 } } };
    }
  }

  /** The next question starts it again. */
  end(): void {
    this.ends += 1;
    this.child?.kill('SIGKILL');
    this.starting?.kill('SIGKILL');
    this.child = this.starting = undefined;
  }

  /** Settles when no process of it is left. */
  async ended(): Promise<void> {
    const left = [this.child, this.starting].flatMap((one) =>
      one && one.exitCode === null && one.signalCode === null ? [once(one, 'exit')] : [],
    );
    this.end();
    await Promise.all(left);
  }

  private start(): Promise<ChildProcess> {
    const { limits, own } = this;
    return new Promise((resolve, reject) => {
      const made = fork(script, [String(limits.bytes), String(limits.seconds), own.library], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...(this.outside ? (['pipe'] as const) : [])],
        cwd: tmpdir(),
        env: environment(),
        execArgv: [
          '--experimental-vm-modules',
          '--disallow-code-generation-from-strings',
          '--no-warnings',
          '--max-old-space-size=4096',
          ...walls(),
        ],
      });
      this.starting = made;
      let errors = '';
      made.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
      made.on('error', (error) => reject(error));
      made.on('close', (code, signal) => {
        if (this.child === made) this.child = undefined;
        const why = this.endWords(errors, code, signal);
        this.settle?.({
          fault: { sentence: why, place: { file: own.file, ...placeOfName(this.source, this.askedNames) } },
        });
        reject(new Error(why));
      });
      made.on('message', (message) => {
        const received = message as FromKernelProcess;
        if (received.kind === 'ready') resolve(made);
        else if (received.kind === 'reply') this.settle?.(received.reply);
        else void this.give(made, received);
      });
      if (this.outside) answerOn(made.stdio[pipe] as Duplex, this.outside);
    });
  }

  private endWords(errors: string, code: number | null, signal: NodeJS.Signals | null): string {
    const { bytes, seconds } = this.limits;
    if (errors.includes(overMemory) || /heap out of memory/u.test(errors)) {
      return `It needed more than ${bytes / 1e9} GB of memory and was ended. Keep what it holds smaller.`;
    }
    if (errors.includes(overTime)) {
      return `It computed for more than ${seconds} s without an answer and was ended. Look for a loop that does not end.`;
    }
    if (this.late)
      return `It gave no answer in ${this.longestMs / 1000} s and was ended. Save it again to try once more.`;
    return `Its process ended before it answered: ${exitInWords(code, signal, errors)}.`;
  }

  private async give(to: ChildProcess, asked: Extract<FromKernelProcess, { kind: 'import' }>): Promise<void> {
    const { id, specifier, from } = asked;
    try {
      const found = await importedFile(specifier, from, this.own.root);
      this.texts.set(found.file, found.source);
      to.send({ kind: 'source', id, ...found } satisfies ToKernelProcess);
    } catch (error) {
      to.send({ kind: 'no-source', id, why: (error as Error).message } satisfies ToKernelProcess);
    }
  }

  private say(to: ChildProcess, message: ToKernelProcess): Promise<Reply> {
    return new Promise((resolve) => {
      this.late = false;
      const clock = setTimeout(() => {
        this.late = true;
        to.kill('SIGKILL');
      }, this.longestMs);
      this.settle = (reply) => {
        clearTimeout(clock);
        this.settle = undefined;
        resolve(reply);
      };
      to.send(message, (error) => {
        if (error) this.settle?.({ fault: { sentence: `Its process could not be asked: ${error.message}.` } });
      });
    });
  }
}

const mostAsked = 64 * 2 ** 20;

function answerOn(stream: Duplex, answer: (text: string) => string): void {
  let left = Buffer.alloc(0);
  stream.on('error', () => {});
  stream.on('data', (some: Buffer) => {
    left = Buffer.concat([left, some]);
    const length = left.length < 4 ? Infinity : left.readUInt32LE();
    if (length > mostAsked && length !== Infinity) stream.destroy();
    if (left.length < 4 + length) return;
    const text = Buffer.from(answer(left.subarray(4, 4 + length).toString()));
    left = left.subarray(4 + length);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(text.length);
    stream.write(Buffer.concat([size, text]));
  });
}
