/**
 * Where each graph of a model runs: on the device of the run, in standard operators, or on the cpu as it is built where the
 * device lacks one of its operators or gets it wrong. Which graphs those are is said with every result, never passed over.
 */
import { FailureError } from '../../../../protocol/wire/failures';
import type { DeviceId, RuntimeSession } from '../../../runtime/session';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../../../kernels/graph/onnx_pb';
import type { Dim } from '../../../../kernels/graph/dims';
import type { Graph } from '../../../../kernels/graph/graph';
import { inStandardOperators } from '../../../../kernels/graph/portable';
import { onnxTypeCode } from '../../../../kernels/graph/types';
import type { SelfTest } from '../../../../protocol/compute/api';
import { bytesInWords } from '../../../../protocol/wire/words';
import { missingOperator } from '../../../devices/missing-operators';
import { listed } from '../../../../protocol/wire/listed';

export interface Place {
  readonly device: DeviceId;
  readonly graph: Graph<Dim>;
}

/**
 * Bytes of a weight that one binding of every WebGPU adapter takes (the specification's least maxStorageBufferBindingSize).
 * onnxruntime 1.30 gives a larger one several bindings and fails in the run where the operator has too many of them: on Mesa's
 * lavapipe a weight of 1.1 GB runs and one of 2.2 GB needs 17 of 16 ("Too many storage buffers in shader"); the specification
 * promises 8. Linear maps are cut into products of fewer rows (StoredWeights.largest); a table whose rows are picked stays on
 * the cpu, where it is mapped from its file and not copied.
 */
export const webgpuBinding = 2 ** 27;

export class Placement {
  /** Why a graph runs on the cpu, by its name. */
  private readonly onCpu = new Map<string, string>();

  constructor(
    readonly device: DeviceId,
    /** Absent for the cpu. */
    private readonly selfTest: SelfTest | undefined,
    private readonly binding = webgpuBinding,
  ) {}

  /** Largest error of the self-test's product of matrices. */
  get productError(): number {
    return this.selfTest?.operators['MatMul']?.maxError ?? 0;
  }

  of(name: string, graph: Graph<Dim>): Place {
    const onCpu = { device: 'cpu', graph } as const;
    if (this.device === 'cpu' || this.onCpu.has(name)) return onCpu;
    const standard = inStandardOperators(graph);
    const missing = (this.selfTest && missingOperator(standard, this.selfTest)) ?? this.tooLarge(standard);
    if (missing === undefined) return { device: this.device, graph: standard };
    this.onCpu.set(name, missing);
    return onCpu;
  }

  private tooLarge(graph: Graph<Dim>): string | undefined {
    const bytes = this.device === 'webgpu' ? largestWeight(graph) : 0;
    if (bytes <= this.binding) return undefined;
    return `A weight of ${bytesInWords(bytes)} is more than every WebGPU adapter takes at once (${bytesInWords(this.binding)}).`;
  }

  /** The device did not take a graph, though it has its operators: for types or sizes that the self-test does not try. */
  refuse(name: string, why: string): void {
    this.onCpu.set(name, why);
  }

  /** One sentence for each reason. */
  sentences(): readonly string[] {
    const reasons = new Set(this.onCpu.values());
    return [...reasons].map((why) => {
      const names = [...this.onCpu.keys()].filter((name) => this.onCpu.get(name) === why);
      return `${partsOf(names)} on the CPU: ${why}`;
    });
  }
}

/** Bytes of the largest floating-point weight, as it is stored: MatMulNBits reads those in integers piece by piece. */
function largestWeight({ model }: Graph<Dim>): number {
  const sizes = fromBinary(ModelProtoSchema, model).graph?.initializer.map(({ dataType, dims }) => {
    const width = widths[dataType] ?? 0;
    return dims.reduce((product, dim) => product * Number(dim), width);
  });
  return Math.max(0, ...(sizes ?? []));
}

/** Bytes of a number, by the code of its type: float32, float16, bfloat16. */
const widths: Readonly<Record<number, number>> = {
  [onnxTypeCode.float32]: 4,
  [onnxTypeCode.float16]: 2,
  [onnxTypeCode.bfloat16]: 2,
};

const named: Readonly<Record<string, string>> = {
  embedding: 'the token embedding',
  head: 'the language head',
  patches: 'the patch embedding',
  connector: 'the connector',
  lens: 'the lens',
  'lens of tokens': 'the lens',
};

/** `The token embedding and layers 0 to 3 run`; `The gradient of layer 2 runs`. */
function partsOf(names: readonly string[]): string {
  const back = partsIn(names.filter(isGradient)).map((part) => `the gradient of ${part}`);
  const parts = [...partsIn(names.filter((name) => !isGradient(name))), ...back];
  const words = listed(parts);
  const several = parts.length > 1 || words.startsWith('layers');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} ${several ? 'run' : 'runs'}`;
}

const isGradient = (name: string): boolean => name.startsWith('gradient.');

function partsIn(names: readonly string[]): readonly string[] {
  const last = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const layers = [...new Set(names.map((name) => Number(last(name))))].filter((layer) => !Number.isNaN(layer));
  layers.sort((a, b) => a - b);
  const [from, to] = [layers[0], layers.at(-1)];
  const joined = from !== undefined && to !== undefined && to - from === layers.length - 1;
  return [
    ...new Set(names.flatMap((name) => named[last(name)] ?? [])),
    ...(layers.length === 0
      ? []
      : layers.length === 1
        ? [`layer ${from}`]
        : [`layers ${joined ? `${from} ${layers.length === 2 ? 'and' : 'to'} ${to}` : layers.join(', ')}`]),
  ];
}

/** A graph failed on a device, opened or run: its memory is full, or it was reset. The process is then done with the device. */
export class DeviceFault extends FailureError {}

/** The session, whose failures name the device and the graph. */
export function onDevice(session: RuntimeSession, device: DeviceId, graph: string): RuntimeSession {
  return {
    ...session,
    async run(feeds, fetches, kept) {
      try {
        return await session.run(feeds, fetches, kept);
      } catch (error) {
        // Feeds that do not fit the graph are a fault of ours.
        if (error instanceof TypeError || error instanceof RangeError) throw error;
        throw faultOf(device, graph, error);
      }
    },
  };
}

export function faultOf(device: DeviceId, graph: string, error: unknown): DeviceFault {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  return new DeviceFault({
    code: 'device-unavailable',
    device,
    detail: `It failed in "${graph}", because its memory is full or it was reset (${line?.slice(0, 300).replace(/[.!]$/, '')}). Run it again, with a shorter prompt, or on the cpu.`,
  });
}
