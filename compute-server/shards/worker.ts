/**
 * One worker of a sharded run: a process that keeps its queries, keys and values and computes its rows with one thread.
 *
 * Ring: in each step it first hands on the keys and values that it holds, then attends to them, then takes what its
 * neighbour passed on, so that writing overlaps with the neighbour's computing. Gather: it gives its own keys and values to
 * all, collects theirs, then attends once.
 */
import { gridOf, shapeOfShard } from '../../kernels/mechanisms/distributed/distributed-mha';
import { stepGraph, tilesOf } from '../../kernels/mechanisms/distributed/partial';
import { lengthOf, shardsOf, stepsOf, type Shard, type Step } from '../../kernels/mechanisms/distributed/partition';
import type { AttentionShape } from '../../kernels/shape';
import { normalTensor, seedFor } from '../../kernels/tensors/random';
import { failureOf } from '../dispatch/dispatcher';
import { openSession, type BoundRun, type RuntimeArray, type RuntimeSession } from '../runtime/session';
import { outputFile, partFile, readArrays, removeExchange, writeArrays } from './exchange';
import type { FromWorker, ShardedCall, ToWorker, WorkerTimes } from './messages';
import { placePart, takePart } from './parts';

/** The flag by which main.ts knows that it is a worker. */
export const workerFlag = '--sharded-worker';

export function serveWorker(): void {
  // A caller that was killed hears nothing: without the callback that would be an error which ends this process before it
  // has heard of the disconnection, and the exchanged files would stay.
  const send = (message: FromWorker): void => void process.send?.(message, undefined, undefined, () => {});
  let folder: string | undefined;
  const worker = new Worker((step) => send({ kind: 'handed', step }));
  const act = (work: Promise<FromWorker>): void =>
    void work.catch((error: unknown): FromWorker => ({ kind: 'failed', failure: failureOf(error) })).then(send);

  process.on('message', (received) => {
    const message = received as ToWorker;
    switch (message.kind) {
      case 'open':
        folder = message.folder;
        return act(worker.open(message).then(() => ({ kind: 'opened' })));
      case 'run':
        return act(worker.run(message.collect).then((times) => ({ kind: 'ran', times })));
      case 'handed':
        return worker.handed(message.from, message.step);
    }
  });
  // The caller is gone, perhaps killed: what it would have removed is removed here.
  process.on('disconnect', () => {
    if (folder !== undefined) removeExchange(folder);
    process.exit(0);
  });
  // Ctrl+C reaches the whole process group: the caller decides what it means.
  process.on('SIGINT', () => {});
}

/** Keys [b, hkv, part, d] and values [b, hkv, part, dv] of one owner. */
interface Part {
  readonly key: Float32Array<ArrayBuffer>;
  readonly value: Float32Array<ArrayBuffer>;
}

interface OpenStep {
  readonly session: RuntimeSession;
  readonly keys: Part;
  bound?: BoundRun;
}

class Worker {
  private opened: Opened | undefined;
  /** Parts that others have written in this call and that were not read yet, and who waits for one. */
  private readonly arrived = new Set<string>();
  private readonly waiting = new Map<string, () => void>();

  constructor(private readonly tellHanded: (step: number) => void) {}

  async open(message: ToWorker & { kind: 'open' }): Promise<void> {
    this.opened = await openShard(message.call, message.worker, message.folder);
  }

  handed(from: number, step: number): void {
    const name = `${from} ${step}`;
    const waiting = this.waiting.get(name);
    this.waiting.delete(name);
    if (waiting) waiting();
    else this.arrived.add(name);
  }

