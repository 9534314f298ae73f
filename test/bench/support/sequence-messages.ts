/** What a process that runs a model for comparison is asked, and answers: `fork` with `serialization: 'advanced'`. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { WeightChoice } from '../../../protocol/inputs/weights';

/** The first message to a process. Token ids are those of `benchIds`. */
export interface SequenceJob {
  /** A folder of safetensors, or a file of GGUF. */
  readonly path: string;
  readonly threads: number;
  /** Positions that the longest sequence takes. */
  readonly context: number;
  readonly vocabulary: number;
  /** The file to import node-llama-cpp from. */
  readonly library?: string;
  /** How Headscope holds weights. */
  readonly weights?: WeightChoice;
}

export type SequenceRequest =
  /** Runs the first ids and forgets what was run before. */
  | { readonly do: 'prefill'; readonly length: number }
  /** Goes on by the ids that follow, one by one; with statistics of all heads in a sequence of its own. */
  | { readonly do: 'decode'; readonly tokens: number; readonly statistics?: boolean };

export interface SequenceAnswer {
  /** Milliseconds of the prompt, or of each token. */
  readonly ms: readonly number[];
  /** The most likely next token, after the prompt or after each token. */
  readonly best: readonly number[];
  /** log p of every token after a prompt. */
  readonly logProbabilities?: Float32Array;
}

export const benchIds = (length: number, vocabulary: number): number[] =>
  Array.from({ length }, (_, i) => (i * 7919) % vocabulary);

export class SequenceProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Resolves when the model is open and has run a few tokens. */
  static async start(script: string, job: SequenceJob): Promise<SequenceProcess> {
    const child = fork(script, [], { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
    const started = new SequenceProcess(child);
    await started.send(job);
    return started;
  }

  ask(request: SequenceRequest): Promise<SequenceAnswer> {
    return this.send(request) as Promise<SequenceAnswer>;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }

  private send(message: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const done = (act: () => void): void => {
        this.child.off('message', onMessage).off('exit', onExit);
        act();
      };
      const onMessage = (answer: unknown): void => done(() => resolve(answer));
      const onExit = (code: number | null, signal: string | null): void =>
        done(() => reject(new Error(`the process of the model ended (${signal ?? code})`)));
      this.child.on('message', onMessage).on('exit', onExit);
      this.child.send(message);
    });
  }
}

/** The side of the process: opens by the first message, answers the others in turn, ends when the parent is gone. */
export function serveSequence(
  open: (job: SequenceJob) => Promise<{
    readonly answer: (request: SequenceRequest) => Promise<SequenceAnswer>;
    readonly close: () => Promise<void>;
  }>,
): void {
  let opened: ReturnType<typeof open> | undefined;
  process.on('message', (message: SequenceJob | SequenceRequest) => {
    void (async () => {
      if ('do' in message) process.send?.(await (await opened)?.answer(message));
      else {
        const side = await (opened = open(message));
        await side.answer({ do: 'prefill', length: 8 });
        process.send?.(await side.answer({ do: 'decode', tokens: 2 }));
      }
    })();
  });
  process.on('disconnect', () => {
    void opened?.then(({ close }) => close()).finally(() => process.exit());
  });
}
