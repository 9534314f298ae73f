/**
 * A tiny checkpoint run forward in float64 through the graphs of its runs, interventions and all, with weights and taps moved: what
 * the gradients of the runner are held against. Nothing of the way back is in it.
 */
import assert from 'node:assert/strict';
import type { GradientRequest, GradientTap } from '../../../diagnostics/model-runner/gradients';
import { blockFeeds, groupColumns } from '../../../compute-server/model/run/stream/layer-feeds';
import { interventionFeeds } from '../../../compute-server/model/run/changes/fed-changes';
import { rarePartsIn } from '../../../models/instrument/changes/changes';
import { emptyCache } from '../../../compute-server/model/run/cache/key-value-cache';
import { isOnDevice, type RuntimeValue } from '../../../compute-server/runtime/values';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { add } from '../../../kernels/graph/operators/elementwise';
import type { Value } from '../../../kernels/graph/records';
import { sizeOf, tensor, zeros, type Tensor } from '../../../kernels/tensors/tensor';
import { buildBlock } from '../../../models/architectures/block-graph';
import { lastStream, rowWidth } from '../../../models/architectures/carried-rows';
import { buildEmbedding, buildHead } from '../../../models/architectures/edge-graphs';
import { norm } from '../../../models/architectures/layers';
import { storedRows } from '../../../models/architectures/gradient-graphs';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import type { CheckpointTensor } from '../../support/safetensors-file';
import { evaluate, type Feeds, type FirstEvaluation } from '../../support/graph-arithmetic/evaluate';

export interface Moves {
  /** Added to a stored tensor. */
  readonly weights?: ReadonlyMap<string, Float64Array>;
  /** Added to the value that a tap names. */
  readonly taps?: ReadonlyMap<string, Float64Array>;
  /** Added to the gains of the heads of each layer. */
  readonly gains?: ReadonlyMap<number, Float64Array>;
  /** Added to the score biases of each layer. */
  readonly biases?: ReadonlyMap<number, Float64Array>;
  /** Added to the shares of each layer's mixture. */
  readonly shares?: ReadonlyMap<number, Float64Array>;
  /** Added to the embedding. */
  readonly embedding?: Float64Array;
}

export const tapKey = (layer: number, tap: GradientTap): string => `${layer} ${tap}`;

interface BuiltBlock {
  readonly graph: GraphBuilder;
  /** By tap: the input that moves it. */
  readonly moved: ReadonlyMap<GradientTap, Value>;
}

/** A run without moves: what enters each layer and leaves the last, and which tensors the embedding and each layer read. */
interface Plain {
  readonly streams: readonly Tensor[];
  readonly shortcuts: readonly (Tensor | undefined)[];
  readonly reads: readonly ReadonlySet<string>[];
}

export class Float64Model {
  private readonly blocks: readonly BuiltBlock[];
  private readonly wide = new Map<string, Float64Array>();
  /** Unmoved tensors by label, and the names of stored tensors that each reads. */
  private readonly unmoved = new Map<string, { readonly value: Tensor; readonly reads: ReadonlySet<string> }>();
  private readonly feeds = new Map<number, Feeds>();
  private readonly unmovedTaps = new Map<Value, Tensor>();
  /** Of the run without moves, which is the first. */
  private readonly first: FirstEvaluation = new Map();
  private plain: Plain | undefined;
  private readonly embedding: GraphBuilder | undefined;
  private readonly head: GraphBuilder | undefined;
  private readonly finalNorm: GraphBuilder | undefined;

