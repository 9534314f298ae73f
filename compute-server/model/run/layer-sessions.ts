/**
 * The sessions of one model: embedding, each block, head. Opened when first needed and kept warm between prompts. Where their
 * weights together would pass the limit, some layers stay open and the others are opened again in each pass over the model,
 * the next one read while a layer runs.
 */
import type { Dim } from '../../../kernels/graph/dims';
import type { Graph } from '../../../kernels/graph/graph';
import {
  layerAttributionGraph,
  projectionGraph,
  targetGraph,
  writtenGraph,
} from '../../../models/architectures/attribution-graphs';
import { blockGraph } from '../../../models/architectures/block-graph';
import { embeddingGraph, headGraph } from '../../../models/architectures/edge-graphs';
import { lensGraph, lensProblem } from '../../../models/architectures/lens-graph';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { stepGraph } from '../../../models/architectures/step-graph';
import type { SelfTest } from '../../../protocol/compute/api';
import type { StoredTensor, StoredWeights } from '../../../models/architectures/stored-weights';
import { FailureError } from '../../../protocol/wire/failures';
import { lacksOperator } from '../../devices/missing-operators';
import { openSession, type DeviceId, type RuntimeSession } from '../../runtime/session';
import { faultOf, onDevice } from './device-fault';
import { Placement, type Place } from './placement';
import { ReadAhead } from './read-ahead';

export type Piece =
  | { readonly kind: 'embedding' }
  | { readonly kind: 'head' }
  /** What parts of the residual stream add to the logits: of all tokens, or of some. */
  | { readonly kind: 'lens'; readonly tokens: boolean }
  /** Weighted logits as a direction of the last residual stream. */
  | { readonly kind: 'target' }
  /** What the parts of a layer add along a direction; what heads write; what they make of a stream before rotation. */
  | { readonly kind: 'attribution' | 'written' | 'projection'; readonly layer: number }
  /** One new position of a layer, on caches by head. */
  | { readonly kind: 'step'; readonly layer: number }
  | { readonly kind: 'block'; readonly layer: number; readonly instrumented: boolean }
  | { readonly kind: 'further'; readonly name: string };

/** Graphs of a model besides embedding, blocks and head, by name. */
export type FurtherGraphs = Readonly<Record<string, (weights: StoredWeights) => Graph<Dim>>>;

function keyOf(piece: Piece): string {
  if (piece.kind === 'further') return piece.name;
  if (piece.kind === 'lens') return piece.tokens ? 'lens of tokens' : 'lens';
  if (piece.kind === 'block') return `${piece.instrumented ? 'instrumented' : 'plain'}.${piece.layer}`;
  return 'layer' in piece ? `${piece.kind}.${piece.layer}` : piece.kind;
}

interface Opened {
  readonly piece: Piece;
  readonly session: RuntimeSession;
  readonly bytes: number;
}

/** A model whose weights do not fit the limit together. */
export interface Reopening {
  /** Of all weights as opened, and how many may be open at once. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** Layers that are opened again in each pass over the model. */
  readonly layers: number;
  /** Of reading and opening one of them. */
  readonly seconds: number;
}

/**
 * Weights of a model, in bytes as opened, up to which they are laid out anew for the products of matrices. Larger ones stay
 * mapped from their files (SessionSettings.prepack): what opening costs then matters more than 5 to 12 % of a prefill.
 */
const prepackedBytes = 256e6;

export class LayerSessions {
  /** In order of use: the first is the one used longest ago. */
  private readonly opened = new Map<string, Opened>();
  private limitBytes: number;
  readonly placement: Placement;
  private readonly ahead: ReadAhead;
  /** Of all pieces, in bytes as opened. */
  private allBytes: number | undefined;
  private prepack: boolean | undefined;
  /** By layer: what opening its step reads again. */
  private stepBytes: readonly number[] | undefined;

  constructor(
    private readonly model: ModelSpec,
    private readonly weights: StoredWeights,
    private readonly weightsFolder: string,
    private readonly options: {
      readonly device: DeviceId;
      readonly threads: number;
      /** Bytes of weights that may be open at once; one piece is always allowed. */
      readonly limitBytes: number;
      /** Of another device than the cpu. */
      readonly selfTest?: SelfTest | undefined;
      /** Default: 256 MB. */
      readonly prepackedBytes?: number;
    },
    /** Rejects when the files are no longer those whose headers were read. */
    private readonly requireUnchanged: () => Promise<void>,
    private readonly further: FurtherGraphs = {},
  ) {
    this.limitBytes = options.limitBytes;
    this.ahead = new ReadAhead(weightsFolder);
    this.placement = new Placement(options.device, options.selfTest);
  }

  async session(piece: Piece): Promise<RuntimeSession> {
    const key = keyOf(piece);
    const known = this.opened.get(key);
    if (known) {
      this.opened.delete(key);
      this.opened.set(key, known);
      await this.readNext(piece);
      return known.session;
    }
    const used = new Map<string, StoredTensor>();
    const graph = this.graph(piece, this.noting(used));
    const bytes = sumOf(used);
    if (!this.sharesPages(used)) await this.closeTwins(piece);
    await this.makeRoom(bytes, piece);
    // A piece is opened when the run comes to it: offsets of the old headers would read anything in a file that was replaced.
    await this.requireUnchanged();
    const session = await this.open(graph, key);
    this.opened.set(key, { piece, session, bytes });
    await this.readNext(piece);
    return session;
  }

