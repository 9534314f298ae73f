/**
 * What goes into and comes out of a graph: arrays on the host, or tensors that stay on a device between graphs. Of the
 * providers of onnxruntime-node 1.30 WebGPU alone can hold one (webgpu-memory.ts): the binding gives CUDA, DirectML and
 * Core ML host memory only (2026-11), so there every output comes back after each graph. Several layers in one session would
 * cut those transfers; it is not built, because taps, chunks and layers that are opened again one by one need a session a
 * layer, and what it gains can be measured on such a device only.
 */

export type TypedArray = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;

/** A tensor that goes into or comes out of a run, row-major. float16 travels as its 16-bit patterns, bool as bytes. */
export interface RuntimeArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
}

export type RuntimeValues = Readonly<Record<string, RuntimeArray>>;

/** A float32 tensor on a device, row-major. It holds memory there until it is disposed of. */
export interface DeviceTensor {
  readonly shape: readonly number[];
  readonly memory: DeviceMemory;
  /** Once is enough; again does nothing. */
  dispose(): void;
}

export interface DeviceMemory {
  fetch(tensor: DeviceTensor): Promise<RuntimeArray>;
  /**
   * Rows of the tensor, in the order given and as often as they are named, as a new tensor of the shape. A row is as wide as
   * the shape has numbers for each: the last axes of the tensor.
   */
  rows(tensor: DeviceTensor, rows: readonly number[], shape: readonly number[]): Promise<DeviceTensor>;
  /** For each row of `width` numbers 0, or NaN where one of them is NaN or infinite. */
  faults(tensor: DeviceTensor, width: number): Promise<Float32Array>;
}

export type RuntimeValue = RuntimeArray | DeviceTensor;
export type RuntimeInputs = Readonly<Record<string, RuntimeValue>>;

export const isOnDevice = (value: RuntimeValue): value is DeviceTensor => 'memory' in value;

/** The value on the host; what is there already is not copied. */
export const fetched = async (value: RuntimeValue): Promise<RuntimeArray> =>
  isOnDevice(value) ? value.memory.fetch(value) : value;

export function dispose(...values: readonly (RuntimeValue | undefined)[]): void {
  for (const value of values) if (value && isOnDevice(value)) value.dispose();
}

/**
 * Outputs of one run that may stay on the device. A session that cannot keep them returns them with the others, so that `of`
 * has each of them after the run in any case. What is kept belongs to the caller, who disposes of it.
 */
export class KeptOutputs {
  private readonly held = new Map<string, DeviceTensor>();

  constructor(readonly names: readonly string[]) {}

  put(name: string, tensor: DeviceTensor): void {
    this.held.set(name, tensor);
  }

  of(name: string, values: RuntimeValues): RuntimeValue {
    const value = this.held.get(name) ?? values[name];
    if (!value) throw new TypeError(`the graph gave no "${name}"`);
    return value;
  }

  dispose(): void {
    dispose(...this.held.values());
  }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);
