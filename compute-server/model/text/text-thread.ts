/**
 * Calls to the thread in which a folder's tokenizer and template run. The caller waits for the answer (a token is a matter of
 * microseconds); a thread that does not answer in its time is ended, wherever it is, and the next call starts a new one.
 */
import { join } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { overdue } from '../../../protocol/wire/time-limit';
import { processorSeconds } from '../../processes/processor-time';
import { TextFault, type TextCall, type TextFiles } from './text-library';
import type { TextAnswer, TextWorkerData } from './text-worker';

/** In the bundle the script is in the same folder. A thread does not load TypeScript by itself, so from sources it is given a loader. */
const fromSources = __filename.endsWith('.ts');
const script = fromSources
  ? `require('tsx/cjs'); require(${JSON.stringify(join(__dirname, 'text-worker.ts'))});`
  : join(__dirname, 'text-worker.js');

const startMs = 60_000;
/**
 * Computing time, where the system says what a thread computes. A published template renders in milliseconds, 16,000 tokens encode
 * in 50: `msPerSize` is thirty times that.
 */
const templateMs = 2000;
const callMs = 4000;
const msPerSize = 0.1;
/** The largest published tokenizers take a few seconds on an old machine. */
const openMsPerMegabyte = 1000;
/** How many times a limit the clock may show: on a busy machine a thread waits for a processor. */
const ceiling = { besideComputing: 10, alone: 3 };
/** Milliseconds between two looks at what the thread has computed. */
const lookEvery = 50;
/** 262,144 tokens with 580,000 merges, as large as published ones are, fit into 256 (measured 2026-11-27). */
const heapMegabytes = 768;
/** A thread that is not asked for so long is ended; the next call starts one. */
const idleMs = 60_000;

export class TextThread {
  private thread: { readonly worker: Worker; readonly call: (call: TextCall, ms: number) => TextAnswer } | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    private readonly files: TextFiles,
    private readonly limitMs = callMs,
  ) {}

  /** Throws a TextFault where it cannot be answered. */
  ask(call: TextCall): string | readonly number[] | readonly string[] {
    let extra = sizeOf(call) * msPerSize;
    if (!this.thread) {
      this.thread = this.start();
      extra += (this.files.tokenizer.length / 2 ** 20) * openMsPerMegabyte;
    }
    const answer = this.thread.call(call, Math.min(call.kind === 'chat' ? templateMs : callMs, this.limitMs) + extra);
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.end(), idleMs).unref();
    if ('fault' in answer) throw new TextFault(answer.fault);
    return answer.ok;
  }

  end(): void {
    clearTimeout(this.idle);
    void this.thread?.worker.terminate();
    this.thread = undefined;
  }

  private start(): NonNullable<TextThread['thread']> {
    const { port1: own, port2: port } = new MessageChannel();
    const flag = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(script, {
      eval: fromSources,
      execArgv: [],
      workerData: { port, flag, files: this.files } satisfies TextWorkerData,
      transferList: [port],
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    });
    worker.unref();
    own.unref();
    // It runs out of memory: its callers see that it is gone, or learn so when their time is over.
    worker.on('error', () => {});
    const used = (): number | undefined => {
      const number = Atomics.load(flag, 1);
      return number === 0 ? undefined : processorSeconds(`self/task/${number}`);
    };
    const waitFor = (ms: number, what: string): void => {
      const [start, before] = [performance.now(), used()];
      const seconds = ms / 1000;
      const limit = { seconds, ceiling: seconds * (before === undefined ? ceiling.alone : ceiling.besideComputing) };
      // The thread sets the flag and then notifies: a late notice of one answer may wake the wait for the next.
      while (Atomics.load(flag, 0) === 0) {
        const now = used();
        const own = before === undefined || now === undefined ? undefined : now - before;
        const isGone = before !== undefined && now === undefined;
        const waited = (performance.now() - start) / 1000;
        // An answer may have come before its thread went.
        if ((isGone || overdue(limit, { computed: own, waited }) !== undefined) && Atomics.load(flag, 0) === 0) {
          this.end();
          throw new TextFault(what);
        }
        Atomics.wait(flag, 0, 0, lookEvery);
      }
    };
    waitFor(startMs, 'its thread did not start');
    return {
      worker,
      call: (call, ms) => {
        Atomics.store(flag, 0, 0);
        own.postMessage(call);
        waitFor(ms, `it was stopped after ${Math.round(ms / 100) / 10} s: it takes too long, or too much memory`);
        return (receiveMessageOnPort(own) as { readonly message: TextAnswer }).message;
      },
    };
  }
}

/** Characters or tokens. */
function sizeOf(call: TextCall): number {
  switch (call.kind) {
    case 'open':
      return 0;
    case 'encode':
    case 'named':
      return call.text.length;
    case 'decode':
    case 'pieces':
      return call.ids.length;
    case 'chat':
      return typeof call.content === 'string' ? call.content.length : 0;
  }
}