  /** Where the model does not fit: the layer behind a layer, if it is not open. */
  private async readNext(piece: Piece): Promise<void> {
    if ((piece.kind !== 'block' && piece.kind !== 'step') || this.fits()) return;
    const next = { ...piece, layer: piece.layer + 1 };
    if (next.layer >= this.model.blocks.length || this.opened.has(keyOf(next))) return;
    await this.ahead.start(this.tensorsOf(next).values());
  }

  private tensorsOf(piece: Piece): ReadonlyMap<string, StoredTensor> {
    const used = new Map<string, StoredTensor>();
    this.graph(piece, this.noting(used));
    return used;
  }

  /** A tensor that two pieces read is counted for each, as both open it. */
  private pieceBytes(of: (piece: Piece) => boolean): number {
    return this.pieces()
      .filter(of)
      .reduce((sum, piece) => sum + sumOf(this.tensorsOf(piece)), 0);
  }

  private fits(): boolean {
    this.allBytes ??= this.pieceBytes(() => true);
    return this.allBytes <= this.limitBytes;
  }

  /**
   * Where the model does not fit: how many layers are opened again in a pass over the model, and seconds that it takes to read
   * and open one, tried on a layer in the middle.
   */
  async reopening(): Promise<Reopening | undefined> {
    if (this.fits()) return undefined;
    const { length } = this.model.blocks;
    const piece = { kind: 'block', layer: Math.floor(length / 2), instrumented: true } as const;
    const tensors = this.tensorsOf(piece);
    const started = performance.now();
    await (
      await this.ahead.start(tensors.values())
    ).done;
    await this.session(piece);
    const seconds = (performance.now() - started) / 1000;
    await this.close(piece);
    const besides = this.pieceBytes(({ kind }) => kind !== 'block');
    const kept = Math.max(0, Math.floor((this.limitBytes - besides) / sumOf(tensors)));
    return { bytes: this.weightBytes(), limitBytes: this.limitBytes, layers: Math.max(1, length - kept), seconds };
  }

