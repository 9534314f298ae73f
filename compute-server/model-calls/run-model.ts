/** One run of a model for a script: taps, attention of single heads, statistics, logits, under any changes. */
import { headsOf } from '../../models/architectures/block-heads';
import { allSizes } from '../../models/architectures/layer-sizes';
import type { ModelSpec } from '../../models/architectures/model-spec';
import { layerTaps, parseTap, type LayerTap } from '../../models/instrument/taps';
import { widenHalf } from '../../kernels/tensors/half';
import type { TensorData } from '../../diagnostics/model-runner/run-request';
import { sequencePart } from '../../diagnostics/model-runner/sequence';
import type { ModelRun, RunTensor } from '../../protocol/compute/models';
import type { ModelRunRequest } from '../../protocol/compute/model-requests';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { printableLine } from '../../protocol/wire/printable';
import { bytesInWords } from '../../protocol/wire/words';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { hasTap } from '../model/run/stream/absent-taps';
import { ServerRunner } from '../runner/runner';
import { readerOf } from '../model/prompt/prompt';
import type { Surroundings } from '../surroundings';
import { tables, topOf } from './generate-job';

/** Bytes of all tensors of an answer. They are held twice on their way to the script, and one message holds 4 GB at most. */
const mostBytes = 1e9;

