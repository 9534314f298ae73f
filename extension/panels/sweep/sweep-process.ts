/**
 * The command line in a process of its own, which reads a sweep for its panel: the same code as `headscope sweep` in a terminal. It
 * starts with the first question. Tests run it without VS Code.
 */
import { fork, type ChildProcess } from 'node:child_process';
import type { NumberedAnswer, NumberedAsk, SweepAnswers, SweepAsk } from '../../../protocol/sweeps/sweep-picture';
import { exitReason, launchOptions, obstacle, type ComputeLaunch } from '../../platform/compute-process';

interface Waiting {
  readonly child: ChildProcess;
  resolve(answer: never): void;
  reject(error: Error): void;
}

/** `details`: for the log. */
class SweepFailure extends Error {
  constructor(
    sentence: string,
    readonly details?: string,
  ) {
    super(sentence);
  }
}

/** A cell runs as it does from a terminal: its key does not know of settings of the editor. */
const ofEditor = ['DEVICE', 'WEIGHTS', 'THREADS', 'MEMORY_LIMIT', 'DEVICE_MEMORY'];

export class SweepProcess {
  private child: ChildProcess | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;
  /** Ends once it has answered: a submission is not cut off. */
  private ending = false;

  /** `launch().module`: the script of the command line. */
  constructor(
    private readonly launch: () => ComputeLaunch,
    private readonly file: string,
  ) {}

  ask<A extends SweepAsk>(ask: A): Promise<SweepAnswers[A['kind']]> {
    this.ending = false;
    return new Promise((resolve, reject) => {
      const child = this.start();
      if (!child) return reject(new SweepFailure(`The sweep cannot be read: ${obstacle(this.launch()) ?? ''}.`));
      const id = (this.last += 1);
      this.waiting.set(id, { child, resolve, reject });
      child.send({ id, ask } satisfies NumberedAsk);
    });
  }

  /** Ends the process as soon as it has answered; cells that run go on. */
  end(): void {
    this.ending = true;
    if (this.waiting.size > 0) return;
    this.child?.disconnect();
    this.child = undefined;
  }

  private start(): ChildProcess | undefined {
    if (this.child?.connected) return this.child;
    const launch = this.launch();
    if (obstacle(launch) !== undefined) return undefined;
    const options = launchOptions(launch, process.env);
    const env = { ...options.env };
    for (const name of ofEditor) delete env[`HEADSCOPE_${name}`];
    const child = fork(launch.module, ['sweep', 'panel', this.file], { ...options, env });
    this.child = child;
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    child.on('message', (message) => this.take(message as NumberedAnswer));
    const gone = (why: string): void => {
      if (this.child === child) this.child = undefined;
      const said = errors.trim().split('\n').at(-1) ?? '';
      this.reject(child, new SweepFailure(said === '' ? `The sweep could not be read: ${why}.` : said, errors));
    };
    child.on('error', (error) => gone(error.message));
    child.on('exit', (code, signal) => gone(exitReason(code, signal, launch.nodePath)));
    return child;
  }

  private take(answer: NumberedAnswer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('ok' in answer) waiting?.resolve(answer.ok as never);
    else waiting?.reject(new SweepFailure(answer.failed, answer.details));
    if (this.ending) this.end();
  }

  /** What was asked of this process; another may have begun since. */
  private reject(child: ChildProcess, error: Error): void {
    for (const [id, one] of [...this.waiting]) {
      if (one.child !== child) continue;
      this.waiting.delete(id);
      one.reject(error);
    }
  }
}