  private async open(graph: Graph<Dim>, name: string): Promise<RuntimeSession> {
    const place = this.placement.of(name, graph);
    try {
      const session = await this.openAt(place);
      return place.device === 'cpu' ? session : onDevice(session, place.device, name);
    } catch (error) {
      await this.requireUnchanged();
      if (error instanceof FailureError) throw error;
      if (place.device !== 'cpu' && lacksOperator(error)) {
        this.placement.refuse(name, 'An operator of its graph is not there on this device for its types.');
        return this.open(graph, name);
      }
      if (place.device !== 'cpu') throw faultOf(place.device, name, error);
      throw new FailureError({
        code: 'runtime-failed',
        detail: `${name} could not be opened: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }

  private openAt({ graph, device }: Place): Promise<RuntimeSession> {
    return openSession(graph, {
      device,
      threads: this.options.threads,
      weightsFolder: this.weightsFolder,
      optimisation: 'basic',
      prepack: device !== 'cpu' || this.prepacks(),
    });
  }

  /** Finds out where each graph runs; the edge is opened, as its types are tried by no self-test. */
  async place(): Promise<void> {
    for (const [name, graph] of this.graphs()) this.placement.of(name, graph);
    await this.session(this.model.embedding ? { kind: 'embedding' } : { kind: 'further', name: 'patches' });
  }

  get layerCount(): number {
    return this.model.blocks.length;
  }

  /** Changes the bytes of weights that may be open at once. */
  limit(bytes: number): void {
    this.limitBytes = bytes;
  }

  /** Bytes that the weights of all pieces take when they are open, each tensor once. */
  weightBytes(): number {
    const used = new Map<string, StoredTensor>();
    for (const piece of this.pieces()) this.graph(piece, this.noting(used));
    return sumOf(used);
  }

  /** Builds every graph and drops it: throws ModelError when a weight is missing, of another shape or of another type. */
  check(): void {
    for (const piece of this.pieces()) this.graph(piece, this.weights);
  }

  /** Every graph that a run may open, with its name. */
  *graphs(): Generator<readonly [name: string, graph: Graph<Dim>]> {
    const lenses = lensProblem(this.model) === undefined ? [false, true] : [];
    const all: readonly Piece[] = [
      ...this.pieces(),
      ...lenses.map((tokens) => ({ kind: 'lens', tokens }) as const),
      ...this.model.blocks.map(({ index }) => ({ kind: 'block', layer: index, instrumented: true }) as const),
    ];
    for (const piece of all) yield [keyOf(piece), this.graph(piece, this.weights)];
  }

  private pieces(): readonly Piece[] {
    return [
      ...(this.model.embedding ? [{ kind: 'embedding' } as const] : []),
      ...Object.keys(this.further).map((name) => ({ kind: 'further', name }) as const),
      ...(this.model.head.vocabulary ? [{ kind: 'head' } as const] : []),
      ...this.model.blocks.map(({ index }) => ({ kind: 'block', layer: index, instrumented: false }) as const),
    ];
  }

  /** The weights, noting each tensor that a graph asks for. */
  private noting(used: Map<string, StoredTensor>): StoredWeights {
    return {
      find: (name) => {
        const tensor = this.weights.find(name);
        if (tensor) used.set(name, tensor);
        return tensor;
      },
    };
  }

  /** Releases one piece, if it is open. */
  async close(piece: Piece): Promise<void> {
    const key = keyOf(piece);
    const known = this.opened.get(key);
    this.opened.delete(key);
    await known?.session.release();
  }

  openBytes(): number {
    return [...this.opened.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async release(): Promise<void> {
    const all = [...this.opened.values()];
    this.opened.clear();
    for (const { session } of all) await session.release();
  }

  private graph(piece: Piece, weights: StoredWeights): Graph<Dim> {
    switch (piece.kind) {
      case 'embedding':
        return embeddingGraph(this.model, weights);
      case 'lens':
        return lensGraph(this.model, weights, piece.tokens);
      case 'further': {
        const build = this.further[piece.name];
        if (!build) throw new RangeError(`the model has no graph "${piece.name}"`);
        return build(weights);
      }
      case 'head': {
        const graph = headGraph(this.model, weights);
        if (!graph) throw new RangeError('the model has no language head');
        return graph;
      }
      case 'target':
        return targetGraph(this.model, weights);
      case 'attribution':
        return layerAttributionGraph(this.model, this.block(piece.layer), weights);
      case 'written':
        return writtenGraph(this.model, this.block(piece.layer), weights);
      case 'projection':
        return projectionGraph(this.model, this.block(piece.layer), weights);
      case 'step':
        return stepGraph(this.model, this.block(piece.layer), weights);
      case 'block':
        return blockGraph(this.model, this.block(piece.layer), weights, { instrumented: piece.instrumented });
    }
  }

  private block(layer: number): ModelSpec['blocks'][number] {
    const block = this.model.blocks[layer];
    if (!block) throw new RangeError(`the model has ${this.model.blocks.length} layers, not ${layer + 1}`);
    return block;
  }

  private prepacks(): boolean {
    return (this.prepack ??= this.weightBytes() <= (this.options.prepackedBytes ?? prepackedBytes));
  }

  /**
   * Whether blocks and steps of these weights are open side by side: float32 weights of a large model stay in the pages of their
   * file, which both read. Half weights are widened, and so held, by each session; two copies are held of a small model alone.
   */
  private sharesPages(used: ReadonlyMap<string, StoredTensor>): boolean {
    return this.prepacks() || [...used.values()].every(({ dtype }) => dtype === 'F32');
  }

  /** A layer of a large model that holds its weights is open for blocks or for steps, not for both. */
  private async closeTwins({ kind, ...piece }: Piece): Promise<void> {
    if (!('layer' in piece)) return;
    const { layer } = piece;
    if (kind === 'block') await this.close({ kind: 'step', layer });
    if (kind !== 'step') return;
    for (const instrumented of [false, true]) await this.close({ kind: 'block', layer, instrumented });
  }

  /**
   * Bytes of weights, as opened, that decoding by steps has to read again because the blocks hold them: 0 where the steps are
   * open, or share the pages of the blocks.
   */
  stepsToOpen(): number {
    this.stepBytes ??= this.model.blocks.map(({ index }) => {
      const used = this.tensorsOf({ kind: 'step', layer: index });
      return this.sharesPages(used) ? 0 : sumOf(used);
    });
    return this.stepBytes.reduce(
      (sum, bytes, layer) => (this.opened.has(keyOf({ kind: 'step', layer })) ? sum : sum + bytes),
      0,
    );
  }

  private async makeRoom(bytes: number, piece: Piece): Promise<void> {
    while (this.opened.size > 0 && this.openBytes() + bytes > this.limitBytes) {
      await this.close(this.victim(piece));
    }
  }

  /**
   * What is released first: a lens; a layer opened for blocks where one is opened for steps, and the other way round; then the
   * layer used last, as the layers come round in order and the one used longest ago is needed next; then the piece used longest
   * ago.
   */
  private victim(opening: Piece): Piece {
    const pieces = [...this.opened.values()].map(({ piece }) => piece);
    const other = opening.kind === 'step' ? 'block' : 'step';
    const victim =
      pieces.find(({ kind }) => kind === 'lens') ??
      pieces.findLast(({ kind }) => kind === other) ??
      pieces.findLast(({ kind }) => kind === 'block' || kind === 'step') ??
      pieces[0];
    if (!victim) throw new RangeError('nothing is open');
    return victim;
  }
}

/** Half-width weights are widened to float32 when a session opens. */
const openBytes = (tensor: StoredTensor): number => tensor.length * (tensor.dtype === 'F32' ? 1 : 2);

const sumOf = (used: ReadonlyMap<string, StoredTensor>): number =>
  [...used.values()].reduce((sum, tensor) => sum + openBytes(tensor), 0);