export async function runModel(
  opened: LoadedModel,
  request: ModelRunRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<ModelRun> {
  const { interventions, attention, statistics } = request;
  const model = readerOf(opened, request.prompt);
  const { spec } = model;
  const taps = request.taps.map((name) => namedTap(spec, name));
  for (const { layer, head } of attention) requireHeadAt(spec, layer, head);
  const { logits, top } = readoutOf(spec, request);
  const runner = ServerRunner.reading(opened, request.prompt, surroundings, signal);
  try {
    const prompt = await runner.prompt(request.prompt, interventions);
    const rows = [...new Set(request.rows ?? [])].sort((a, b) => a - b);
    const outside = rows.find((row) => row >= prompt.ids.length);
    if (outside !== undefined) {
      throw refusal(`Row ${outside} is asked for, and the prompt has ${prompt.ids.length} tokens, from 0.`);
    }
    requireSmall(spec, { taps, attention, logits }, { ids: prompt.ids, source: prompt.source?.ids, rows });
    const parity = await runner.parity(prompt);
    const { variant, groups } = await runner.variant(interventions, prompt);
    const lossRows = request.loss ? prompt.ids.slice(1).map((_, row) => row) : [];
    const result = await runner.run({
      ...sequencePart(prompt),
      ...(groups ? { groups } : {}),
      variants: [variant],
      taps: taps.map(({ layer, tap }) => ({ layer, tap })),
      ...(rows.length > 0 ? { tapRows: rows } : {}),
      maps: attention,
      statistics,
      logits,
      ...(lossRows.length > 0 ? { lossAt: lossRows } : {}),
    });
    const found = new Map(result.layers.map((layer) => [layer.layer, layer]));
    const [loss] = result.loss ?? [];
    const given = result.logits && withoutBatch(result.logits);
    const width = given?.shape.at(-1) ?? 0;
    const last = given?.data.subarray(given.data.length - width);
    const { source, image, chatPrompt } = prompt;
    return {
      ids: prompt.ids,
      tokens: prompt.tokens,
      ...(source ? { source: { ids: source.ids, tokens: source.tokens } } : {}),
      ...(image ? { image } : {}),
      ...(chatPrompt ? { chatPrompt } : {}),
      ...(given && last ? { logits: logits === 'last' ? { data: last.slice(), shape: [width] } : given } : {}),
      taps: Object.fromEntries(
        taps.map(({ name, layer, tap }) => {
          const data = found.get(layer)?.taps[tap];
          if (!data) throw new RangeError(`the run gave no ${name}`);
          return [name, withoutBatch(data)];
        }),
      ),
      attention: attention.map(({ layer, head }) => {
        const map = found.get(layer)?.maps.get(head);
        if (!map) throw new RangeError(`the run gave no attention of layer ${layer} head ${head}`);
        return { data: map, shape: [prompt.ids.length, prompt.ids.length] };
      }),
      ...(statistics ? { statistics: tables(result.layers.flatMap((layer) => layer.statistics ?? [])) } : {}),
      ...(loss === undefined ? {} : { loss }),
      top: last && top > 0 ? topOf(model, last, top) : [],
      parity,
    };
  } finally {
    await runner.close();
  }
}

interface NamedTap {
  readonly name: string;
  readonly layer: number;
  readonly tap: LayerTap;
}

function namedTap(spec: ModelSpec, name: string): NamedTap {
  const parsed = parseTap(name);
  if (parsed?.kind === 'model' && parsed.tap === 'embedding') return { name, layer: 0, tap: 'residual.input' };
  if (parsed?.kind === 'model')
    throw refusal(`"logits" is no tap of a layer. Ask for logits with the setting of that name.`);
  if (!parsed) {
    const known = Object.keys(layerTaps)
      .filter((tap) => tap !== 'attention.selected')
      .join(', ');
    throw refusal(
      `There is no tap "${printableLine(name).slice(0, 80)}". Write embedding or layer.N.TAP, where N counts layers from 0 and TAP is one of ${known}.`,
    );
  }
  const { layer, tap } = parsed;
  const block = blockAt(spec, layer);
  if (!hasTap(block, tap) || (tap.startsWith('cross.') && !block.cross))
    throw refusal(`Layer ${layer} has no "${tap}" in this model. Leave it out.`);
  if (tap === 'attention.selected') {
    throw refusal(
      `"attention.selected" is for chosen heads. Ask for the attention of each head, or for layer.${layer}.attention.probabilities.`,
    );
  }
  return { name, layer, tap };
}

function blockAt(spec: ModelSpec, layer: number): ModelSpec['blocks'][number] {
  const block = spec.blocks[layer];
  if (block) return block;
  throw refusal(`There is no layer ${layer}: the model has ${spec.blocks.length}, counted from 0.`);
}

function requireHeadAt(spec: ModelSpec, layer: number, head: number): void {
  const { heads } = headsOf(blockAt(spec, layer));
  if (head < heads) return;
  throw refusal(
    heads === 0
      ? `Layer ${layer} has no attention in this model. Choose another layer.`
      : `There is no head ${head} in layer ${layer}: it has ${heads}, counted from 0.`,
  );
}

function readoutOf(
  { head }: ModelSpec,
  { logits, loss, top }: ModelRunRequest,
): { readonly logits: 'last' | 'all' | 'none'; readonly top: number } {
  if (!head.vocabulary && ((logits ?? 'none') !== 'none' || loss || (top ?? 0) > 0)) {
    const detail = 'The model has no language head, so it gives no logits, loss or next tokens. Leave them out.';
    throw new FailureError({ code: 'unsupported', detail });
  }
  const wanted = logits ?? (head.vocabulary ? 'last' : 'none');
  if (wanted === 'none' && (top ?? 0) > 0)
    throw refusal('The next tokens are read from logits. Leave logits: none out.');
  return { logits: wanted, top: wanted === 'none' ? 0 : (top ?? 10) };
}

/** Refuses before the run what would not fit in an answer. Numbers of axes as docs/model-taps.md names them. */
function requireSmall(
  spec: ModelSpec,
  asked: Pick<ModelRunRequest, 'attention'> & { readonly taps: readonly NamedTap[]; readonly logits: string },
  prompt: {
    readonly ids: readonly number[];
    readonly source: readonly number[] | undefined;
    readonly rows: readonly number[];
  },
): void {
  const t = prompt.ids.length;
  const n = prompt.rows.length || t;
  const sizes = allSizes(spec);
  const numbers = asked.taps.reduce((sum, { layer, tap }) => {
    const { heads, kvHeads, headDim, hiddenSize, units, experts } = sizes[layer] ?? sizes[0]!;
    const axes = { h: heads, g: kvHeads, d: headDim, w: hiddenSize, u: units, E: experts?.count ?? 0 };
    const of: Readonly<Record<string, number>> = { ...axes, b: 1, n, t, m: prompt.source?.length ?? 0 };
    return sum + layerTaps[tap].split(' ').reduce((product, axis) => product * (of[axis] ?? 1), 1);
  }, 0);
  const logits = asked.logits === 'all' ? t * (spec.head.vocabulary?.outputs ?? 0) : 0;
  const bytes = 4 * (numbers + logits + asked.attention.length * t * t);
  if (bytes <= mostBytes) return;
  throw refusal(
    `What is asked for takes ${bytesInWords(bytes)}, and one run gives ${bytesInWords(mostBytes)} at most. Read fewer taps or rows, or run a shorter prompt.`,
  );
}

/** Of one variant: without its axis, in float32. */
function withoutBatch({ data, shape }: TensorData): RunTensor {
  return { data: floatsOf(data), shape: shape.slice(1) };
}

function floatsOf(data: TensorData['data']): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array) {
    const wide = new Float32Array(data.length);
    widenHalf(data, wide);
    return wide;
  }
  return Float32Array.from(data, Number);
}
