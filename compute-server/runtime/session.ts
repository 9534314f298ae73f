/**
 * A graph opened in onnxruntime. This folder alone knows the runtime: the rest of the compute server sees graphs, typed
 * arrays and shapes.
 *
 * Facts of onnxruntime-node 1.30.0 (2026-11-24) that shape this file: `run` and session creation block the thread, whatever
 * their promises say; asking for a provider that is not there throws and never falls back; unknown option keys are accepted
 * in silence; float16 data comes out as a Uint16Array up to Node 22 and as a Float16Array from Node 24.
 */
import type * as Runtime from 'onnxruntime-node';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { sizeOfDim, type Dim } from '../../kernels/graph/dims';
import type { Graph, GraphValue } from '../../kernels/graph/graph';
import { loadRuntime } from './load';
import {
  fetched,
  isOnDevice,
  sizeOf,
  type KeptOutputs,
  type RuntimeArray,
  type RuntimeInputs,
  type RuntimeValues,
  type TypedArray,
} from './values';
import { seen, transfers, webgpuMemory } from './webgpu-memory';

export type { RuntimeArray, RuntimeValues } from './values';

export const deviceIds = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const;
export type DeviceId = (typeof deviceIds)[number];

export interface SessionSettings {
  readonly device: DeviceId;
  /** Threads of one operator; 0: as many as the runtime chooses. */
  readonly threads: number;
  /** Keep freed memory for the next run (default). Without it runs are slower and the process smaller. */
  readonly arena?: boolean;
  /** Let operators that the device's provider lacks run on the cpu (default: no, opening fails instead). */
  readonly cpuFallback?: boolean;
  /** Folder that the locations of external weights are relative to; onnxruntime refuses to read outside it. */
  readonly weightsFolder?: string;
  /**
   * The one file that all external weights of the graph are in, as bytes instead: none is then read from a folder. The runtime
   * keeps a copy beside what it lays out for its products.
   */
  readonly weightsFile?: { readonly location: string; readonly data: Uint8Array };
  /**
   * `basic` leaves out fusions that change the order of additions: then two graphs that differ by an unused branch give the
   * same bits (SkipLayerNormalization, seen with 1.30.0, 2026-11-24). Default: all.
   */
  readonly optimisation?: 'basic' | 'all';
  /**
   * Lay float32 weights out anew for the products of matrices (default). Without it external weights stay mapped from their
   * file and opening copies nothing: 0.15 s instead of 1.5 s a GB, 1.1 instead of 2 times the file while it opens, products of
   * many rows 5 to 12 % slower, those of one row as fast (1.30, 2026-11). Never without it for MatMulNBits.
   */
  readonly prepack?: boolean;
}

/** Inputs and outputs allocated once, so that a timed run holds the runtime's work alone. */
export interface BoundRun {
  /** Runs once; the outputs are overwritten by the next run. */
  run(): Promise<RuntimeValues>;
}

export interface RuntimeSession {
  readonly inputs: readonly GraphValue<Dim>[];
  readonly outputs: readonly GraphValue<Dim>[];
  /** Whether outputs stay on the device when they are asked to. */
  readonly keeps: boolean;
  /**
   * Runs the graph; `fetches` names the outputs wanted (default all): outputs that are not fetched cost almost nothing. Inputs
   * may lie on a device: a session elsewhere fetches them. Of the outputs wanted, those that `kept` names stay on the device.
   */
  run(feeds: RuntimeInputs, fetches?: readonly string[], kept?: KeptOutputs): Promise<RuntimeValues>;
  /** Needs outputs of fixed shape. */
  bind(feeds: RuntimeValues, fetches?: readonly string[]): BoundRun;
  release(): Promise<void>;
}

