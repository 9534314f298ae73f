/**
 * The compute server that checks a person's files and times their kernels. It is a process of its own: a cancelled check, a loop
 * without end or a graph that brings the runtime down ends this one, and no model that is loaded, no other run. It is ended when
 * nothing was asked for a while.
 */
import type { ComputeMethod, ComputeMethods } from '../../protocol/compute/api';
import { ComputeClient, type CallOptions, type ComputeClientOptions } from '../../protocol/compute/client';

/** A person who works on a file saves it again before that. */
const idleMilliseconds = 120_000;

/** The check of files, or the timing of kernel files. */
export const ofOwnFiles = (method: ComputeMethod, [first]: readonly unknown[]): boolean =>
  ['checkKernel', 'analysisOfFile', 'taskOfFile'].includes(method) ||
  (method === 'benchmark' && (first as ComputeMethods['benchmark']['args'][0]).kernels !== undefined);

export class OwnFilesServer {
  private readonly client: ComputeClient;
  private readonly after: ComputeClientOptions['after'];
  private calls = 0;
  private stopClock = (): void => undefined;

  constructor(options: Pick<ComputeClientOptions, 'start' | 'after' | 'onLog'>) {
    this.after = options.after;
    const onCrash = (why: string): void => options.onLog?.('warn', `The compute server of own files is gone: ${why}.`);
    this.client = new ComputeClient({ ...options, onCrash });
  }

  async call<M extends ComputeMethod>(
    method: M,
    args: ComputeMethods[M]['args'],
    options: CallOptions<M>,
  ): Promise<ComputeMethods[M]['result']> {
    this.stopClock();
    this.calls += 1;
    try {
      return await this.client.call(method, args, options);
    } finally {
      this.calls -= 1;
      if (this.calls === 0) this.stopClock = this.after(idleMilliseconds, () => this.end());
    }
  }

  /** The next call starts it anew. */
  end(): void {
    this.stopClock();
    this.client.end();
  }

  dispose(): void {
    this.stopClock();
    this.client.dispose();
  }
}
