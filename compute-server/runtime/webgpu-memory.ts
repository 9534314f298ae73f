/**
 * Tensors that stay in the memory of the WebGPU device between sessions: outputs of one are inputs of the next.
 *
 * Facts of onnxruntime-node 1.30.0 (2026-11-27, Mesa's lavapipe) that shape this file:
 * - A session with `preferredOutputLocation` has to fetch all its outputs in every run ("Output count mismatch"), and a layer
 *   has some thirty. A tensor given as the place of an output (`run(feeds, {name: tensor})`) may lie on the device, and others
 *   are fetched to the host beside it: so memory comes first, from a small session with one output, and is written to by all.
 * - `getData()` of a tensor on the device aborts the process. A small session that copies rows, without a place for its output,
 *   gives them on the host.
 * - All sessions of a process share the device and its queue: a buffer may be given to the next run as soon as the run that
 *   reads it was begun. A tensor may be of fewer numbers than its buffer holds.
 * - A buffer that is disposed of after the last session was released ends the process (SIGSEGV): the small sessions are never
 *   released. Making and freeing a buffer each time leaves some 0.8 MB behind; so buffers are used again.
 */
import type * as Runtime from 'onnxruntime-node';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import { multiply } from '../../kernels/graph/operators/elementwise';
import { gather } from '../../kernels/graph/operators/layout';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import { loadRuntime } from './load';
import { sizeOf, type DeviceMemory, type DeviceTensor, type RuntimeArray } from './values';

/** Bytes that went between the host and the device so far, and tensors that are held there now. */
export interface Transfers {
  /** Inputs of runs. */
  sentBytes: number;
  /** Outputs of runs. */
  fetchedBytes: number;
  liveTensors: number;
}

export const transfers: Transfers = { sentBytes: 0, fetchedBytes: 0, liveTensors: 0 };

/** Buffers that are kept for the next tensors, in bytes together; more are freed. */
const spareBytes = 256e6;

interface Buffer {
  readonly owner: Tensor;
  /** float32 numbers. */
  readonly size: number;
}

class WebgpuTensor implements DeviceTensor {
  private disposed = false;

  constructor(
    readonly memory: WebgpuMemory,
    readonly shape: readonly number[],
    private readonly buffer: Buffer,
  ) {
    transfers.liveTensors += 1;
  }

  /** As the runtime takes it, seen in another shape if one is given. */
  seen(shape = this.shape): Tensor {
    if (this.disposed) throw new TypeError('the tensor was disposed of');
    return this.memory.seen(this.buffer, shape);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    transfers.liveTensors -= 1;
    this.memory.giveBack(this.buffer);
  }
}

export class WebgpuMemory implements DeviceMemory {
  /** By size. */
  private readonly spare = new Map<number, Buffer[]>();
  private spareNow = 0;

  private constructor(
    private readonly ort: typeof Runtime,
    private readonly sessions: Readonly<Record<'allocate' | 'rows' | 'faults', InferenceSession>>,
  ) {}

  static async open(): Promise<WebgpuMemory> {
    const ort = await loadRuntime();
    const open = (graph: Graph<Dim>, onDevice = false) =>
      ort.InferenceSession.create(graph.model, {
        executionProviders: ['webgpu'],
        enableMemPattern: false,
        graphOptimizationLevel: 'basic',
        logSeverityLevel: 3,
        ...(onDevice ? { preferredOutputLocation: 'gpu-buffer' } : {}),
        extra: { session: { disable_cpu_ep_fallback: '1' } },
      });
    const memory = new WebgpuMemory(ort, {
      allocate: await open(allocationGraph(), true),
      rows: await open(rowsGraph()),
      faults: await open(faultsGraph()),
    });
    await memory.requireRight();
    return memory;
  }

  /** A driver is judged by numbers: rows written, moved and read again, and numbers that are not finite found. */
  private async requireRight(): Promise<void> {
    const rows = [
      [1, -2],
      [Number.NaN, 0],
      [3, -Infinity],
      [1e38, -1e-38],
    ];
    const x = new this.ort.Tensor('float32', Float32Array.from(rows.flat()), [4, 2]);
    const written = await this.allocate([4, 2]);
    await this.sessions.rows.run({ x, rows: this.numbered([3, 2, 1, 0]) }, { y: written.seen() });
    const moved = await this.rows(written, [3, 2, 1, 2, 0], [5, 2]);
    const { data } = await this.fetch(moved);
    const faults = await this.faults(moved, 2);
    for (const tensor of [written, moved]) tensor.dispose();
    const expected = [0, 1, 2, 1, 3].flatMap((row) => rows[row] ?? []).map(Math.fround);
    const right =
      expected.every((value, at) => Object.is(data[at], value)) &&
      [0, Number.NaN, Number.NaN, Number.NaN, 0].every((value, at) => Object.is(Math.abs(faults[at] ?? 1), value));
    if (!right) throw new TypeError('the device gives other numbers back than were written');
  }

