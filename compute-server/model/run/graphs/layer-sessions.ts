/**
 * The sessions of one model: embedding, each block, head. Opened when first needed and kept warm between prompts. Where their
 * weights together would pass the limit, some layers stay open and the others are opened again in each pass over the model,
 * the next one read while a layer runs.
 */
import type { Dim } from '../../../../kernels/graph/dims';
import type { Graph } from '../../../../kernels/graph/graph';
import { lensProblem } from '../../../../models/architectures/lens-graph';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import type { SelfTest } from '../../../../protocol/compute/api';
import type { StoredTensor, StoredWeights } from '../../../../models/architectures/stored-weights';
import { FailureError } from '../../../../protocol/wire/failures';
import { lacksOperator } from '../../../devices/missing-operators';
import { openSession, type DeviceId, type RuntimeSession } from '../../../runtime/session';
import type { PackedWeights } from '../../weights/packed-weights';
import type { PieceLayout } from '../../weights/piece-layout';
import { faultOf, onDevice, Placement, webgpuBinding, type Place } from './placement';
import {
  areTwins,
  isLayer,
  keyOf,
  mayPack,
  pieceGraph,
  piecesOf,
  victimOf,
  wordsOf,
  type FurtherGraphs,
  type Piece,
} from './pieces';
import { ReadAhead } from './read-ahead';

/** A piece as it is going to be opened. */
interface PieceParts {
  readonly graph: Graph<Dim>;
  /** Bytes that each of its weights takes when it is open, by a label of its own. */
  readonly weights: ReadonlyMap<string, number>;
  /** Tensors that are read to open it. */
  readonly sources: readonly StoredTensor[];
  /** The layout of a piece held in integers. */
  readonly layout?: PieceLayout;
}

interface Opened {
  readonly piece: Piece;
  readonly session: RuntimeSession;
  readonly bytes: number;
}

