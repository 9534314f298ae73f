/** Direct paths of a model that is open: the graphs of models/architectures/attribution-graphs.ts, run layer by layer. */
import type {
  DirectEffects,
  DirectPaths,
  HeadProjections,
  LogitTarget,
  StreamRow,
} from '../../diagnostics/model-runner/direct-paths';
import { dot } from '../../kernels/tensors/vectors';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { embedTokens } from '../model/run/stream/embed';
import { floats, int64 } from '../model/run/graphs/runtime-arrays';
import { addsBeside, attentionIn, headsOf } from '../../models/architectures/block-heads';
import { rowWidth } from '../../models/architectures/carried-rows';
import { lensProblem } from '../../models/architectures/lens-graph';
import type { BlockSpec, ModelSpec } from '../../models/architectures/model-spec';
import { FailureError } from '../../protocol/wire/failures';
import type { RuntimeArray, RuntimeValues } from '../runtime/session';

/** Bytes of logits that leave the runtime at once. */
const mostLogitBytes = 2 ** 26;

export class ServerDirectPaths implements DirectPaths {
  constructor(
    private readonly model: LoadedModel,
    private readonly signal: AbortSignal,
  ) {}

  get softcap(): number | undefined {
    return this.model.spec.head.softcap;
  }

  async logits(streams: readonly Float32Array[]): Promise<readonly Float32Array[]> {
    const { spec, sessions } = this.model;
    const vocabulary = this.vocabulary();
    const problem = spec.carried && lensProblem(spec);
    if (problem !== undefined) throw refused(problem);
    const width = rowWidth(spec);
    const session = await sessions.session({ kind: 'head' });
    const together = Math.max(1, Math.floor(mostLogitBytes / (4 * vocabulary)));
    const logits: Float32Array[] = [];
    for (let first = 0; first < streams.length; first += together) {
      this.signal.throwIfAborted();
      const some = streams.slice(first, first + together);
      const values = await session.run({ residual: rows(some.map(widened(width)), [1, some.length, width]) });
      logits.push(...rowsOf(values, 'logits', some.length));
    }
    return logits;
  }

  async effects(row: StreamRow, target: LogitTarget): Promise<DirectEffects> {
    const { spec, sessions } = this.model;
    this.vocabulary();
    const one = (data: Float32Array): RuntimeArray => rows([data], [1, data.length]);
    const session = await sessions.session({ kind: 'target' });
    const last = await session.run({
      residual: one(at(row.streams, spec.blocks.length)),
      token_ids: int64(
        target.map(({ token }) => token),
        [target.length],
      ),
      coefficients: one(Float32Array.from(target, ({ weight }) => weight)),
    });
    const tokens = Array.from(floats(last, 'logits'));
    let direction = floats(last, 'direction.in');
    let rest = restOf(last);
    const heads = spec.blocks.map((block) => new Array<number>(headsOf(block).heads).fill(0));
    const cross = spec.blocks.map((block) => new Array<number>(block.cross?.attention.heads ?? 0).fill(0));
    const mlp = new Array<number>(spec.blocks.length).fill(0);
    const recurrent = new Array<number>(spec.blocks.length).fill(0);
    const { replacedBehind = -1 } = row;
    for (let layer = spec.blocks.length - 1; layer > replacedBehind; layer--) {
      this.signal.throwIfAborted();
      // `direction` is that of the stream which leaves the layer: what is added there is credited to no part.
      rest += dot(direction, row.added?.[layer] ?? []);
      const block = blockAt(spec, layer);
      const layerSession = await sessions.session({ kind: 'attribution', layer });
      const values = await layerSession.run({
        residual: one(at(row.streams, layer)),
        head_output: one(at(row.headOutputs, layer)),
        attention_output: one(at(row.attentionOutputs, layer)),
        mlp_output: one(at(row.networkOutputs, layer)),
        direction: one(direction),
        ...(addsBeside(block) ? { left: one(without(at(row.streams, layer + 1), row.added?.[layer])) } : {}),
        ...(block.cross
          ? {
              cross_head_output: one(at(row.crossHeadOutputs ?? [], layer)),
              cross_output: one(at(row.crossOutputs ?? [], layer)),
            }
          : {}),
      });
      if (values['cross']) cross[layer] = Array.from(floats(values, 'cross'));
      if (values['recurrent']) recurrent[layer] = floats(values, 'recurrent')[0] ?? 0;
      if (values['heads']) heads[layer] = Array.from(floats(values, 'heads'));
      mlp[layer] = floats(values, 'mlp')[0] ?? 0;
      rest += restOf(values);
      direction = floats(values, 'direction.in');
    }
    const start = at(row.streams, replacedBehind + 1);
    const entered = dot(direction, start);
    return {
      heads,
      ...(spec.sourceWidth === undefined ? {} : { cross }),
      ...(spec.blocks.some(({ attention, state }) => attention && state) ? { recurrent } : {}),
      mlp,
      embedding: replacedBehind < 0 ? entered : 0,
      rest: replacedBehind < 0 ? rest : rest + entered,
      logit: target.reduce((sum, { weight }, i) => sum + weight * (tokens[i] ?? 0), 0),
      tokens,
    };
  }

