/** Doubles float16 numbers by `run` and by `bind` in a process that has Float16Array, and prints the bits as JSON. */
import { openSession } from '../../../../compute-server/runtime/session';
import { GraphBuilder } from '../../../../kernels/graph/builder';
import { add } from '../../../../kernels/graph/operators/elementwise';

/**
 * What Node 24 has, for a Node that lacks it: a view of 16-bit numbers that the Node-API of the binding does not know as a
 * typed array.
 */
class UnknownToTheBinding extends DataView<ArrayBuffer> {
  static readonly from = (): never => {
    throw new TypeError('numbers are not expected here, only bits');
  };
  readonly length: number;
  constructor(buffer: ArrayBuffer, offset: number, length: number) {
    super(buffer, offset, length * 2);
    this.length = length;
  }
}

async function main(): Promise<void> {
  const given = globalThis as { Float16Array?: unknown };
  given.Float16Array ??= UnknownToTheBinding;

  const graph = new GraphBuilder('doubled');
  const x = graph.input('x', 'float16', [4]);
  graph.output(add(x, x, 'y'));
  const session = await openSession(graph.finish(), { device: 'cpu', threads: 1 });
  // Bits from the middle of a buffer: 1.5, -2, the least number above zero, 65504.
  const data = Uint16Array.of(9, 0x3e00, 0xc000, 0x0001, 0x7bff, 9).subarray(1, 5);
  const feeds = { x: { data, shape: [4] } };
  const bound = session.bind(feeds);
  await bound.run();
  const results = { run: await session.run(feeds), bind: await bound.run() };
  await session.release();
  process.stdout.write(
    JSON.stringify(
      Object.entries(results).map(([name, { y }]) => [
        name,
        y?.data.constructor.name,
        ...Array.from(y?.data ?? [], Number),
      ]),
    ),
  );
}

void main();
