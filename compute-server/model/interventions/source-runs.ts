/**
 * Plain runs whose values replace those of another run. A source is run once, layer by layer, and of each layer only the rows
 * that are wanted are kept.
 */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { runPrompt } from '../run/stream/model-run';
import type { LayerResult, ResidualStream } from '../run/stream/run-request';
import { sequencePart, type Sequence } from '../../../diagnostics/model-runner/sequence';
import { wantedKey, widthOf, type Rows, type Wanted } from './wanted-rows';
import { tapOf } from '../../../models/instrument/changes/replacement';

export interface PlainRun {
  readonly sequence: Sequence;
  readonly chunk: number;
}

/** What each layer of a plain run gives of the taps of `wanted`; layers that none of them names are run through. */
async function* layersWith(
  model: ModelSpec,
  sessions: LayerSessions,
  { sequence, chunk }: PlainRun,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): AsyncGenerator<LayerResult> {
  let stream: ResidualStream | undefined;
  for (const layer of [...new Set(wanted.map((one) => one.layer))].sort((a, b) => a - b)) {
    const taps = [...new Set(wanted.filter((one) => one.layer === layer).map(({ target }) => tapOf[target]))];
    const run = await runPrompt(
      { ...model, blocks: model.blocks.slice(0, layer + 1) },
      sessions,
      {
        ...sequencePart(sequence),
        chunk,
        logits: 'none',
        keepLast: true,
        taps: taps.map((tap) => ({ layer, tap })),
        ...(stream ? { from: stream } : {}),
      },
      { signal },
    );
    stream = run.last;
    const result = run.layers.at(-1);
    if (!result) throw new RangeError(`layer ${layer} was not run`);
    yield result;
  }
}

/** The rows of a head, or of the layer's one stream, [positions, width]; still inside the tap. */
function rowsIn(model: ModelSpec, { taps }: LayerResult, one: Wanted, positions: number): Float32Array {
  const data = taps[tapOf[one.target]]?.data;
  if (!(data instanceof Float32Array)) throw new TypeError(`layer ${one.layer} gave no ${tapOf[one.target]}`);
  const length = positions * widthOf(model, one);
  return data.subarray((one.head ?? 0) * length, ((one.head ?? 0) + 1) * length);
}

/** Each as it is, position by position. */
export async function valuesOf(
  model: ModelSpec,
  sessions: LayerSessions,
  run: PlainRun,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<Map<string, Rows>> {
  const found = new Map<string, Rows>();
  for await (const result of layersWith(model, sessions, run, wanted, signal)) {
    for (const one of wanted.filter(({ layer }) => layer === result.layer)) {
      const data = rowsIn(model, result, one, run.sequence.ids.length).slice();
      found.set(wantedKey(one), { data, everywhere: false });
    }
  }
  return found;
}

/** Each as one row: the mean over all positions of all runs. */
export async function meansOf(
  model: ModelSpec,
  sessions: LayerSessions,
  runs: readonly PlainRun[],
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<Map<string, Rows>> {
  const sums = new Map(wanted.map((one) => [wantedKey(one), new Float64Array(widthOf(model, one))]));
  for (const run of runs) {
    for await (const result of layersWith(model, sessions, run, wanted, signal)) {
      for (const one of wanted.filter(({ layer }) => layer === result.layer)) {
        const rows = rowsIn(model, result, one, run.sequence.ids.length);
        const sum = sums.get(wantedKey(one));
        rows.forEach((value, at) => {
          if (sum) sum[at % sum.length] = (sum[at % sum.length] ?? 0) + value;
        });
      }
    }
  }
  const positions = runs.reduce((total, { sequence }) => total + sequence.ids.length, 0);
  return new Map(
    [...sums].map(([key, sum]) => [
      key,
      { data: Float32Array.from(sum, (total) => total / positions), everywhere: true },
    ]),
  );
}
