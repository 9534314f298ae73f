/** Runs graphs whose outputs stay on the WebGPU device, in a process of its own, and prints what came of it as JSON. */
import { openSession } from '../../../../compute-server/runtime/session';
import {
  isOnDevice,
  KeptOutputs,
  type DeviceTensor,
  type RuntimeValue,
} from '../../../../compute-server/runtime/values';
import { transfers } from '../../../../compute-server/runtime/webgpu-memory';
import { GraphBuilder } from '../../../../kernels/graph/builder';
import { add, multiply } from '../../../../kernels/graph/operators/elementwise';
import { concat } from '../../../../kernels/graph/operators/layout';

const width = 8;

function joining() {
  const graph = new GraphBuilder('joining');
  const past = graph.input('past', 'float32', ['p', width]);
  const x = graph.input('x', 'float32', ['n', width]);
  graph.output(concat([past, multiply(x, 2)], 0, 'present'));
  graph.output(add(x, 1, 'next'));
  return graph.finishDynamic();
}

function onDevice(value: RuntimeValue): DeviceTensor {
  if (isOnDevice(value)) return value;
  throw new TypeError('it came to the host');
}

async function main(): Promise<void> {
  const graph = joining();
  const [session, cpu] = [
    await openSession(graph, { device: 'webgpu', threads: 1 }),
    await openSession(graph, { device: 'cpu', threads: 1 }),
  ];
  const rows = (count: number, from: number) => ({
    data: Float32Array.from({ length: count * width }, (_, i) => from + i),
    shape: [count, width],
  });
  const run = async (past: RuntimeValue, x: RuntimeValue) => {
    const kept = new KeptOutputs(['present']);
    const values = await session.run({ past, x }, ['present', 'next'], kept);
    return { present: onDevice(kept.of('present', values)), next: values['next']?.data };
  };
  const first = await run(rows(0, 0), rows(3, 0));
  const second = await run(first.present, rows(2, 100));
  const { memory } = second.present;
  const all = await memory.fetch(second.present);
  const last = await memory.rows(second.present, [4, 1], [2, 1, width]);
  const lastRows = await memory.fetch(last);
  const elsewhere = await cpu.run({ past: last, x: rows(1, 0) }, ['present']).catch(String);
  const flat = await memory.rows(last, [0, 1], [2, width]);
  const joined = await cpu.run({ past: flat, x: rows(1, 0) }, ['present']);
  const damaged = await run(flat, { data: rows(2, 0).data.fill(Number.NaN, width), shape: [2, width] });
  const faults = await memory.faults(damaged.present, width);
  const before = transfers.liveTensors;
  const wrong = await session
    .run({ past: flat, x: { data: new Float32Array(3), shape: [1, 3] } }, ['present'], new KeptOutputs(['present']))
    .then(
      () => 'ran',
      () => transfers.liveTensors - before,
    );
  const fetchedBytes = transfers.fetchedBytes;
  for (let i = 0; i < 50; i++) {
    const more = await run(flat, rows(2, i));
    more.present.dispose();
    more.present.dispose();
  }
  const tensors = [first.present, second.present, last, flat, damaged.present];
  for (const tensor of tensors) tensor.dispose();
  const used = await memory.fetch(flat).catch(String);
  process.stdout.write(
    JSON.stringify({
      next: Array.from((first.next as Float32Array).subarray(0, 3)),
      all: Array.from(all.data as Float32Array).filter((_, i) => i % width === 0),
      lastRows: Array.from(lastRows.data as Float32Array).filter((_, i) => i % width === 0),
      shape: lastRows.shape,
      elsewhere: typeof elsewhere,
      joined: Array.from(joined['present']?.data as Float32Array).filter((_, i) => i % width === 0),
      faults: Array.from(faults, Math.abs),
      wrong,
      fetchedOfFifty: transfers.fetchedBytes - fetchedBytes,
      live: transfers.liveTensors,
      used,
    }),
  );
}

void main();