  async run(collect: boolean): Promise<WorkerTimes> {
    const { shard, folder, own, gathers, parts, first, heldParts, steps, query, ownRows } = this.opened!;
    const before = process.cpuUsage();
    const times = { computeMs: 0, exchangeMs: 0, cpuMs: 0, passedBytes: 0 };
    /** Returns what `act` moved, as the transport counted it. */
    const exchange = (act: () => number): number => {
      const from = performance.now();
      const moved = act();
      times.exchangeMs += performance.now() - from;
      return moved;
    };

    let output: RuntimeArray | undefined;
    let logSum: RuntimeArray | undefined;
    const compute = async (step: OpenStep | undefined): Promise<void> => {
      if (!step) return;
      const carried = output && logSum ? { 'carried.output': output, 'carried.logSum': logSum } : {};
      step.bound ??= step.session.bind({ query, ...asInputs(step.keys, this.opened!), ...carried });
      const from = performance.now();
      const made = await step.bound.run();
      times.computeMs += performance.now() - from;
      output = made['output'];
      logSum = made['logSum'];
    };

    if (gathers) {
      if (parts > 1) {
        exchange(() => writeArrays(partFile(folder, shard.worker, 0), [own.key, own.value]));
        this.tellHanded(0);
      }
      for (const [owner, place] of heldParts) {
        await this.arrival(owner, 0);
        times.passedBytes += exchange(() => place(partFile(folder, owner, 0)));
      }
      await compute(steps[0]);
    } else {
      const at = shard.worker - first;
      const neighbour = first + ((at + parts - 1) % parts);
      for (let step = 0; step < parts; step++) {
        const held = this.opened!.partOf(first + ((at - step + parts) % parts));
        if (step < parts - 1) {
          times.passedBytes += exchange(() =>
            writeArrays(partFile(folder, shard.worker, step), [held.key, held.value]),
          );
          this.tellHanded(step);
        }
        await compute(steps[step]);
        if (step < parts - 1) {
          await this.arrival(neighbour, step);
          const next = this.opened!.partOf(first + ((at - step - 1 + parts) % parts));
          exchange(() => readArrays(partFile(folder, neighbour, step), [next.key, next.value]));
        }
      }
    }
    if (collect && ownRows > 0) {
      const { data } = output!;
      exchange(() => writeArrays(outputFile(folder, shard.worker), [data as Float32Array]));
    }
    const { user, system } = process.cpuUsage(before);
    times.cpuMs = (user + system) / 1000;
    return times;
  }

  private async arrival(from: number, step: number): Promise<void> {
    const name = `${from} ${step}`;
    if (this.arrived.delete(name)) return;
    await new Promise<void>((resolve) => this.waiting.set(name, resolve));
  }
}

/** What a worker keeps between calls. */
interface Opened {
  readonly shape: AttentionShape;
  readonly shard: Shard;
  readonly folder: string;
  readonly gathers: boolean;
  /** Workers along the sequence, and the first of them with the same heads. */
  readonly parts: number;
  readonly first: number;
  readonly ownRows: number;
  readonly query: RuntimeArray;
  readonly own: Part;
  /** The keys and values of an owner while they are held here. */
  readonly partOf: (owner: number) => Part;
  /** Gather: the other owners, and how a file of theirs gets to its place among all keys. */
  readonly heldParts: readonly (readonly [number, (file: string) => number])[];
  /** By step; undefined where causality hides every key of the step or the worker has no queries. */
  readonly steps: readonly (OpenStep | undefined)[];
}

function asInputs({ key, value }: Part, { shape }: Opened): Readonly<Record<'key' | 'value', RuntimeArray>> {
  const { batch, kvHeads, headDim, valueDim } = shape;
  const length = key.length / (batch * kvHeads * headDim);
  return {
    key: { data: key, shape: [batch, kvHeads, length, headDim] },
    value: { data: value, shape: [batch, kvHeads, length, valueDim] },
  };
}