export async function openSession(graph: Graph<Dim>, settings: SessionSettings): Promise<RuntimeSession> {
  const ort = await loadRuntime();
  const session = await ort.InferenceSession.create(graph.model, options(settings));
  const inputs = new Map(graph.inputs.map((value) => [value.name, value]));
  const outputs = new Map(graph.outputs.map((value) => [value.name, value]));

  const { device } = settings;
  const keeps = device === 'webgpu';

  const feed = (feeds: RuntimeInputs): Record<string, Tensor> => {
    for (const name of inputs.keys()) {
      if (!feeds[name]) throw new TypeError(`the graph needs the input "${name}"`);
    }
    return Object.fromEntries(
      Object.entries(feeds).map(([name, value]) => {
        const declared = inputs.get(name);
        if (!declared) throw new TypeError(`the graph has no input "${name}"`);
        if (isOnDevice(value)) return [name, seen(value)];
        return [name, tensorOf(ort, declared, { data: checked(declared, value), shape: value.shape })];
      }),
    );
  };

  /** Those on a device that this session does not run on come to the host. */
  const reachable = async (feeds: RuntimeInputs): Promise<RuntimeInputs> => {
    const far = Object.entries(feeds).filter(([, value]) => isOnDevice(value) && device !== 'webgpu');
    if (far.length === 0) return feeds;
    const near: Record<string, RuntimeArray> = {};
    for (const [name, value] of far) near[name] = await fetched(value);
    return { ...feeds, ...near };
  };

  /** Memory on the device for outputs, whose shapes are those of the inputs. */
  const keep = async (names: readonly string[], kept: KeptOutputs, feeds: RuntimeInputs) => {
    const memory = await webgpuMemory();
    const sizes = sizesOf(graph.inputs, feeds);
    const places: Record<string, Tensor> = {};
    if (!memory) return places;
    for (const name of kept.names.filter((each) => names.includes(each))) {
      const shape = outputs.get(name)?.shape.map((dim) => sizeOfDim(dim, sizes) ?? Number.NaN) ?? [Number.NaN];
      if (shape.some(Number.isNaN)) throw new TypeError(`the shape of the output "${name}" is not that of the inputs`);
      const tensor = await memory.allocate(shape);
      kept.put(name, tensor);
      places[name] = seen(tensor);
    }
    return places;
  };

  const wanted = (fetches?: readonly string[]): readonly GraphValue<Dim>[] =>
    (fetches ?? [...outputs.keys()]).map((name) => {
      const declared = outputs.get(name);
      if (!declared) throw new TypeError(`the graph has no output "${name}"`);
      return declared;
    });

  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    keeps,
    async run(feeds, fetches, kept) {
      const names = wanted(fetches).map((value) => value.name);
      const near = await reachable(feeds);
      const given = feed(near);
      let results: InferenceSession.OnnxValueMapType;
      try {
        const places = kept && keeps ? await keep(names, kept, near) : {};
        results = await session.run(given, Object.fromEntries(names.map((name) => [name, places[name] ?? null])));
      } catch (error) {
        kept?.dispose();
        throw error;
      }
      const arrays = Object.entries(results).filter(([, value]) => value.location === 'cpu');
      const values = Object.fromEntries(
        arrays.map(([name, value]) => [name, { data: bits(value.data), shape: value.dims }]),
      );
      if (device !== 'cpu') countTransfers(near, values);
      return values;
    },
    bind(feeds, fetches) {
      const bound = feed(feeds);
      const values = wanted(fetches);
      const arrays = Object.fromEntries(values.map((value) => [value.name, emptyArray(value)]));
      // The runtime writes into these arrays, though the tensors it returns are other objects.
      const into = Object.fromEntries(values.map((value) => [value.name, tensorOf(ort, value, arrays[value.name]!)]));
      return {
        async run() {
          await session.run(bound, into);
          return arrays;
        },
      };
    },
    release: () => session.release(),
  };
}

