/**
 * A device that is none: its memory are arrays that only it reads, and its sessions are those of the cpu. What is fetched is
 * counted, and so is what is held.
 */
import type { LayerSessions } from '../../../compute-server/model/run/graphs/layer-sessions';
import type { Piece } from '../../../compute-server/model/run/graphs/pieces';
import type { RuntimeSession } from '../../../compute-server/runtime/session';
import {
  isOnDevice,
  type DeviceMemory,
  type DeviceTensor,
  type RuntimeArray,
  type RuntimeInputs,
} from '../../../compute-server/runtime/values';

class FakeTensor implements DeviceTensor {
  disposed = false;

  constructor(
    readonly memory: FakeDevice,
    readonly data: Float32Array,
    readonly shape: readonly number[],
  ) {
    memory.live.add(this);
  }

  dispose(): void {
    this.disposed = true;
    this.memory.live.delete(this);
  }
}

export class FakeDevice implements DeviceMemory {
  readonly live = new Set<DeviceTensor>();
  /** Shapes of what was fetched. */
  readonly fetches: (readonly number[])[] = [];
  /** The most tensors held at once. */
  most = 0;

  fetch(tensor: DeviceTensor): Promise<RuntimeArray> {
    this.fetches.push(tensor.shape);
    return Promise.resolve({ data: dataOf(tensor).slice(), shape: tensor.shape });
  }

  rows(tensor: DeviceTensor, rows: readonly number[], shape: readonly number[]): Promise<DeviceTensor> {
    const data = dataOf(tensor);
    const width = shape.reduce((product, axis) => product * axis, 1) / rows.length;
    const picked = rows.flatMap((row) => Array.from(data.subarray(row * width, (row + 1) * width)));
    return Promise.resolve(this.hold(Float32Array.from(picked), shape));
  }

  faults(tensor: DeviceTensor, width: number): Promise<Float32Array> {
    const data = dataOf(tensor);
    return Promise.resolve(
      Float32Array.from({ length: data.length / width }, (_, row) =>
        data.subarray(row * width, (row + 1) * width).every(Number.isFinite) ? 0 : Number.NaN,
      ),
    );
  }

  hold(data: Float32Array, shape: readonly number[]): DeviceTensor {
    const tensor = new FakeTensor(this, data, shape);
    this.most = Math.max(this.most, this.live.size);
    return tensor;
  }

  /** The sessions, those of the pieces that `there` takes as if they ran on this device. */
  sessions(real: LayerSessions, there: (piece: Piece) => boolean = () => true): LayerSessions {
    const places = Object.create(real.places, {
      areOnCpu: { value: false },
      deviceOfLayer: {
        value: (layer: number) => (there({ kind: 'block', layer, instrumented: true }) ? 'webgpu' : 'cpu'),
      },
    }) as LayerSessions['places'];
    const sessions = Object.create(real, { places: { value: places } }) as LayerSessions;
    sessions.session = async (piece) => {
      const session = await real.session(piece);
      return there(piece) ? this.session(session) : session;
    };
    return sessions;
  }

  private session(real: RuntimeSession): RuntimeSession {
    const run: RuntimeSession['run'] = async (feeds, fetches, kept) => {
      const values = await real.run(near(feeds), fetches);
      const rest = { ...values };
      for (const name of kept?.names ?? []) {
        const value = values[name];
        if (!value) continue;
        if (!(value.data instanceof Float32Array)) throw new TypeError(`"${name}" is not float32`);
        kept?.put(name, this.hold(value.data, value.shape));
        delete rest[name];
      }
      return rest;
    };
    return Object.assign(Object.create(real) as RuntimeSession, { run, keeps: true });
  }
}

function dataOf(tensor: DeviceTensor): Float32Array {
  if (!(tensor instanceof FakeTensor)) throw new TypeError('a tensor of another device');
  if (tensor.disposed) throw new TypeError('the tensor was disposed of');
  return tensor.data;
}

const near = (feeds: RuntimeInputs): RuntimeInputs =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [
      name,
      isOnDevice(value) ? { data: dataOf(value), shape: value.shape } : value,
    ]),
  );