async function openShard({ shape, parameters, seed }: ShardedCall, worker: number, folder: string): Promise<Opened> {
  const grid = gridOf(parameters);
  const shards = shardsOf(shape, grid);
  const shard = shards[worker]!;
  const own = shapeOfShard(shape, shard);
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const parts = grid.sequenceWorkers;
  const first = worker - (worker % parts);

  const draw = (label: string, count: number, positions: number, width: number) => ({
    axes: { batch, heads: count, positions, width },
    data: normalTensor([batch, count, positions, width], seedFor(seed, label)).data,
  });
  const drawnQuery = draw('query', heads, queries, headDim);
  const query: RuntimeArray = {
    data: takePart(drawnQuery.data, drawnQuery.axes, shard.heads, shard.rows),
    shape: [batch, own.heads, lengthOf(shard.rows), headDim],
  };
  const drawnKey = draw('key', kvHeads, keys, headDim);
  const drawnValue = draw('value', kvHeads, keys, valueDim);
  const ownPart: Part = {
    key: takePart(drawnKey.data, drawnKey.axes, shard.kvHeads, shard.keys),
    value: takePart(drawnValue.data, drawnValue.axes, shard.kvHeads, shard.keys),
  };

  const inbox = inboxFor(own, shards.slice(first, first + parts));
  const partOf = (owner: number): Part => (owner === worker ? ownPart : inbox(shards[owner]!));
  const gathered = grid.schedule === 'gather' ? gatherer(own, shards.slice(first, first + parts), partOf) : undefined;
  gathered?.place(worker);
  const steps: (OpenStep | undefined)[] = [];
  const all = stepsOf(shards, shard, grid);
  const computes = ({ keys: ranges }: Step) =>
    tilesOf(own, shard.rows, ranges, parameters).some(({ reads }) => reads.length > 0);
  const lastStep = all.findLastIndex(computes);
  for (const [index, step] of all.entries()) {
    if (!computes(step)) {
      steps.push(undefined);
      continue;
    }
    const carried = steps.some((earlier) => earlier !== undefined);
    const places = { rows: shard.rows, keys: step.keys };
    const graph = stepGraph(own, places, parameters, 'float32', { carried, last: index === lastStep });
    steps.push({
      session: await openSession(graph, { device: 'cpu', threads: 1 }),
      keys: gathered?.whole ?? partOf(step.from[0]!),
    });
  }
  return {
    shape: own,
    shard,
    folder,
    gathers: gathered !== undefined,
    parts,
    first,
    ownRows: lengthOf(shard.rows),
    query,
    own: ownPart,
    partOf,
    heldParts: shards
      .slice(first, first + parts)
      .filter((other) => gathered && other.worker !== worker)
      .map((other) => [
        other.worker,
        (file) => {
          const part = partOf(other.worker);
          const read = readArrays(file, [part.key, part.value]);
          gathered!.place(other.worker);
          return read;
        },
      ]),
    steps,
  };
}

/** One part of memory for whatever is held of others: a ring worker never holds two of them. */
function inboxFor({ batch, kvHeads, headDim, valueDim }: AttentionShape, owners: readonly Shard[]) {
  const rows = batch * kvHeads * Math.max(...owners.map(({ keys }) => lengthOf(keys)));
  let room: Part | undefined;
  return ({ keys }: Shard): Part => {
    room ??= { key: new Float32Array(rows * headDim), value: new Float32Array(rows * valueDim) };
    const count = batch * kvHeads * lengthOf(keys);
    return { key: room.key.subarray(0, count * headDim), value: room.value.subarray(0, count * valueDim) };
  };
}

/** All keys and values of the worker's heads in the order of their positions, and how a part gets among them. */
function gatherer(
  { batch, kvHeads: heads, keys: positions, headDim, valueDim }: AttentionShape,
  owners: readonly Shard[],
  partOf: (owner: number) => Part,
) {
  const count = batch * heads * positions;
  const whole: Part = { key: new Float32Array(count * headDim), value: new Float32Array(count * valueDim) };
  const every = { start: 0, end: heads };
  return {
    whole,
    place(owner: number): void {
      const { keys } = owners.find(({ worker }) => worker === owner)!;
      const part = partOf(owner);
      placePart(part.key, whole.key, { batch, heads, positions, width: headDim }, every, keys);
      placePart(part.value, whole.value, { batch, heads, positions, width: valueDim }, every, keys);
    },
  };
}