  constructor(
    private readonly spec: ModelSpec,
    weights: StoredWeights,
    private readonly tensors: ReadonlyMap<string, CheckpointTensor>,
    private readonly request: GradientRequest,
    /** Directions of the removed suppression, by layer: [1, n, w]. */
    private readonly directions: ReadonlyMap<number, Float32Array> = new Map(),
  ) {
    this.embedding = spec.embedding && buildEmbedding(spec, weights);
    this.head = buildHead(spec, weights);
    if (spec.head.norm) {
      const graph = new GraphBuilder('norm');
      const stream = graph.input('stream', 'float32', ['b', 'n', rowWidth(spec)]);
      graph.output(norm(graph, weights, spec.head.norm, lastStream(graph, spec, weights, stream)), 'normed');
      this.finalNorm = graph;
    }
    this.blocks = spec.blocks.map((block) => {
      const moved = new Map<GradientTap, Value>();
      const graph = buildBlock(spec, block, weights, {
        instrumented: true,
        rare: rarePartsIn([request.variant ?? []], block.index),
        through(value, tap) {
          if (tap === 'attention.selected' || tap === 'router.chosen') return value;
          const by = (value.graph as GraphBuilder).input(`move ${tap}`, 'float32', value.shape);
          moved.set(tap, by);
          return add(value, by);
        },
      });
      const out = graph.values.get('residual.out');
      assert.ok(out);
      const left = graph.values.get('shortcut.out');
      graph.withoutOutputs().output(out);
      if (left) graph.output(left);
      return { graph: graph.withoutUnused(), moved };
    });
  }

  /** The objective of the request. */
  objective(moves: Moves = {}): number {
    return this.scored(this.streams(moves).at(-1)!, (label) => this.weight(label, moves));
  }

  /** What enters each layer, and what leaves the last one. Layers before the first that moves give what they give without moves. */
  streams(moves: Moves = {}): readonly Tensor[] {
    const plain = (this.plain ??= this.plainRun());
    const first = this.firstMoved(moves, plain);
    const streams = plain.streams.slice(0, Math.max(0, first));
    if (first === this.blocks.length) return plain.streams;
    const weights = (label: string): Tensor => this.weight(label, moves);
    let residual = first < 0 ? this.embed(moves, weights) : plain.streams[first]!;
    let shortcut = first < 0 ? undefined : plain.shortcuts[first];
    for (let layer = Math.max(0, first); layer < this.blocks.length; layer++) {
      const into = moves.taps?.get(tapKey(layer, 'residual.input'));
      if (into) residual = tensor(residual.shape, sum(residual.data, this.rowsOf(into)));
      streams.push(residual);
      const outputs = this.layer(layer, residual, shortcut, moves, weights);
      residual = outputs.get('residual.out')!;
      shortcut = outputs.get('shortcut.out');
    }
    return [...streams, residual];
  }

  private plainRun(): Plain {
    const reads: Set<string>[] = [];
    const reading = (): ((label: string) => Tensor) => {
      const own = new Set<string>();
      reads.push(own);
      return (label) => {
        const tensorOfLabel = this.weight(label);
        for (const name of this.unmoved.get(label)!.reads) own.add(name);
        return tensorOfLabel;
      };
    };
    let residual = this.embed({}, reading());
    let shortcut: Tensor | undefined;
    const [streams, shortcuts]: [Tensor[], (Tensor | undefined)[]] = [[], []];
    for (const layer of this.blocks.keys()) {
      streams.push(residual);
      shortcuts.push(shortcut);
      const outputs = this.layer(layer, residual, shortcut, {}, reading());
      residual = outputs.get('residual.out')!;
      shortcut = outputs.get('shortcut.out');
    }
    return { streams: [...streams, residual], shortcuts, reads };
  }

  /** The first layer that something moves in: -1 for the embedding, as many as there are for the head alone. */
  private firstMoved({ weights, taps, embedding, ...others }: Moves, { reads }: Plain): number {
    if (embedding) return -1;
    const count = this.blocks.length;
    const named = [...(weights?.keys() ?? [])].map((name) => {
      const at = reads.findIndex((own) => own.has(name));
      return at < 0 ? count : at - 1;
    });
    const tapped = [...(taps?.keys() ?? [])].map((key) => Number(key.split(' ')[0]));
    const gained = [others.gains, others.biases, others.shares].flatMap((map) => [...(map?.keys() ?? [])]);
    return Math.min(count, ...named, ...tapped, ...gained);
  }

