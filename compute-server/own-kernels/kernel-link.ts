/**
 * Asks a kernel process and waits for its answer, as mechanisms are asked. A thread keeps the process, ends it when it does not
 * answer, and starts it again with the next question.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import type { KernelAnswers, KernelQuestion } from '../../kernels/own/kernel-file';
import { FailureError, type FilePlace } from '../../protocol/wire/failures';
import type { Asked, Fault, NamedNumbers, Reply } from './messages';

export interface LinkData {
  readonly file: string;
  readonly root: string;
  readonly port: MessagePort;
  /** 1 when an answer is there. */
  readonly flag: Int32Array;
}

/** `end`: the thread ends when its process has. */
export type ToKernelThread = Asked | 'end';

/** A fault of the person's file, which names its place. */
export class KernelFault extends FailureError {
  constructor(readonly fault: Fault) {
    super({ code: 'kernel-file', detail: inWords(fault), ...fault });
    this.message = inWords(fault);
  }
}

const inWords = ({ sentence, place }: Fault): string => (place ? `${placeWords(place)}: ${sentence}` : sentence);

const placeWords = ({ file, line, column }: FilePlace): string =>
  `${file}:${line}${column === undefined ? '' : `:${column}`}`;

/** Longer than the thread gives the process: it always answers. */
const longestWaitMs = 600_000;

export class KernelLink {
  private readonly flag = new Int32Array(new SharedArrayBuffer(4));
  private running: { readonly worker: Worker; readonly port: MessagePort } | undefined;

  constructor(
    private readonly file: string,
    private readonly root: string,
  ) {}

  ask<K extends KernelQuestion['kind']>(
    question: Extract<KernelQuestion, { readonly kind: K }>,
    numbers: NamedNumbers = [],
  ): { readonly value: KernelAnswers[K]; readonly bytes?: Uint8Array; readonly numbers?: Float64Array } {
    const { port } = (this.running ??= this.start());
    Atomics.store(this.flag, 0, 0);
    port.postMessage({ question, numbers } satisfies ToKernelThread);
    Atomics.wait(this.flag, 0, 0, longestWaitMs);
    const received: { readonly message: Reply } | undefined = receiveMessageOnPort(port);
    const reply: Reply = received?.message ?? { fault: { sentence: 'The kernel process did not answer.' } };
    if ('fault' in reply) throw new KernelFault(reply.fault);
    const { json, ...beside } = reply.ok;
    return { value: JSON.parse(json) as KernelAnswers[K], ...beside };
  }

  /** Ends the process: nothing of it runs beside what is timed. The next question starts it again. */
  async rest(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    if (!running) return;
    // Ending the thread alone leaves the process to notice it, while others are timed already.
    const ended = once(running.worker, 'exit');
    running.port.postMessage('end' satisfies ToKernelThread);
    await ended;
    running.port.close();
  }

  private start(): { readonly worker: Worker; readonly port: MessagePort } {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(join(__dirname, 'kernel-thread.js'), {
      execArgv: [],
      workerData: { file: this.file, root: this.root, port: port2, flag: this.flag } satisfies LinkData,
      transferList: [port2],
    });
    worker.unref();
    port1.unref();
    worker.on('error', () => {});
    return { worker, port: port1 };
  }
}
