/** The thread of a kernel link: keeps the process that runs the file, gives it the texts of files, and ends it at its limits. */
import { fork, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { exitInWords } from '../processes/exit-words';
import type { KernelQuestion } from '../../kernels/own/kernel-file';
import type { LinkData } from './kernel-link';
import { placeOfName } from './place-of-name';
import {
  kernelLimits,
  overMemory,
  overTime,
  type Asked,
  type FromKernelProcess,
  type Reply,
  type ToKernelProcess,
} from './messages';
import { importedFile, kernelSource } from './workspace-files';

const { file, root, port, flag } = workerData as LinkData;

const limits = kernelLimits(process.env);

/** The clock alone ends a process whose own watch does not: it may wait for a processor ten times as long as it computes. */
const longestMs = 10 * limits.seconds * 1000;

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

let child: ChildProcess | undefined;
let source = '';
/** Where the file answers the question that is being asked: a process that is ended says no line. */
let askedNames: readonly string[] = [];

const short = ['maskMod', 'scoreMod', 'shortForm', 'default'];
const namesOf: Readonly<Record<KernelQuestion['kind'], readonly string[]>> = {
  facts: ['default'],
  supports: ['supports', ...short],
  weights: ['weights', ...short],
  build: ['build', ...short],
  reference: ['referenceRows', 'reference', ...short],
  pattern: ['pattern', ...short],
  limits: ['limits', ...short],
};

function start(): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const made = fork(script, [String(limits.bytes), String(limits.seconds)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
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
    let errors = '';
    made.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    made.on('error', (error) => reject(error));
    made.on('close', (code, signal) => {
      if (child === made) child = undefined;
      const why = endWords(errors, code, signal);
      settle?.({ fault: { sentence: why, place: { file, ...placeOfName(source, askedNames) } } });
      reject(new Error(why));
    });
    made.on('message', (message) => {
      const received = message as FromKernelProcess;
      if (received.kind === 'ready') resolve(made);
      else if (received.kind === 'reply') settle?.(received.reply);
      else void give(made, received);
    });
  });
}

function endWords(errors: string, code: number | null, signal: NodeJS.Signals | null): string {
  if (errors.includes(overMemory) || /heap out of memory/u.test(errors)) {
    return `It needed more than ${limits.bytes / 1e9} GB of memory and was ended. Keep what it holds smaller.`;
  }
  if (errors.includes(overTime)) {
    return `It computed for more than ${limits.seconds} s without an answer and was ended. Look for a loop that does not end.`;
  }
  return `Its process ended before it answered: ${exitInWords(code, signal, errors)}.`;
}

async function give(to: ChildProcess, asked: Extract<FromKernelProcess, { kind: 'import' }>): Promise<void> {
  const { id, specifier, from } = asked;
  try {
    to.send({ kind: 'source', id, ...(await importedFile(specifier, from, root)) } satisfies ToKernelProcess);
  } catch (error) {
    to.send({ kind: 'no-source', id, why: (error as Error).message } satisfies ToKernelProcess);
  }
}

let settle: ((reply: Reply) => void) | undefined;

function say(to: ChildProcess, message: ToKernelProcess): Promise<Reply> {
  return new Promise((resolve) => {
    const clock = setTimeout(() => to.kill('SIGKILL'), longestMs);
    settle = (reply) => {
      clearTimeout(clock);
      settle = undefined;
      resolve(reply);
    };
    to.send(message, (error) => {
      if (error) settle?.({ fault: { sentence: `Its process could not be asked: ${error.message}.` } });
    });
  });
}

async function replyTo(asked: Asked): Promise<Reply> {
  try {
    if (!child) {
      source = await kernelSource(file, root);
      askedNames = [];
      const started = await start();
      const loaded = await say(started, { kind: 'load', file, source });
      if ('fault' in loaded) {
        started.kill('SIGKILL');
        return loaded;
      }
      child = started;
    }
    askedNames = namesOf[asked.question.kind];
    return await say(child, { kind: 'ask', ...asked });
  } catch (error) {
    return { fault: { sentence: (error as Error).message, place: { file, line: 1 } } };
  }
}

port.on('message', (asked: Asked) => {
  void replyTo(asked).then((reply) => {
    port.postMessage(reply);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  });
});
process.on('exit', () => child?.kill('SIGKILL'));
