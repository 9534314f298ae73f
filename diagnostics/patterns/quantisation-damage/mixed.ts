/** Runs with some maps of the model taken from the one beside it, and the divergence that is left. */
import { linearsOf } from '../../../models/architectures/exchange';
import type { BesideModel } from '../../model-runner/beside';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { ResidualStream } from '../../model-runner/run-request';
import type { SourceRows } from '../../model-runner/sequence';
import type { TextPair, TextRequest } from '../../shared/beside/head-changes';
import { divergencesOf, logitsOf } from '../../shared/beside/predictions';
import { encoderInput, encoderOf } from '../../shared/effects/encoder';

/** Exact logits that are kept for the runs of tensors, bytes; beyond them they are computed again. */
const keptLogits = 2 ** 28;

/** Maps of the layers that no run has exact by themselves, because the two files store them in different ways. */
export function notExchanged(
  model: ModelRunner,
  { exchanges }: Pick<BesideModel<ModelRunner>, 'exchanges'>,
): readonly string[] {
  const tried = new Set(exchanges.flatMap(({ tensors }) => tensors));
  const blocks = [model, model.source()].flatMap((each) => each?.checkpoint.spec.blocks ?? []);
  const all = new Set(linearsOf(blocks).map(([, { weight }]) => weight));
  const left = [...all].filter((weight) => !tried.has(weight));
  return left.length === 0
    ? []
    : [
        `${left.length} maps are not exchanged on their own, such as ${left[0] ?? ''}: the two files store them in different ways.`,
      ];
}

/** Exact logits of a text by its number; only some are kept. */
export function keptLogitsOf(
  model: ModelRunner,
  requests: readonly TextRequest[],
): (text: number) => Promise<Float32Array> {
  const rows = requests.reduce((sum, { ids }) => sum + ids.length, 0);
  const isKept = 4 * rows * model.facts.summary.vocabulary <= keptLogits;
  const known = new Map<number, Float32Array>();
  return async (text) => {
    const request = requests[text];
    if (!request) throw new RangeError(`there is no text ${text}`);
    const logits = known.get(text) ?? (await logitsOf(model, request));
    if (isKept) known.set(text, logits);
    return logits;
  };
}

/** KL by token, text by text. The layers of an exchange run in its own model, the others in the open one. */
export async function exchangedDivergences(
  model: ModelRunner,
  beside: BesideModel<ModelRunner>,
  exchange: number,
  texts: readonly TextPair[],
  exactLogits: (text: number) => Promise<Float32Array>,
): Promise<readonly (readonly number[])[]> {
  const { layers = [], source } = beside.exchanges[exchange] ?? {};
  return beside.exchanged(exchange, async (mixed) => {
    const found: (readonly number[])[] = [];
    for (const [at, { own }] of texts.entries()) {
      const read =
        source && own.source ? { ...own, source: await mixedSource(model, mixed, source.layers, own.source) } : own;
      const { logits } = await mixedRun(model, mixed, layers, read);
      if (!(logits instanceof Float32Array)) throw new TypeError('the run gave no logits');
      found.push(divergencesOf(await exactLogits(at), logits, own.ids.length));
    }
    return found;
  });
}

/** The source as the encoder gives it with some of its layers mixed; the layers and the norm behind them are those of the open model. */
async function mixedSource(
  model: ModelRunner,
  mixed: ModelRunner,
  layers: readonly number[],
  source: SourceRows,
): Promise<SourceRows> {
  const variant = source.variant ?? [];
  const request = { ...encoderInput(source), variants: [variant] };
  const { stream } = await mixedRun(encoderOf(model), encoderOf(mixed), layers, request, (layers.at(-1) ?? -1) + 1);
  const [encoded = source] = await model.encoded(source, [variant], stream);
  return encoded;
}

/** The logits of all rows; with `end`: the stream that leaves the layers before it. */
async function mixedRun(
  model: ModelRunner,
  mixed: ModelRunner,
  layers: readonly number[],
  request: TextRequest,
  end?: number,
): Promise<{ readonly logits?: unknown; readonly stream?: ResidualStream }> {
  const last = end ?? model.facts.blocks.length;
  let stream: ResidualStream | undefined;
  for (let from = 0; from < last;) {
    const isMixed = layers.includes(from);
    const depth = isMixed ? from + 1 : (layers.find((layer) => layer > from) ?? last);
    const predicts = depth === last && end === undefined;
    const run = (isMixed ? mixed : model).layers({
      ...request,
      ...(stream ? { from: stream } : {}),
      ...(predicts ? {} : { depth }),
      logits: predicts ? 'all' : 'none',
    });
    for (;;) {
      const step = await run.next();
      if (step.done) {
        if (predicts) return { logits: step.value.logits?.data };
        break;
      }
      if (step.value.layer === depth - 1 && !predicts) stream = await step.value.stream();
    }
    from = depth;
  }
  return stream ? { stream } : {};
}
