/** A tiny vision-language checkpoint run forward in float64 from pixels to the objective, with pixels and weights moved. */
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { PreparedPicture } from '../../../compute-server/model/checkpoint/vision-model';
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { storedRows } from '../../../models/architectures/gradient-graphs';
import { buildConnector, buildPatches } from '../../../models/architectures/patch-graphs';
import type { CheckpointTensor } from '../../support/safetensors-file';
import { evaluate } from '../../support/graph-arithmetic/evaluate';
import { Float64Model } from './float64-model';

export interface PictureMoves {
  /** By tile: added to its pixels. */
  readonly pixels?: ReadonlyMap<number, Float64Array>;
  /** Added to a stored tensor, wherever it is read. */
  readonly weights?: ReadonlyMap<string, Float64Array>;
}

export class Float64Picture {
  private readonly patches: GraphBuilder;
  private readonly connector: GraphBuilder;

  constructor(
    private readonly model: LoadedModel,
    private readonly tensors: ReadonlyMap<string, CheckpointTensor>,
  ) {
    const { tower, connector } = model.vision!;
    this.patches = buildPatches(tower, model.weights);
    this.connector = buildConnector(tower, connector!, model.weights);
  }

  /** Tensors that patches and connector read. */
  get ends(): readonly string[] {
    const read = [this.patches, this.connector].flatMap(({ initialisers }) =>
      initialisers.filter(({ data }) => !(data instanceof Uint8Array)),
    );
    return [...new Set(read.map(({ value }) => storedRows(value.name).name))];
  }

  objective(request: GradientRequest, { processed, tokens }: PreparedPicture, moves: PictureMoves = {}): number {
    const { model, tensors } = this;
    const { tower, connector } = model.vision!;
    const { size, channels, rows, columns, leading } = tower.patches;
    const ids = Array.from({ length: rows * columns + leading.length }, (_, row) => row);
    const encoder = new Float64Model(tower.stack, model.weights, tensors, { ids, objective: request.objective });
    const weights = (label: string): Tensor => encoder.weight(label, moves);
    let newline: Float64Array | undefined;
    const features = processed.tiles.map((tile, at) => {
      const by = moves.pixels?.get(at);
      const pixels = tensor(
        [1, channels, size, size],
        Float64Array.from(tile, (x, i) => x + (by?.[i] ?? 0)),
      );
      const embedding = evaluate(this.patches, { pixels }, weights).get('residual.out')!.data;
      const streams = encoder.streams({ ...moves, embedding });
      const states = connector!.states.map((state, i) => [`state.${i}`, streams[state]!] as const);
      const made = evaluate(this.connector, Object.fromEntries(states), weights);
      newline = made.get('newline')?.data;
      return made.get('features')!.data;
    });
    const width = model.spec.hiddenSize;
    const moved = new Float64Array(request.ids.length * width);
    tokens.pieces
      .filter(({ kind }) => kind !== 'text')
      .forEach((piece, at) => {
        const row = request.embeddings!.rows[at]!;
        for (let i = 0; i < width; i++) {
          const value = piece.kind === 'cell' ? features[piece.tile]![piece.cell * width + i]! : newline![i]!;
          moved[row * width + i] = value - request.embeddings!.data[at * width + i]!;
        }
      });
    return new Float64Model(model.spec, model.weights, tensors, request).objective({ ...moves, embedding: moved });
  }
}
