/**
 * The sessions of one model: embedding, each block, head. Opened when first needed and kept warm between prompts. Where their
 * weights together would pass the limit, some layers stay open and the others are opened again in each pass over the model,
 * the next one read while a layer runs.
 */
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import type { StoredWeights } from '../../../../models/architectures/stored-weights';
import { FailureError } from '../../../../protocol/wire/failures';
import { lacksOperator } from '../../../devices/missing-operators';
import { openSession, type DeviceId, type RuntimeSession } from '../../../runtime/session';
import { ModelPieces, type HeldWeights, type PieceParts } from './model-pieces';
import { PiecePlaces, type PlaceOptions } from './piece-places';
import { PieceSizes, sumOf } from './piece-sizes';
import { areTwins, isLayer, keyOf, piecesBehind, victimOf, type FurtherGraphs, type Piece } from './pieces';
import { faultOf, onDevice, type Place } from './placement';
import { ReadAhead } from './read-ahead';
import { stepGroupsOf, type StepGroups } from './step-groups';

interface Opened {
  readonly piece: Piece;
  /** Whose memory holds it. */
  readonly holder: DeviceId;
  readonly session: RuntimeSession;
  readonly bytes: number;
  /** Bytes that its runs took, which a session of the cpu keeps for its next run. */
  readonly kept: number;
}

/** A model whose weights do not fit the limit together. */
export interface Reopening {
  /** Bytes of all weights as opened (of several devices: those on the CPU), and of those that may be open at once. */
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

/** Pieces whose weights are made while one is opened. */
const preparedAhead = 2;

export class LayerSessions {
  /** In order of use: the first is the one used longest ago. */
  private readonly opened = new Map<string, Opened>();
  private limitBytes: number;
  readonly places: PiecePlaces;
  readonly pieces: ModelPieces;
  readonly sizes: PieceSizes;
  private readonly ahead: ReadAhead;
  private prepack: boolean | undefined;
  private groups: StepGroups | undefined;
  /** By layer: what opening its step reads again. */
  private stepBytes: readonly number[] | undefined;
  /** Graphs of pieces that are opened soon. */
  private readonly soon = new Map<string, PieceParts>();

  constructor(
    private readonly model: ModelSpec,
    weights: StoredWeights,
    private readonly weightsFolder: string,
    private readonly options: PlaceOptions &
      HeldWeights & {
        readonly threads: number;
        /** Bytes of weights that may be open at once; one piece is always allowed. */
        readonly limitBytes: number;
        /** Default: 256 MB. */
        readonly prepackedBytes?: number;
      },
    /** Rejects when the files are no longer those whose headers were read. */
    private readonly requireUnchanged: () => Promise<void>,
    further: FurtherGraphs = {},
  ) {
    this.limitBytes = options.limitBytes;
    this.ahead = new ReadAhead(weightsFolder);
    this.places = new PiecePlaces(options);
    this.pieces = new ModelPieces(model, weights, further, this.places, options);
    this.sizes = new PieceSizes(this.pieces, this.places);
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
    const parts = this.soon.get(key) ?? this.pieces.partsOf(piece);
    this.soon.delete(key);
    this.prepareNext(piece);
    const bytes = sumOf(parts.weights);
    const twice = this.openTwice(parts);
    for (const { piece: other } of [...this.opened.values()]) {
      // The same layers for caches of another form would be one more copy.
      const otherForm = parts.layouts !== undefined && piece.kind === 'steps' && other.kind === 'steps';
      if ((!twice || otherForm) && areTwins(piece, other)) await this.close(other);
    }
    const holder = this.places.deviceOf(piece);
    await this.makeRoom(bytes, piece, holder);
    // A piece is opened when the run comes to it: offsets of the old headers would read anything in a file that was replaced.
    await this.requireUnchanged();
    const session = await this.open(piece, parts);
    this.opened.set(key, { piece, holder, session, bytes, kept: 0 });
    await this.readNext(piece);
    return session;
  }

  /** Where the model does not fit: the layer behind a layer, if it is not open. */
  private async readNext(piece: Piece): Promise<void> {
    if (!isLayer(piece)) return;
    const next = { ...piece, layer: piece.layer + 1 };
    if (next.layer >= this.model.blocks.length || this.fits(this.places.deviceOf(next)) || this.opened.has(keyOf(next)))
      return;
    const { layouts, sources } = this.pieces.partsOf(next);
    if (!layouts?.every((layout) => this.options.packed?.keeps(layout))) await this.ahead.start(sources);
  }

