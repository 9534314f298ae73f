/** All pieces of a model, and what each is opened from: its graph and the weights that it asks for. */
import type { Dim } from '../../../../kernels/graph/dims';
import type { Graph } from '../../../../kernels/graph/graph';
import { lensProblem } from '../../../../models/architectures/lens-graph';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { stepsGraph } from '../../../../models/architectures/step-graph';
import type { StoredTensor, StoredWeights } from '../../../../models/architectures/stored-weights';
import type { DeviceId } from '../../../runtime/session';
import type { PackedWeights } from '../../weights/packed-weights';
import { besideEachOther, type PieceLayout } from '../../weights/piece-layout';
import type { PiecePlaces } from './piece-places';
import { keyOf, mayPack, pieceGraph, piecesOf, usesOf, type FurtherGraphs, type Piece } from './pieces';
import { webgpuBinding } from './placement';

/** A piece as it is going to be opened. */
export interface PieceParts {
  readonly graph: Graph<Dim>;
  /** Bytes that each of its weights takes when it is open, by a label of its own. */
  readonly weights: ReadonlyMap<string, number>;
  /** Tensors that are read to open it. */
  readonly sources: readonly StoredTensor[];
  /** The layouts of a piece whose weights are not read where they are stored: one, or of each layer of a group. */
  readonly layouts?: readonly PieceLayout[];
}

export interface HeldWeights {
  /** Weights that are not read where they are stored: held in integers, or widened. */
  readonly packed?: PackedWeights;
  /** Linear maps that multiply in float16 where they run on the device. */
  readonly products?: 'float16';
}

export class ModelPieces {
  constructor(
    readonly model: ModelSpec,
    private readonly weights: StoredWeights,
    private readonly further: FurtherGraphs,
    private readonly places: PiecePlaces,
    private readonly held: HeldWeights,
  ) {}

  /** The pieces of a plain run. */
  plain(): readonly Piece[] {
    return piecesOf(this.model, this.further);
  }

  /** With those that an instrumented run opens. */
  all(): readonly Piece[] {
    const lenses = lensProblem(this.model) === undefined ? [false, true] : [];
    return [
      ...this.plain(),
      ...lenses.map((tokens) => ({ kind: 'lens', tokens }) as const),
      ...this.model.blocks.map(({ index }) => ({ kind: 'block', layer: index, instrumented: true }) as const),
    ];
  }

  /** Every graph that a run may open, with its name. */
  *graphs(): Generator<readonly [name: string, graph: Graph<Dim>]> {
    for (const piece of this.all()) yield [keyOf(piece), this.partsOf(piece).graph];
  }

  /** Builds every graph and drops it: throws ModelError when a weight is missing, of another shape or of another type. */
  check(): void {
    for (const piece of this.plain()) pieceGraph(this.model, this.further, piece, this.weights);
  }

  /** Whether the model has this graph besides its layers. */
  has({ name }: Piece & { readonly kind: 'further' }): boolean {
    return Object.hasOwn(this.further, name);
  }

  get hasEmbedding(): boolean {
    return this.model.embedding !== undefined;
  }

  get hasHead(): boolean {
    return this.model.head.vocabulary !== undefined;
  }

  get layerCount(): number {
    return this.model.blocks.length;
  }

  partsOf(piece: Piece, multiplied: 'float16' | 'float32' = this.held.products ?? 'float32'): PieceParts {
    if (piece.kind === 'steps') return this.partsOfSteps(piece);
    const device = this.places.deviceOf(piece);
    const { areSeveral } = this.places;
    const products = multiplied === 'float16' && !(areSeveral && device === 'cpu') ? multiplied : undefined;
    const layout = this.held.packed?.layout(
      { ...this.limitedOn(device), find: (name) => this.weights.find(name) },
      usesOf(piece),
      areSeveral && device !== 'cpu',
    );
    if (layout) {
      const graph = pieceGraph(this.model, this.further, piece, layout);
      if (layout.changes) return { graph, weights: layout.bytes, sources: layout.sources, layouts: [layout] };
    }
    const used = new Map<string, StoredTensor>();
    const graph = pieceGraph(
      this.model,
      this.further,
      piece,
      this.noting(used, device, mayPack(piece) ? products : undefined),
    );
    const weights = new Map([...used].map(([name, tensor]) => [name, openBytes(tensor, products)]));
    return { graph, weights, sources: [...used.values()] };
  }

  private partsOfSteps(piece: Piece & { readonly kind: 'steps' }): PieceParts {
    const blocks = this.model.blocks.slice(piece.first, piece.first + piece.count);
    const alone = blocks.map(({ index: layer }) => this.partsOf({ kind: 'step', layer }));
    const layouts = alone.flatMap((parts) => parts.layouts ?? []);
    const weights = layouts.length === 0 ? blocks.map(() => this.weights) : besideEachOther(layouts);
    return {
      graph: stepsGraph(this.model, blocks, ({ index }) => weights[index - piece.first] ?? this.weights, piece),
      weights: new Map(alone.flatMap((parts) => [...parts.weights])),
      sources: alone.flatMap(({ sources }) => sources),
      ...(layouts.length === 0 ? {} : { layouts }),
    };
  }

  /** The weights, noting each tensor that a graph asks for. */
  private noting(used: Map<string, StoredTensor>, device: DeviceId, products?: 'float16'): StoredWeights {
    return {
      ...(products ? { products } : {}),
      ...this.limitedOn(device),
      find: (name) => {
        const tensor = this.weights.find(name);
        if (tensor) used.set(name, tensor);
        return tensor;
      },
    };
  }

  private limitedOn(device: DeviceId): Pick<StoredWeights, 'largest' | 'sum'> {
    const { weights } = this;
    return {
      ...(weights.sum ? { sum: (name: string) => weights.sum?.(name) } : {}),
      ...(device === 'webgpu' ? { largest: webgpuBinding } : {}),
    };
  }
}

/** Half-width weights are widened to float32 when a session opens, unless they are multiplied as float16. */
const openBytes = (tensor: StoredTensor, products: 'float16' | undefined): number =>
  products ? tensor.length / (tensor.dtype === 'F32' ? 2 : 1) : tensor.length * (tensor.dtype === 'F32' ? 1 : 2);
