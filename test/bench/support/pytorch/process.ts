/** PyTorch beside Headscope: a process that is asked in lines of JSON. No part of the tests: a person who runs the bench brings it. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Python that has PyTorch: HEADSCOPE_PYTHON, else the system's own. */
const python = process.env['HEADSCOPE_PYTHON'] ?? '/usr/bin/python3';

export interface Compared {
  readonly original: number;
  readonly counterpart: number;
  /** By head and MLP, layer by layer: changes of the metric. */
  readonly exact: readonly number[];
  readonly gradient: readonly number[];
  readonly integrated: readonly number[];
}

/** Seconds of computing time, and the loss. */
export interface Timed {
  readonly loss: number;
  readonly forward: number;
  readonly both: number;
}

export interface CompareJob {
  readonly do: 'compare';
  readonly ids: readonly number[];
  readonly other: readonly number[];
  readonly right: number;
  readonly wrong: number;
  readonly steps: number;
}

export interface TimeJob {
  readonly do: 'time';
  readonly ids: readonly number[];
  /** Attention in one fused operator, or as products and a softmax. */
  readonly fused: boolean;
}

export class PyTorch {
  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
    readonly version: string,
  ) {}

  static async start(folder: string, threads: number): Promise<PyTorch> {
    const child = spawn(python, [join(__dirname, 'llama.py'), folder, String(threads)]);
    child.stderr.pipe(process.stderr);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) {
      throw new Error(`${python} has no PyTorch. Name one that has it in HEADSCOPE_PYTHON.`);
    }
    const { version } = JSON.parse(first.value) as { readonly version: string };
    return new PyTorch(child, lines, version);
  }

  ask(job: CompareJob): Promise<Compared>;
  ask(job: TimeJob): Promise<Timed>;
  async ask(job: CompareJob | TimeJob): Promise<Compared | Timed> {
    this.child.stdin.write(`${JSON.stringify(job)}\n`);
    const line = await this.lines.next();
    if (line.done) throw new Error('PyTorch stopped.');
    return JSON.parse(line.value) as Compared | Timed;
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.child.once('exit', done));
    this.child.stdin.end();
    await gone;
  }
}