  async allocate(shape: readonly number[]): Promise<WebgpuTensor> {
    const size = roomFor(sizeOf(shape));
    const spare = this.spare.get(size)?.pop();
    if (spare) {
      this.spareNow -= 4 * size;
      return new WebgpuTensor(this, shape, spare);
    }
    const { ort } = this;
    const { y } = await this.sessions.allocate.run({
      zero: new ort.Tensor('float32', new Float32Array(1), [1]),
      shape: new ort.Tensor('int64', BigInt64Array.of(BigInt(size)), [1]),
    });
    if (y?.location !== 'gpu-buffer') throw new TypeError('the device gave no memory');
    return new WebgpuTensor(this, shape, { owner: y, size });
  }

  async fetch(tensor: DeviceTensor): Promise<RuntimeArray> {
    const { shape } = tensor;
    const size = sizeOf(shape);
    if (size === 0) return { data: new Float32Array(0), shape };
    return { data: await this.fetchRows(seen(tensor, [1, size]), [0]), shape };
  }

  async rows(tensor: DeviceTensor, rows: readonly number[], shape: readonly number[]): Promise<DeviceTensor> {
    const width = sizeOf(shape) / rows.length;
    const out = await this.allocate(shape);
    try {
      await this.sessions.rows.run(
        { x: seen(tensor, [sizeOf(tensor.shape) / width, width]), rows: this.numbered(rows) },
        { y: out.seen([rows.length, width]) },
      );
    } catch (error) {
      out.dispose();
      throw error;
    }
    return out;
  }

  async faults(tensor: DeviceTensor, width: number): Promise<Float32Array> {
    const { y } = await this.sessions.faults.run({ x: seen(tensor, [sizeOf(tensor.shape) / width, width]) });
    return counted(y);
  }

  seen({ owner }: Buffer, shape: readonly number[]): Tensor {
    return this.ort.Tensor.fromGpuBuffer(owner.gpuBuffer, { dataType: 'float32', dims: shape });
  }

  giveBack(buffer: Buffer): void {
    const bytes = 4 * buffer.size;
    if (this.spareNow + bytes > spareBytes) {
      buffer.owner.dispose();
      return;
    }
    this.spareNow += bytes;
    const spare = this.spare.get(buffer.size);
    if (spare) spare.push(buffer);
    else this.spare.set(buffer.size, [buffer]);
  }

  private async fetchRows(x: Tensor, rows: readonly number[]): Promise<Float32Array> {
    const { y } = await this.sessions.rows.run({ x, rows: this.numbered(rows) });
    return counted(y);
  }

  private numbered(rows: readonly number[]): Tensor {
    transfers.sentBytes += 4 * rows.length;
    return new this.ort.Tensor('int32', Int32Array.from(rows), [rows.length]);
  }
}

let opening: Promise<WebgpuMemory | undefined> | undefined;

/** That of the process, opened with the first tensor that stays; undefined where it does not open or gives wrong numbers. */
export const webgpuMemory = (): Promise<WebgpuMemory | undefined> =>
  (opening ??= WebgpuMemory.open().catch(() => undefined));

/** As the runtime takes a tensor of this memory. */
export function seen(tensor: DeviceTensor, shape?: readonly number[]): Tensor {
  if (tensor instanceof WebgpuTensor) return tensor.seen(shape);
  throw new TypeError('the tensor lies on another device');
}

function counted(y: Tensor | undefined): Float32Array {
  if (!(y?.data instanceof Float32Array)) throw new TypeError('the device gave no numbers');
  transfers.fetchedBytes += y.data.byteLength;
  return y.data;
}

/** Numbers of the buffer for so many: 64, then four sizes between powers of two, so that near sizes share buffers. */
function roomFor(size: number): number {
  let step = 16;
  while (8 * step < size) step *= 2;
  return Math.max(64, Math.ceil(size / step) * step);
}

function allocationGraph(): Graph<Dim> {
  const graph = new GraphBuilder('allocate');
  const zero = graph.input('zero', 'float32', [1]);
  const shape = graph.input('shape', 'int64', [1]);
  graph.output(graph.node('Expand', [zero, shape], [{ type: 'float32', shape: ['n'], name: 'y' }])[0]);
  return graph.finishDynamic();
}

function rowsGraph(): Graph<Dim> {
  const graph = new GraphBuilder('rows');
  const x = graph.input('x', 'float32', ['m', 'w']);
  graph.output(gather(x, graph.input('rows', 'int32', ['n']), 0, 'y'));
  return graph.finishDynamic();
}

/** 0 times anything finite is 0, and a sum with NaN in it is NaN. */
function faultsGraph(): Graph<Dim> {
  const graph = new GraphBuilder('faults');
  const x = graph.input('x', 'float32', ['n', 'w']);
  graph.output(reduceSum(multiply(x, 0), [-1], false, 'y'));
  return graph.finishDynamic();
}