/** A model whose weights do not fit the limit together. */
export interface Reopening {
  /** Bytes of all weights as opened, and of those that may be open at once. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** Layers that are opened again in each pass over the model. */
  readonly layers: number;
  /** Seconds to read and open one layer. */
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
  /** Bytes of all pieces as opened. */
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
      /** Absent for the cpu. */
      readonly selfTest?: SelfTest | undefined;
      /** Default: 256 MB. */
      readonly prepackedBytes?: number;
      /** Linear maps held in integers. */
      readonly packed?: PackedWeights;
      /** Linear maps that multiply in float16 where they run on the device. */
      readonly products?: 'float16';
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
    const parts = this.partsOf(piece);
    const bytes = sumOf(parts.weights);
    if (!this.openTwice(parts)) {
      for (const { piece: other } of [...this.opened.values()]) if (areTwins(piece, other)) await this.close(other);
    }
    await this.makeRoom(bytes, piece);
    // A piece is opened when the run comes to it: offsets of the old headers would read anything in a file that was replaced.
    await this.requireUnchanged();
    const session = await this.open(piece, parts);
    this.opened.set(key, { piece, session, bytes });
    await this.readNext(piece);
    return session;
  }

  /** Where the model does not fit: the layer behind a layer, if it is not open. */
  private async readNext(piece: Piece): Promise<void> {
    if (!isLayer(piece) || this.fits()) return;
    const next = { ...piece, layer: piece.layer + 1 };
    if (next.layer >= this.model.blocks.length || this.opened.has(keyOf(next))) return;
    const { layout, sources } = this.partsOf(next);
    if (!layout || !this.options.packed?.keeps(layout)) await this.ahead.start(sources);
  }

  private partsOf(piece: Piece, multiplied: 'float16' | 'float32' = this.options.products ?? 'float32'): PieceParts {
    const products = multiplied === 'float16' ? multiplied : undefined;
    const layout = mayPack(piece)
      ? this.options.packed?.layout({ ...this.limited, find: (name) => this.weights.find(name) })
      : undefined;
    if (layout) {
      const graph = pieceGraph(this.model, this.further, piece, layout);
      if (layout.packs) return { graph, weights: layout.bytes, sources: layout.sources, layout };
    }
    const used = new Map<string, StoredTensor>();
    const graph = pieceGraph(this.model, this.further, piece, this.noting(used, mayPack(piece) ? products : undefined));
    const weights = new Map([...used].map(([name, tensor]) => [name, openBytes(tensor, products)]));
    return { graph, weights, sources: [...used.values()] };
  }

  /** A tensor that two pieces read is counted for each, as both open it. */
  private pieceBytes(of: (piece: Piece) => boolean): number {
    return this.pieces()
      .filter(of)
      .reduce((sum, piece) => sum + sumOf(this.partsOf(piece).weights), 0);
  }

  private fits(): boolean {
    this.allBytes ??= this.pieceBytes(() => true);
    return this.allBytes <= this.limitBytes;
  }

  /** What is opened as a whole and takes most, and its bytes as opened. */
  largestPiece(): { readonly name: string; readonly bytes: number } {
    return this.pieces()
      .map((piece) => ({ name: wordsOf(piece), bytes: sumOf(this.partsOf(piece).weights) }))
      .reduce((most, one) => (one.bytes > most.bytes ? one : most));
  }

  /**
   * Bytes of weights that are open on the device at most, as opened: of all graphs that run there (a tensor that two of them
   * read lies there twice), no more than may be open at once, and at least the largest, which is always allowed.
   * `multiplied`: what linear maps that are not held in integers multiply in.
   */
  bytesOnDevice(multiplied?: 'float16'): number {
    const pieces = this.pieces().flatMap((piece) => {
      const { graph, weights } = this.partsOf(piece, multiplied);
      return this.placement.of(keyOf(piece), graph).device === 'cpu' ? [] : [sumOf(weights)];
    });
    const all = pieces.reduce((sum, bytes) => sum + bytes, 0);
    return Math.max(Math.min(all, this.limitBytes), ...pieces, 0);
  }

  /**
   * Where the model does not fit: how many layers are opened again in a pass over the model, and seconds that it takes to read
   * and open one, tried on a layer in the middle.
   */
  async reopening(): Promise<Reopening | undefined> {
    if (this.fits()) return undefined;
    const { length } = this.model.blocks;
    const piece = { kind: 'block', layer: Math.floor(length / 2), instrumented: true } as const;
    const { sources, weights } = this.partsOf(piece);
    const started = performance.now();
    await (
      await this.ahead.start(sources)
    ).done;
    await this.session(piece);
    const seconds = (performance.now() - started) / 1000;
    await this.close(piece);
    const besides = this.pieceBytes(({ kind }) => kind !== 'block');
    const kept = Math.max(0, Math.floor((this.limitBytes - besides) / sumOf(weights)));
    return { bytes: this.weightBytes(), limitBytes: this.limitBytes, layers: Math.max(1, length - kept), seconds };
  }

  private async open(piece: Piece, parts: PieceParts): Promise<RuntimeSession> {
    const name = keyOf(piece);
    const place = this.placement.of(name, parts.graph);
    try {
      const session = await this.openAt(place, piece, parts);
      return place.device === 'cpu' ? session : onDevice(session, place.device, name);
    } catch (error) {
      await this.requireUnchanged();
      if (error instanceof FailureError) throw error;
      if (place.device !== 'cpu' && lacksOperator(error)) {
        this.placement.refuse(name, 'An operator of its graph is not there on this device for its types.');
        return this.open(piece, parts);
      }
      if (place.device !== 'cpu') throw faultOf(place.device, name, error);
      throw new FailureError({
        code: 'runtime-failed',
        detail: `${name} could not be opened: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }

  private async openAt({ graph, device }: Place, piece: Piece, { layout }: PieceParts): Promise<RuntimeSession> {
    const { packed, products, threads } = this.options;
    const prepared = layout && (await packed?.prepare(layout, this.weightsFolder));
    // The cpu multiplies in float32 only.
    const own = device === 'cpu' && products !== undefined ? this.partsOf(piece, 'float32').graph : graph;
    try {
      return await openSession(own, {
        device,
        threads,
        weightsFolder: this.weightsFolder,
        optimisation: 'basic',
        // MatMulNBits computes on what is laid out for it.
        prepack: device !== 'cpu' || this.prepacks() || layout !== undefined,
        ...prepared?.settings,
      });
    } finally {
      await prepared?.done();
    }
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
    return sumOf(new Map(this.pieces().flatMap((piece) => [...this.partsOf(piece).weights])));
  }

  /** Builds every graph and drops it: throws ModelError when a weight is missing, of another shape or of another type. */
  check(): void {
    for (const piece of this.pieces()) pieceGraph(this.model, this.further, piece, this.weights);
  }

  /** Every graph that a run may open, with its name. */
  *graphs(): Generator<readonly [name: string, graph: Graph<Dim>]> {
    const lenses = lensProblem(this.model) === undefined ? [false, true] : [];
    const all: readonly Piece[] = [
      ...this.pieces(),
      ...lenses.map((tokens) => ({ kind: 'lens', tokens }) as const),
      ...this.model.blocks.map(({ index }) => ({ kind: 'block', layer: index, instrumented: true }) as const),
    ];
    for (const piece of all) yield [keyOf(piece), this.partsOf(piece).graph];
  }

  private pieces(): readonly Piece[] {
    return piecesOf(this.model, this.further);
  }

  /** The weights, noting each tensor that a graph asks for. */
  private noting(used: Map<string, StoredTensor>, products?: 'float16'): StoredWeights {
    return {
      ...(products ? { products } : {}),
      ...this.limited,
      find: (name) => {
        const tensor = this.weights.find(name);
        if (tensor) used.set(name, tensor);
        return tensor;
      },
    };
  }

  private get limited(): Pick<StoredWeights, 'largest'> {
    return this.options.device === 'webgpu' ? { largest: webgpuBinding } : {};
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

  private prepacks(): boolean {
    return (this.prepack ??= this.weightBytes() <= (this.options.prepackedBytes ?? prepackedBytes));
  }

  /**
   * Whether blocks and steps of these weights are open side by side: float32 weights of a large model stay in the pages of their
   * file, which both read (1.29 GB: proportional set of the process 2,078 MB with blocks, 2,084 with both; the resident set counts
   * shared pages twice), and two copies in integers take about as much as one in half precision. Half weights are widened, and so
   * held, by each session; two copies are held of a small model alone.
   */
  private openTwice(parts: PieceParts): boolean {
    return this.prepacks() || parts.layout !== undefined || this.sharesPages(parts);
  }

  private sharesPages({ layout, sources }: PieceParts): boolean {
    return layout === undefined && this.options.products === undefined && sources.every(({ dtype }) => dtype === 'F32');
  }

  /** Bytes of weights, as opened, that decoding by steps has to read again because the blocks hold them. */
  stepsToOpen(): number {
    this.stepBytes ??= this.model.blocks.map(({ index }) => {
      const parts = this.partsOf({ kind: 'step', layer: index });
      if (this.sharesPages(parts) || this.prepacks()) return 0;
      // Weights in integers are made again from those of the file.
      return parts.layout ? parts.sources.reduce((sum, { length }) => sum + length, 0) : sumOf(parts.weights);
    });
    return this.stepBytes.reduce(
      (sum, bytes, layer) => (this.opened.has(keyOf({ kind: 'step', layer })) ? sum : sum + bytes),
      0,
    );
  }

  private async makeRoom(bytes: number, opening: Piece): Promise<void> {
    while (this.opened.size > 0 && this.openBytes() + bytes > this.limitBytes) {
      await this.close(victimOf(this.opened.values(), opening));
    }
  }
}

/** Half-width weights are widened to float32 when a session opens, unless they are multiplied as float16. */
const openBytes = (tensor: StoredTensor, products: 'float16' | undefined): number =>
  products ? tensor.length / (tensor.dtype === 'F32' ? 2 : 1) : tensor.length * (tensor.dtype === 'F32' ? 1 : 2);

const sumOf = (weights: ReadonlyMap<string, number>): number =>
  [...weights.values()].reduce((sum, bytes) => sum + bytes, 0);
