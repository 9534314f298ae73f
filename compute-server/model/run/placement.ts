/**
 * Where each graph of a model runs: on the device of the run, in standard operators, or on the cpu as it is built where the
 * device lacks one of its operators or gets it wrong. Which graphs those are is said with every result, never passed over.
 */
import type { Dim } from '../../../kernels/graph/dims';
import type { Graph } from '../../../kernels/graph/graph';
import { inStandardOperators } from '../../../kernels/graph/portable';
import type { SelfTest } from '../../../protocol/compute/api';
import { missingOperator } from '../../devices/missing-operators';
import type { DeviceId } from '../../runtime/session';

export interface Place {
  readonly device: DeviceId;
  readonly graph: Graph<Dim>;
}

export class Placement {
  /** Why a graph runs on the cpu, by its name. */
  private readonly onCpu = new Map<string, string>();

  constructor(
    readonly device: DeviceId,
    /** Of another device than the cpu. */
    private readonly selfTest: SelfTest | undefined,
  ) {}

  /** Largest error of the self-test's product of matrices. */
  get productError(): number {
    return this.selfTest?.operators['MatMul']?.maxError ?? 0;
  }

  of(name: string, graph: Graph<Dim>): Place {
    const onCpu = { device: 'cpu', graph } as const;
    if (this.device === 'cpu' || this.onCpu.has(name)) return onCpu;
    const standard = inStandardOperators(graph);
    const missing = this.selfTest && missingOperator(standard, this.selfTest);
    if (missing === undefined) return { device: this.device, graph: standard };
    this.onCpu.set(name, missing);
    return onCpu;
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

const named: Readonly<Record<string, string>> = {
  embedding: 'the token embedding',
  head: 'the language head',
  patches: 'the patch embedding',
  connector: 'the connector',
  lens: 'the lens',
  'lens of tokens': 'the lens',
};

/** `The token embedding and layers 0 to 3 run`. */
function partsOf(names: readonly string[]): string {
  const layers = [...new Set(names.flatMap((name) => /\.(\d+)$/.exec(name)?.[1] ?? []).map(Number))];
  layers.sort((a, b) => a - b);
  const [first, last] = [layers[0], layers.at(-1)];
  const joined = last !== undefined && first !== undefined && last - first === layers.length - 1;
  const parts = [
    ...new Set(names.flatMap((name) => named[name] ?? [])),
    ...(layers.length === 0
      ? []
      : layers.length === 1
        ? [`layer ${first}`]
        : [`layers ${joined ? `${first} ${layers.length === 2 ? 'and' : 'to'} ${last}` : layers.join(', ')}`]),
  ];
  const listed = [parts.slice(0, -1).join(', '), parts.at(-1) ?? ''].filter((part) => part !== '').join(' and ');
  const several = parts.length > 1 || layers.length > 1;
  return `${listed.charAt(0).toUpperCase()}${listed.slice(1)} ${several ? 'run' : 'runs'}`;
}