  /** Weights of the pieces behind this one that are not read where they are stored are made meanwhile. */
  private prepareNext(piece: Piece): void {
    const { packed } = this.options;
    if (!packed) return;
    for (const next of piecesBehind(this.model, piece, preparedAhead)) {
      const key = keyOf(next);
      if (this.places.deviceOf(next) !== 'cpu' || this.opened.has(key) || this.soon.has(key)) continue;
      const parts = this.pieces.partsOf(next);
      const [layout, ...more] = parts.layouts ?? [];
      if (!layout || more.length > 0) continue;
      packed.ahead(layout, this.weightsFolder);
      this.soon.set(key, parts);
    }
    for (const key of [...this.soon.keys()].slice(0, -2 * preparedAhead)) this.soon.delete(key);
  }

  private fits(holder: DeviceId): boolean {
    return this.sizes.heldBy(holder) <= this.places.limitOf(holder, this.limitBytes);
  }

  /** PieceSizes.onDevice, with what may be open there at once. */
  bytesOnDevice(device: DeviceId, multiplied?: 'float16'): number {
    return this.sizes.onDevice(device, this.places.limitOf(device, this.limitBytes), multiplied);
  }

  /**
   * Where the model does not fit: how many layers are opened again in a pass over the model, and seconds that it takes to read
   * and open one, tried on a layer in the middle.
   */
  async reopening(): Promise<Reopening | undefined> {
    const { areSeveral } = this.places;
    const holder = areSeveral ? 'cpu' : this.options.device;
    if (this.fits(holder)) return undefined;
    const own = this.model.blocks
      .map(({ index }) => index)
      .filter((layer) => this.places.deviceOfLayer(layer) === holder);
    const { length } = own;
    const piece = { kind: 'block', layer: own[Math.floor(length / 2)] ?? 0, instrumented: true } as const;
    const { sources, weights } = this.pieces.partsOf(piece);
    const started = performance.now();
    await (
      await this.ahead.start(sources)
    ).done;
    await this.session(piece);
    const seconds = (performance.now() - started) / 1000;
    await this.close(piece);
    const besides = this.pieces
      .plain()
      .filter((one) => one.kind !== 'block' && this.places.deviceOf(one) === holder)
      .reduce((sum, one) => sum + this.sizes.of(one), 0);
    const kept = Math.max(0, Math.floor((this.limitBytes - besides) / sumOf(weights)));
    const bytes = areSeveral ? this.sizes.heldBy(holder) : this.sizes.weights();
    return { bytes, limitBytes: this.limitBytes, layers: Math.max(1, length - kept), seconds };
  }