function options(settings: SessionSettings): InferenceSession.SessionOptions {
  return {
    executionProviders: [settings.device],
    ...(settings.threads > 0 ? { intraOpNumThreads: settings.threads } : {}),
    interOpNumThreads: 1,
    // The first run of a shape takes its memory piece by piece, the second as one planned block beside what the first
    // holds: tiled attention at n = 8192 grew by 351 MB with the plan, by 186 MB without, at the same time (1.30, 2026-11).
    enableMemPattern: false,
    enableCpuMemArena: settings.arena ?? true,
    graphOptimizationLevel: settings.optimisation ?? 'all',
    // 3 = errors: the qk outputs of the attention operators warn about their shape on every run.
    logSeverityLevel: 3,
    ...(settings.weightsFile === undefined
      ? {}
      : { externalData: [{ path: settings.weightsFile.location, data: settings.weightsFile.data }] }),
    extra: {
      session: {
        // Threads of a session that has finished must not spin while another session is timed.
        force_spinning_stop: '1',
        ...(settings.prepack === false ? { disable_prepacking: '1' } : {}),
        ...(settings.device !== 'cpu' && !settings.cpuFallback ? { disable_cpu_ep_fallback: '1' } : {}),
        ...(settings.weightsFolder === undefined
          ? {}
          : { model_external_initializers_file_folder_path: settings.weightsFolder }),
      },
    },
  };
}

/** Sizes of the named dimensions of the inputs. */
function sizesOf(inputs: readonly GraphValue<Dim>[], feeds: RuntimeInputs): Record<string, number> {
  return Object.fromEntries(
    inputs.flatMap(({ name, shape }) => shape.map((dim, axis) => [dim, feeds[name]?.shape[axis] ?? Number.NaN])),
  );
}

function countTransfers(feeds: RuntimeInputs, values: RuntimeValues): void {
  for (const value of Object.values(feeds)) if (!isOnDevice(value)) transfers.sentBytes += value.data.byteLength;
  for (const { data } of Object.values(values)) transfers.fetchedBytes += data.byteLength;
}

const arrayOf = {
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** The type as the runtime's tensors carry it. */
function carried(value: GraphValue<Dim>): keyof typeof arrayOf {
  if (value.type === 'bfloat16') {
    throw new TypeError(`"${value.name}" is bfloat16, which cannot go in or out of a graph: cast it inside`);
  }
  return value.type;
}

function checked(declared: GraphValue<Dim>, value: RuntimeArray): TypedArray {
  const kind = arrayOf[carried(declared)];
  if (!(value.data instanceof kind)) {
    throw new TypeError(`the input "${declared.name}" is ${declared.type} and takes a ${kind.name}`);
  }
  if (sizeOf(value.shape) !== value.data.length) {
    throw new RangeError(
      `the input "${declared.name}" of shape [${value.shape.join(', ')}] holds ${value.data.length} numbers`,
    );
  }
  return value.data;
}

/**
 * A tensor on the array itself. Where Float16Array exists (Node 24), ort.Tensor lays one over the bits of a float16 tensor,
 * of which the binding then sees no byte ("not enough space: expected 8, got 0", 1.30.0, 2026-11-26): the bits go in as
 * uint16 and get their type afterwards, as the binding reads both from properties and takes a Uint16Array for float16.
 */
function tensorOf(ort: typeof Runtime, declared: GraphValue<Dim>, { data, shape }: RuntimeArray): Tensor {
  const type = carried(declared);
  if (type !== 'float16') return new ort.Tensor(type, data, shape);
  return Object.assign(new ort.Tensor('uint16', data, shape), { type });
}

function emptyArray(value: GraphValue<Dim>): RuntimeArray {
  const shape = value.shape.map((dim) => {
    if (typeof dim === 'number') return dim;
    throw new TypeError(`the output "${value.name}" has no fixed shape: use run instead of bind`);
  });
  return { data: new arrayOf[carried(value)](sizeOf(shape)), shape };
}

/** The data of an output as one of our array types (a Float16Array becomes its bit patterns). */
function bits(data: Tensor['data']): TypedArray {
  for (const kind of Object.values(arrayOf)) if (data instanceof kind) return data;
  if (ArrayBuffer.isView(data)) return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  throw new TypeError('the graph returned text, which no graph of Headscope does');
}

/** `onnxruntime-node 1.30.0`, for the provenance of results. */
export async function runtimeVersion(): Promise<string> {
  const ort = await loadRuntime();
  return `onnxruntime-node ${ort.env.versions.node ?? 'unknown'}`;
}