  private feedsOf(layer: number, size: number): Feeds {
    const known = this.feeds.get(layer);
    if (known) return known;
    const block = this.spec.blocks[layer]!;
    const { ids, variant = [], groups = [] } = this.request;
    const { length } = ids;
    const fed = blockFeeds(this.spec, block, emptyCache(this.spec, 1), new Float32Array(size), {
      batch: 1,
      start: 0,
      length,
      sequence: this.request,
    });
    const interventions = interventionFeeds(this.spec, block, {
      ...{ variants: [variant], start: 0, length, sequence: this.request },
      groups: groups.map(({ name }) => name),
      keyGroups: groupColumns(groups, 0, length),
      directions: this.directions.get(layer),
    });
    const made = { ...tensorsOf(fed), ...tensorsOf(interventions) };
    this.feeds.set(layer, made);
    return made;
  }

  private layer(
    layer: number,
    residual: Tensor,
    shortcut: Tensor | undefined,
    moves: Moves,
    weights: (label: string) => Tensor,
  ): ReadonlyMap<string, Tensor> {
    const { graph, moved } = this.blocks[layer]!;
    const { length } = this.request.ids;
    const feeds: Record<string, Tensor> = { ...this.feedsOf(layer, residual.data.length), residual };
    for (const [name, by] of [
      ['head_gain', moves.gains?.get(layer)],
      ['score_bias', moves.biases?.get(layer)],
      ['mixture_share', moves.shares?.get(layer)],
    ] as const) {
      if (!by) continue;
      const { shape, data } = feeds[name]!;
      feeds[name] = tensor(shape, sum(data, by));
    }
    if (moves.biases?.has(layer)) feeds['use_score_bias'] = tensor([], Float64Array.of(1));
    const sizes: Record<string, number> = { b: 1, n: length, 'n + past': length };
    for (const [tap, input] of moved) {
      const shape = input.shape.map((dim) => (typeof dim === 'number' ? dim : sizes[dim]!));
      const move = moves.taps?.get(tapKey(layer, tap));
      if (!this.unmovedTaps.has(input)) this.unmovedTaps.set(input, zeros(shape));
      feeds[input.name] = move ? tensor(shape, move) : this.unmovedTaps.get(input)!;
    }
    if (this.spec.blocks[layer]!.shortcut === 'joins') feeds['shortcut'] = shortcut!;
    return evaluate(graph, feeds, weights, undefined, this.first);
  }

  /** Rows that carry more than their hidden numbers [n, row], of hidden ones [n, w]. */
  private rowsOf(hidden: ArrayLike<number>): Float64Array {
    const [size, width] = [this.spec.hiddenSize, rowWidth(this.spec)];
    const rows = new Float64Array((hidden.length / size) * width);
    for (let at = 0; at < hidden.length; at++) rows[Math.floor(at / size) * width + (at % size)] = hidden[at] ?? 0;
    return rows;
  }

  private embed(moves: Moves, weights: (label: string) => Tensor): Tensor {
    const { ids, embeddings, positions } = this.request;
    const rows = new Map(embeddings?.rows.map((row, at) => [row, at]) ?? []);
    const width = rowWidth(this.spec);
    const numbers = (list: readonly number[], shape: readonly number[]) => tensor(shape, Float64Array.from(list));
    const data = this.embedding
      ? evaluate(
          this.embedding,
          {
            token_ids: numbers(
              ids.map((id, row) => (rows.has(row) ? 0 : id)),
              [1, ids.length],
            ),
            query_positions: numbers(positions ?? ids.map((_, row) => row), [ids.length]),
          },
          weights,
        )
          .get('residual.out')!
          .data.slice()
      : new Float64Array(ids.length * width);
    for (const [row, at] of rows) data.set(embeddings!.data.subarray(at * width, (at + 1) * width), row * width);
    const by = moves.embedding;
    return tensor([1, ids.length, width], by ? sum(data, by) : data);
  }

