/**
 * A device is judged by numbers, not by its listing: every operator of the graphs that it would run (operator-tests.ts) is run
 * on seeded input and compared with float64.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Graph } from '../../kernels/graph/graph';
import { inStandardOperators, isRewritten } from '../../kernels/graph/portable';
import { measureError } from '../../kernels/tensors/error';
import { normalTensor, seedFor } from '../../kernels/tensors/random';
import type { Tensor } from '../../kernels/tensors/tensor';
import type { SelfTest } from '../../protocol/compute/api';
import type { Task } from '../processes/task-process';
import { openSession } from '../runtime/session';
import type { DeviceId, RuntimeArray } from '../runtime/session';
import { lacksOperator } from './missing-operators';
import { operatorTests, type OperatorInput, type OperatorTest } from './operator-tests';

/**
 * Largest |device - float64| that passes. Inputs and outputs are of size 1 to 30; float32 errs by 1e-6 to 1e-4 here, a
 * reduced mode such as TF32 by up to 1e-2, a wrong kernel by more than 5e-2.
 */
const selfTestTolerance = 2e-2;

/** Operators that graphs for the device may have: on another device than the cpu those of the standard alone. */
export const operatorsTriedOn = (device: DeviceId): readonly string[] =>
  Object.keys(operatorTests).filter((name) => device === 'cpu' || !isRewritten(name));

export interface SelfTestRequest {
  readonly device: DeviceId;
  readonly threads: number;
  /** Absent: all. */
  readonly operators?: readonly string[] | undefined;
}

export const selfTestTask: Task<SelfTestRequest, SelfTest> = { name: 'selfTest', run: selfTest };

/** Runs the test of every operator that graphs for the device have; operators that the device lacks or gets wrong carry the reason. */
export async function selfTest({ device, threads, operators: wanted }: SelfTestRequest): Promise<SelfTest> {
  const operators: Record<string, SelfTest['operators'][string]> = {};
  for (const name of operatorsTriedOn(device)) {
    const test = operatorTests[name];
    if (!test || wanted?.includes(name) === false) continue;
    operators[name] = await testOperator(name, test, device, threads);
  }
  const errors = Object.values(operators).flatMap(({ maxError }) => maxError ?? []);
  return { maxError: Math.max(0, ...errors), operators };
}

async function testOperator(
  name: string,
  test: OperatorTest,
  device: DeviceId,
  threads: number,
): Promise<SelfTest['operators'][string]> {
  try {
    const inputs = Object.fromEntries(
      Object.entries(test.inputs).map(([input, { shape, from }]) => {
        const { data } = normalTensor(shape, seedFor(1, `${name}.${input}`));
        return [input, { shape, data: data.map(from) }];
      }),
    );
    const session = await openSession(graphOf(name, test, device), { device, threads });
    const feeds = Object.fromEntries(
      Object.entries(test.inputs).map(([input, { type }]) => [input, carried(inputs[input]!, type)]),
    );
    const { output } = await session.run(feeds);
    await session.release();
    const error = measureError(numbersOf(output!), test.expected(inputs));
    const wrong = error.nanMismatches > 0 || !(error.maxAbsolute <= selfTestTolerance);
    return {
      ok: !wrong,
      maxError: error.maxAbsolute,
      ...(wrong
        ? {
            reason:
              error.nanMismatches > 0
                ? `${name} gives NaN on this device.`
                : `${name} errs by ${error.maxAbsolute.toPrecision(2)} on this device.`,
          }
        : {}),
    };
  } catch (error) {
    return {
      ok: false,
      reason: lacksOperator(error) ? `${name} is not available on this device.` : firstSentence(error),
    };
  }
}

function graphOf(name: string, test: OperatorTest, device: DeviceId): Graph {
  const graph = new GraphBuilder(name);
  const values = Object.fromEntries(
    Object.entries(test.inputs).map(([input, { type, shape }]) => [input, graph.input(input, type, shape)]),
  );
  graph.output(test.build(values), 'output');
  const built = graph.finish();
  return device === 'cpu' ? built : inStandardOperators(built);
}

const arrays = {
  float32: (data: Float64Array) => Float32Array.from(data),
  bool: (data: Float64Array) => Uint8Array.from(data),
  int32: (data: Float64Array) => Int32Array.from(data),
  int64: (data: Float64Array) => BigInt64Array.from(data, BigInt),
} as const;

const carried = ({ shape, data }: Tensor, type: OperatorInput['type']): RuntimeArray => ({
  shape,
  data: arrays[type](data),
});

const numbersOf = ({ shape, data }: RuntimeArray): Tensor => ({ shape, data: Float64Array.from(data, Number) });

const firstSentence = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 300);