  async written(row: StreamRow, layer: number, part: Float32Array): Promise<Float32Array> {
    const { spec, sessions } = this.model;
    this.vocabulary();
    const whole = at(row.headOutputs, layer);
    const session = await sessions.session({ kind: 'written', layer });
    const { written } = await session.run({
      head_output: rows([whole], [1, whole.length]),
      part: rows([part], [1, part.length]),
    });
    const lens = await sessions.session({ kind: 'lens', tokens: false });
    const shape = [1, 1, spec.hiddenSize];
    const values = await lens.run({
      residual: rows([at(row.streams, spec.blocks.length)], shape),
      part: { data: written?.data ?? new Float32Array(0), shape },
    });
    return floats(values, 'logits');
  }

  async projected(layer: number, streams: readonly Float32Array[]): Promise<HeadProjections> {
    const { spec, sessions } = this.model;
    const { projection } = attentionIn(blockAt(spec, layer));
    if (projection.kind === 'handed')
      throw refused(
        `Layer ${layer} reads the keys and values of layer ${projection.layer}, which a stream alone does not give.`,
      );
    const session = await sessions.session({ kind: 'projection', layer });
    const values = await session.run({ residual: rows(streams, [1, streams.length, spec.hiddenSize]) });
    const by = (name: string) => rowsOf(values, name, streams.length);
    const gate = values['gate'] ? { gate: by('gate') } : {};
    return { query: by('query'), key: by('key'), value: by('value'), ...gate };
  }

  async embedded(ids: readonly number[]): Promise<readonly Float32Array[]> {
    const { spec, sessions } = this.model;
    this.signal.throwIfAborted();
    const positions = ids.map(() => 0);
    const data = await embedTokens(spec, sessions, { ids, positions }, 0, ids);
    const width = rowWidth(spec);
    return ids.map((_, i) => data.subarray(i * width, i * width + spec.hiddenSize));
  }

  private vocabulary(): number {
    const outputs = this.model.spec.head.vocabulary?.outputs;
    if (outputs === undefined) throw new RangeError('the model has no language head');
    return outputs;
  }
}

const refused = (problem: string): FailureError =>
  new FailureError({ code: 'unsupported', detail: `${problem} Choose another model.` });

/** A stream as the row that the head reads, which reads nothing else of it. */
const widened =
  (width: number) =>
  (stream: Float32Array): Float32Array => {
    if (stream.length === width) return stream;
    const row = new Float32Array(width);
    row.set(stream);
    return row;
  };

const without = (stream: Float32Array, added: Float32Array | undefined): Float32Array =>
  added ? stream.map((value, i) => value - (added[i] ?? 0)) : stream;

function blockAt({ blocks }: ModelSpec, layer: number): BlockSpec {
  const block = blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer} of ${blocks.length}`);
  return block;
}

function at(list: readonly Float32Array[], index: number): Float32Array {
  const found = list[index];
  if (!found) throw new RangeError(`there are ${list.length} rows, and row ${index} is wanted`);
  return found;
}

function rows(list: readonly Float32Array[], shape: readonly number[]): RuntimeArray {
  const [only] = list;
  if (only && list.length === 1) return { data: only, shape };
  const width = only?.length ?? 0;
  const data = new Float32Array(list.length * width);
  list.forEach((row, i) => data.set(row, i * width));
  return { data, shape };
}

function rowsOf(values: RuntimeValues, name: string, count: number): Float32Array[] {
  const data = floats(values, name);
  const width = data.length / count;
  return Array.from({ length: count }, (_, i) => data.subarray(i * width, (i + 1) * width));
}

const restOf = (values: RuntimeValues): number => (values['rest'] ? (floats(values, 'rest')[0] ?? 0) : 0);