  private async open(piece: Piece, parts: PieceParts): Promise<RuntimeSession> {
    const name = keyOf(piece);
    const place = this.places.of(piece, parts.graph);
    try {
      const session = await this.openAt(place, piece, parts);
      return place.device === 'cpu' ? session : onDevice(session, place.device, name);
    } catch (error) {
      await this.requireUnchanged();
      if (error instanceof FailureError) throw error;
      if (place.device !== 'cpu' && lacksOperator(error)) {
        this.places.refuse(piece, 'An operator of its graph is not there on this device for its types.');
        return this.open(piece, parts);
      }
      if (place.device !== 'cpu') throw faultOf(place.device, name, error);
      throw new FailureError({
        code: 'runtime-failed',
        detail: `${name} could not be opened: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }

  private async openAt({ graph, device }: Place, piece: Piece, { layouts }: PieceParts): Promise<RuntimeSession> {
    const { packed, products, threads } = this.options;
    const prepared = layouts && (await packed?.prepare(layouts, this.weightsFolder));
    // The cpu multiplies in float32 only.
    const own = device === 'cpu' && products !== undefined ? this.pieces.partsOf(piece, 'float32').graph : graph;
    try {
      return await openSession(own, {
        device,
        threads,
        weightsFolder: this.weightsFolder,
        optimisation: 'basic',
        // MatMulNBits computes on what is laid out for it.
        prepack: device !== 'cpu' || this.prepacks() || layouts?.some(({ packs }) => packs) === true,
        ...prepared?.settings,
      });
    } finally {
      await prepared?.done();
    }
  }

  /** Finds out where each graph runs; the edge is opened, as its types are tried by no self-test. */
  async place(): Promise<void> {
    for (const piece of this.pieces.all()) this.places.of(piece, this.pieces.partsOf(piece).graph);
    await this.session(this.model.embedding ? { kind: 'embedding' } : { kind: 'further', name: 'patches' });
  }

  /** Changes the bytes of weights that may be open at once. */
  limit(bytes: number): void {
    this.limitBytes = bytes;
    this.groups = undefined;
  }

  /** Releases one piece, if it is open. */
  async close(piece: Piece): Promise<void> {
    const key = keyOf(piece);
    const known = this.opened.get(key);
    this.opened.delete(key);
    await known?.session.release();
  }

  /**
   * A layer has run in so many bytes. Its session keeps them for its next run (an arena of its own, onnxruntime 1.30), and so does
   * each other layer: of long prompts that is far more than one layer needs at a time. What is kept and the weights stay in twice
   * the limit of weights, which is the memory limit; layers beyond it are opened again.
   */
  async ran(layer: number, bytes: number): Promise<void> {
    if (this.places.deviceOfLayer(layer) !== 'cpu') return;
    for (const [key, one] of this.opened)
      if (one.piece.kind === 'block' && one.piece.layer === layer)
        this.opened.set(key, { ...one, kept: Math.max(one.kept, bytes) });
    const sum = (): number => this.openOn('cpu').reduce((all, one) => all + one.bytes + one.kept, 0);
    // The next layer needs as much. The one used last goes first: the others are needed before it.
    while (sum() + bytes > 2 * this.limitBytes) {
      const last = [...this.opened.values()].findLast(({ kept }) => kept > 0);
      if (!last) return;
      await this.close(last.piece);
    }
  }

  private openOn(holder: DeviceId): readonly Opened[] {
    return [...this.opened.values()].filter((one) => one.holder === holder);
  }

  openBytes(): number {
    return [...this.opened.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async release(): Promise<void> {
    const all = [...this.opened.values()];
    this.opened.clear();
    this.soon.clear();
    for (const { session } of all) await session.release();
    await this.options.packed?.clear();
  }

  /**
   * The layers from this one on whose steps are one session, if it is the first of such. Undefined where layers are sessions of their
   * own: on another device, or where not all of them fit into memory.
   */
  stepsFrom(layer: number): (Piece & { readonly kind: 'steps' }) | undefined {
    if (!this.places.areOnCpu || !this.fits('cpu')) return undefined;
    return (this.groups ??= stepGroupsOf(this.pieces, this.places)).get(layer);
  }

  private prepacks(): boolean {
    return (this.prepack ??= this.sizes.weights() <= (this.options.prepackedBytes ?? prepackedBytes));
  }

  /**
   * Whether blocks and steps of these weights are open side by side: float32 weights of a large model stay in the pages of their
   * file, which both read (1.29 GB: proportional set of the process 2,078 MB with blocks, 2,084 with both; the resident set counts
   * shared pages twice), and two copies in integers take about as much as one in half precision. Half weights are widened, and so
   * held, by each session; two copies are held of a small model alone.
   */
  private openTwice(parts: PieceParts): boolean {
    return this.prepacks() || parts.layouts !== undefined || this.sharesPages(parts);
  }

  private sharesPages({ layouts, sources }: PieceParts): boolean {
    return (
      layouts === undefined && this.options.products === undefined && sources.every(({ dtype }) => dtype === 'F32')
    );
  }

  /** Bytes of weights, as opened, that decoding by steps has to read again because the blocks hold them. */
  stepsToOpen(): number {
    this.stepBytes ??= this.model.blocks.map(({ index }) => {
      const parts = this.pieces.partsOf({ kind: 'step', layer: index });
      if (this.sharesPages(parts) || this.prepacks()) return 0;
      // Weights in integers are made again from those of the file.
      return parts.layouts ? parts.sources.reduce((sum, { length }) => sum + length, 0) : sumOf(parts.weights);
    });
    const open = new Set<number>();
    for (const { piece } of this.opened.values()) {
      if (piece.kind === 'step' && keyOf(piece) === keyOf({ kind: 'step', layer: piece.layer })) open.add(piece.layer);
      if (piece.kind === 'steps' && !piece.apart) for (let at = 0; at < piece.count; at++) open.add(piece.first + at);
    }
    return this.stepBytes.reduce((sum, bytes, layer) => (open.has(layer) ? sum : sum + bytes), 0);
  }

  private async makeRoom(bytes: number, opening: Piece, holder: DeviceId): Promise<void> {
    for (;;) {
      const open = this.openOn(holder);
      const sum = open.reduce((all, one) => all + one.bytes, 0);
      if (open.length === 0 || sum + bytes <= this.places.limitOf(holder, this.limitBytes)) return;
      await this.close(victimOf(open, opening));
    }
  }
}
