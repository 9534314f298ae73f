/** Weights of a model that is open, for analyses of what its heads could do. */
import type {
  Attending,
  BesideWeights,
  EncoderHead,
  HeadMap,
  HeadMaps,
  LayerRotation,
  LayerWeights,
  ModelWeights,
  NormWeights,
  ScoreWeights,
  TokenRows,
} from '../../diagnostics/model-runner/weights';
import { lensProblem } from '../../models/architectures/lens-graph';
import type { BlockSpec, EmbeddingSpec, HeadSpec } from '../../models/architectures/model-spec';
import type { Linear } from '../../models/architectures/weights-spec';
import { rotaryTables } from '../../models/architectures/rope';
import { headMaps, scoreWeights } from '../model/checkpoint/head-maps';
import { layerWeights, linearWeights, normWeights, mapWeights, someRows } from '../model/checkpoint/layer-weights';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { floats } from '../model/run/graphs/runtime-arrays';

export class ServerWeights implements ModelWeights {
  readonly tokens: TokenRows | undefined;

  constructor(
    private readonly model: LoadedModel,
    private readonly signal: AbortSignal,
  ) {
    const { embedding, head } = model.spec;
    const { vocabulary } = head;
    if (embedding && vocabulary && lensProblem(model.spec) === undefined) {
      this.tokens = {
        addsPositions:
          embedding.positions !== undefined && embedding.norm === undefined && embedding.types === undefined,
        embedding: (first, count) => this.embedding(embedding, first, count),
        unembedding: (first, count) => this.unembedding(head, vocabulary, first, count),
      };
    }
  }

  async layer(layer: number, beside?: readonly BesideWeights[]): Promise<LayerWeights> {
    return layerWeights(await this.block(layer), this.model.weights, this.model.weightsFolder, beside);
  }

  async scores(layer: number): Promise<ScoreWeights> {
    return scoreWeights(await this.block(layer), this.model.weights, this.model.weightsFolder);
  }

  async heads(layer: number, of: Attending = 'self'): Promise<HeadMaps> {
    const block = await this.block(layer);
    const { cross } = block;
    const read = of === 'self' ? block : cross ? { attention: cross.attention } : {};
    return headMaps(read, this.model.weights, this.model.weightsFolder);
  }

  private async block(layer: number): Promise<BlockSpec> {
    this.signal.throwIfAborted();
    const { blocks } = this.model.spec;
    const block = blocks[layer];
    if (!block) throw new RangeError(`no layer ${layer} of ${blocks.length}`);
    await this.model.requireUnchanged();
    return block;
  }

  async map(linear: Linear): Promise<HeadMap> {
    this.signal.throwIfAborted();
    await this.model.requireUnchanged();
    return mapWeights(linear, this.model.weights, this.model.weightsFolder);
  }

  async encoderHead(): Promise<EncoderHead> {
    this.signal.throwIfAborted();
    const { weights, weightsFolder, vision, config } = this.model;
    if (!vision) throw new RangeError('the model is no vision encoder');
    await this.model.requireUnchanged();
    const { norm, classifier } = vision.tower;
    if (!classifier) return { norm: await this.norm(norm) };
    const { linear, reads, normed } = classifier;
    const names = config['id2label'];
    const classes = Array.from({ length: linear.outputs }, (_, id) => classNamed(names, id));
    return {
      norm: await this.norm(norm),
      classifier: { linear: await mapWeights(linear, weights, weightsFolder), reads, normed, classes },
    };
  }

  rotation(layer: number, positions: readonly number[], last: number): LayerRotation | undefined {
    const { blocks, ropes, contextLength } = this.model.spec;
    const { rope: index } = blocks[layer]?.attention ?? {};
    const rope = index === undefined ? undefined : ropes[index];
    if (!rope) return undefined;
    const { dimensions, layout } = rope;
    return { ...rotaryTables(rope, positions, { contextLength, sequenceLength: last + 1 }), dimensions, layout };
  }

  async product(a: Float32Array, b: Float32Array, inner: number): Promise<Float32Array> {
    this.signal.throwIfAborted();
    // Maps of a layer without attention have no rows.
    if (a.length === 0 || b.length === 0) return new Float32Array(0);
    const session = await this.model.sessions.session({ kind: 'product' });
    const matrix = (data: Float32Array) => ({ data, shape: [data.length / inner, inner] });
    return floats(await session.run({ a: matrix(a), b: matrix(b) }), 'product');
  }

  private async embedding(
    { tokens, width, scale = 1, project }: EmbeddingSpec,
    first: number,
    count: number,
  ): Promise<Float32Array> {
    const stored = await this.rows({ weight: tokens, inputs: width }, first, count);
    const rows = scale === 1 ? stored : stored.map((value) => value * scale);
    if (!project) return rows;
    const { data } = await this.linear(project);
    return this.product(rows, data, width);
  }

  private async unembedding(
    { norm, project }: HeadSpec,
    vocabulary: Linear,
    first: number,
    count: number,
  ): Promise<Float32Array> {
    let rows = await this.rows(vocabulary, first, count);
    if (project) rows = await this.product(rows, (await this.linear(project)).transposed, project.outputs);
    return norm ? throughNorm(await this.norm(norm), rows) : rows;
  }

  private rows(
    of: Pick<Linear, 'weight' | 'inputs' | 'firstRow'>,
    first: number,
    count: number,
  ): Promise<Float32Array> {
    this.signal.throwIfAborted();
    return someRows(of, first, count, this.model.weights, this.model.weightsFolder);
  }

  private linear(of: Linear): ReturnType<typeof linearWeights> {
    return linearWeights(of, this.model.weights, this.model.weightsFolder);
  }

  private norm(of: Parameters<typeof normWeights>[0]): Promise<NormWeights> {
    return normWeights(of, this.model.weights, this.model.weightsFolder);
  }
}

function classNamed(names: unknown, id: number): string {
  const named =
    typeof names === 'object' && names !== null ? (names as Record<string, unknown>)[String(id)] : undefined;
  return typeof named === 'string' ? named : `class ${id}`;
}

/** Directions [count, w] of the output of a norm as directions of its input, the scale of the norm left out. */
function throughNorm({ kind, gain }: NormWeights, rows: Float32Array): Float32Array {
  const width = gain.length;
  const out = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += width) {
    let mean = 0;
    for (let i = 0; i < width; i++) mean += ((rows[start + i] ?? 0) * (gain[i] ?? 0)) / width;
    if (kind === 'rms') mean = 0;
    for (let i = 0; i < width; i++) out[start + i] = (rows[start + i] ?? 0) * (gain[i] ?? 0) - mean;
  }
  return out;
}
