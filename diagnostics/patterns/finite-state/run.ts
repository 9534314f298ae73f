/** One run of the prompt; then layer by layer on the host, head by head. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { hasChange } from '../../../models/instrument/changes/changes';
import type { AnalysisJob, Step } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { LayerResult, TensorData } from '../../model-runner/run-request';
import { sharedOf } from '../../shared/weights/head-of';
import { degreesOf, type DegreesOfHead } from './degrees';
import type { FiniteStateParameters } from './parameters';
import { stateSize } from '../../shared/statistics/state-size';
import type { FiniteStateResult } from './result';

export async function* finiteStateRun(
  model: ModelRunner,
  { input, parameters, variant, step }: AnalysisJob<FiniteStateParameters>,
): AsyncGenerator<Step<FiniteStateResult>, FiniteStateResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('no prompt');
  requirePlainScores(variant);
  const { blocks } = model.facts;
  const taps = [...blocks.keys()].flatMap((layer) =>
    (['attention.query', 'attention.key', 'attention.value'] as const).map((tap) => ({ layer, tap })),
  );
  const tapRows = Array.from({ length: rowsOf(prompt, parameters) }, (_, row) => row);
  const measured: (readonly DegreesOfHead[])[] = [];
  for await (const result of model.layers({ ...prompt, variants: [variant], taps, tapRows, logits: 'none' })) {
    const { layer } = result;
    yield {
      sentence: `Layer ${layer} of ${blocks.length}`,
      done: layer,
      total: blocks.length,
      ...(layer > 0 ? { partial: resultOf(model, measured, prompt, parameters) } : {}),
    };
    measured.push(await step(`layer ${layer}`, () => layerDegrees(model, prompt, result, parameters)));
  }
  return resultOf(model, measured, prompt, parameters);
}

/** Scores are made again of queries and keys: what acts on scores or on weights behind them would be missed. */
function requirePlainScores(variant: Variant): void {
  if (!hasChange(variant, 'bias', 'weight', 'uniform', 'phase', 'isolation')) return;
  throw refusal(
    'An intervention acts on scores or on attention weights, and this analysis works them out from queries and keys. Leave it out, or change the head’s output (a gain).',
  );
}

const rowsOf = ({ ids }: Prompt, { rows }: FiniteStateParameters): number => Math.min(ids.length, rows);

async function layerDegrees(
  model: ModelRunner,
  prompt: Prompt,
  { layer, taps }: LayerResult,
  parameters: FiniteStateParameters,
): Promise<readonly DegreesOfHead[]> {
  const block = model.facts.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  const { heads, headDim, causal, window = Infinity } = block;
  const { scale, softcap } = await model.weights.layer(layer, ['gates']);
  const rows = rowsOf(prompt, parameters);
  const rowsIn = (tensor: TensorData | undefined, head: number): Float32Array => {
    if (!(tensor?.data instanceof Float32Array)) throw new TypeError('a tap is missing');
    return tensor.data.subarray(head * rows * headDim, (head + 1) * rows * headDim);
  };
  const prefix = prompt.prefix ?? 0;
  return Array.from({ length: heads }, (_, head) => {
    const shared = sharedOf(block, head);
    return degreesOf(
      {
        query: rowsIn(taps['attention.query'], head),
        key: rowsIn(taps['attention.key'], shared),
        value: rowsIn(taps['attention.value'], shared),
        ...{ rows, headDim, scale },
        ...(softcap === undefined ? {} : { softcap }),
        reads: (row) =>
          causal
            ? [Math.max(0, row - window + 1), Math.min(rows, Math.max(row + 1, row < prefix ? prefix : 0))]
            : [0, rows],
      },
      parameters.tolerance,
      parameters.degree,
    );
  });
}

function resultOf(
  { facts }: ModelRunner,
  measured: readonly (readonly DegreesOfHead[])[],
  prompt: Prompt,
  parameters: FiniteStateParameters,
): FiniteStateResult {
  const perHead = <T>(of: (head: DegreesOfHead | undefined, headDim: number) => T): T[][] =>
    facts.blocks.map(({ heads, headDim }, layer) =>
      Array.from({ length: heads }, (_, head) => of(measured[layer]?.[head], headDim)),
    );
  return {
    degree: perHead((head) => head?.degree ?? Number.NaN),
    digits: perHead((head, headDim) =>
      head?.degree === undefined ? Number.NaN : Math.log10(stateSize(headDim, head.degree)),
    ),
    largestScore: perHead((head) => head?.largestScore ?? Number.NaN),
    errors: perHead((head) => head?.errors ?? []),
    tried: Array.from({ length: Math.floor(parameters.degree / 2) + 1 }, (_, at) => 2 * at),
    tolerance: parameters.tolerance,
    largestDegree: parameters.degree,
    rows: rowsOf(prompt, parameters),
  };
}