  private scored(residual: Tensor, weights: (label: string) => Tensor): number {
    const { objective, ids } = this.request;
    if (objective.kind === 'stream') return residual.data.reduce((total, x, i) => total + x * objective.weights[i]!, 0);
    if (objective.kind === 'distance') {
      const width = rowWidth(this.spec);
      const other = tensor([1, objective.rows.length, width], Float64Array.from(objective.other));
      const [own, given] = [residual, other].map((stream) => this.normed(stream, weights));
      const squares = objective.rows.map((row, at) =>
        given!
          .subarray(at * width, (at + 1) * width)
          .reduce((total, x, channel) => total + (own![row * width + channel]! - x) ** 2, 0),
      );
      return squares.reduce((a, b) => a + b, 0) / (squares.length * width);
    }
    const logits = evaluate(this.head!, { residual }, weights, undefined, this.first).get('logits')!;
    const v = logits.shape[2]!;
    const at = (row: number): Float64Array => logits.data.subarray(row * v, (row + 1) * v);
    if (objective.kind === 'logits') {
      return objective.terms.reduce((total, { row, token, weight }) => total + weight * at(row)[token]!, 0);
    }
    if (objective.kind === 'source') throw new RangeError('a decoder gives no source');
    const losses = objective.rows.map((row) => {
      const most = Math.max(...at(row));
      const sumExp = at(row).reduce((total, x) => total + Math.exp(x - most), 0);
      return most + Math.log(sumExp) - at(row)[ids[row + 1]!]!;
    });
    return losses.reduce((a, b) => a + b, 0) / losses.length;
  }

  private normed(stream: Tensor, weights: (label: string) => Tensor): Float64Array {
    return this.finalNorm ? evaluate(this.finalNorm, { stream }, weights).get('normed')!.data : stream.data;
  }

  weight(label: string, moves: Moves = {}): Tensor {
    const known = this.unmoved.get(label);
    if (known && ![...known.reads].some((name) => moves.weights?.has(name))) return known.value;
    const reads = new Set<string>();
    const value = this.made(label, moves, reads);
    if (!known && !moves.weights) this.unmoved.set(label, { value, reads });
    return value;
  }

  /** `reads` takes the names of the stored tensors. */
  private made(label: string, moves: Moves, reads: Set<string>): Tensor {
    // Rows of two maps that lie one behind the other (adjacent-weights.ts): of one tensor, or the end of one and the beginning of another.
    const [, one = '', from = '', other = '', to = ''] = /^(.+)\[(\d+)\] to (.+)\[(\d+)\]$/.exec(label) ?? [];
    if (one !== '') {
      if (one === other) return this.made(`${one}[${from}:${to}]`, moves, reads);
      const rows = this.tensors.get(one)?.shape[0];
      const [above, below] = [
        this.made(`${one}[${from}:${rows}]`, moves, reads),
        this.made(`${other}[0:${to}]`, moves, reads),
      ];
      const [, ...row] = above.shape;
      return tensor(
        [(above.shape[0] ?? 0) + (below.shape[0] ?? 0), ...row],
        Float64Array.of(...above.data, ...below.data),
      );
    }
    const { name, first } = storedRows(label);
    const stored = this.tensors.get(name);
    if (!stored) throw new RangeError(`no tensor "${name}"`);
    reads.add(name);
    const move = moves.weights?.get(name);
    const own = this.wide.get(name) ?? Float64Array.from(stored.data);
    this.wide.set(name, own);
    const data = move ? sum(own, move) : own;
    if (name === label) return tensor(stored.shape, data);
    const rows = Number(/\[\d+:(\d+)\]$/.exec(label)?.[1]) - first;
    // Where experts lie in one tensor, rows are counted through all of them.
    const row = stored.shape.length > 2 ? stored.shape.slice(-1) : stored.shape.slice(1);
    const size = sizeOf(row);
    return tensor([rows, ...row], data.slice(first * size, (first + rows) * size));
  }
}

const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => x + b[i]!);

const tensorsOf = (values: Readonly<Record<string, RuntimeValue>>): Feeds =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      assert.ok(!isOnDevice(value), `${name} lies on a device`);
      return [name, tensor(value.shape, Float64Array.from(value.data, Number))];
    }),
  );
