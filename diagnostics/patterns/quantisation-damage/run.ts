/** Compares weights, then maps and outputs layer by layer, then predictions, then runs with each map exact by itself. */
import { linearsOf } from '../../../models/architectures/exchange';
import type { AnalysisJob, Step } from '../../analysis';
import type { BesideModel } from '../../model-runner/beside';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { ResidualStream } from '../../model-runner/run-request';
import { argMax } from '../../model-runner/sampling';
import { mean } from '../../../kernels/tensors/vectors';
import { headChanges, type HeadChanges, type TextRequest } from '../../shared/beside/head-changes';
import { labelChangesOf, labelled, unlabelled, type LabelChanges } from '../../shared/beside/label-changes';
import { divergencesOf, filled, logitsOf, requireSame, rowsOf } from '../../shared/beside/predictions';
import { accuracies, type TaskAccuracies } from '../../shared/beside/task-accuracies';
import { textsOf, type TextParameters } from '../../shared/beside/texts';
import type { DamageResult, Wider } from './result';
import { endErrors, formatOf, headParts, layerErrors, noErrors, type LayerErrors } from '../../shared/beside/weights';

export type DamageParameters = TextParameters & {
  readonly against: string;
  readonly exchange: boolean;
  readonly labels: boolean;
};

/** Mean divergence in nats that the rounding of float32 sums can cause by itself. Below it no tensor gets a share. */
const rounding = 1e-9;

/** Exact logits that are kept for the runs of tensors, bytes; beyond them they are computed again. */
const keptLogits = 2 ** 28;

interface Predicted {
  readonly divergences: readonly number[];
  /** Tokens after which both predict the same one. */
  readonly same: number;
}

export async function* damageRun(
  model: ModelRunner,
  job: AnalysisJob<DamageParameters>,
): AsyncGenerator<Step<DamageResult>, DamageResult> {
  const { input, parameters, variant, groups, step } = job;
  yield { sentence: 'Opening the model that it was made from', done: 0, total: 0 };
  const beside = await model.beside(parameters.against);
  const exact = beside.model;
  requireSame(model, exact);
  const texts = await textsOf(model, job, parameters);
  const requests = texts.map(({ prompt }): TextRequest => ({ ...prompt, groups: groups ?? [], variants: [variant] }));
  const kept = <T>(key: string, act: () => Promise<T>): Promise<T> => step(`${beside.stamp} ${key}`, act);
  const { blocks, predicts } = model.facts;
  const exchanges = parameters.exchange && predicts ? beside.exchanges.length : 0;
  const noLabels = parameters.labels ? unlabelled(job) : undefined;
  const total = 2 * blocks.length + 2 + exchanges + (parameters.labels ? 2 : 0) + (input.task ? 1 : 0);
  const errors: LayerErrors[] = [];
  const changes: HeadChanges[] = [];
  const wider: Wider[] = [];
  const predicted: Predicted[] = [];
  let ends: Awaited<ReturnType<typeof endErrors>> = { tensors: [], notes: [] };
  let labels: LabelChanges | undefined;
  let accuracy: TaskAccuracies | undefined;
  const result = (): DamageResult => {
    const heads = { ...noErrors };
    for (const name of [...headParts, 'weights', 'largest'] as const)
      heads[name] = blocks.map(({ heads: count }, layer) => filled(errors[layer]?.heads[name], count));
    const divergences = predicted.flatMap((text) => text.divergences);
    return {
      ...{ against: exact.facts.summary.name, ...heads, divergences },
      agree: predicted.reduce((sum, { same }) => sum + same, 0) / divergences.length,
      divergence: divergences.length === 0 ? Number.NaN : mean(divergences),
      maps: blocks.map(({ heads: count }, layer) => filled(changes[layer]?.maps, count)),
      outputs: blocks.map(({ heads: count }, layer) => filled(changes[layer]?.outputs, count)),
      tensors: [...errors.flatMap(({ tensors }) => tensors), ...ends.tensors],
      wider: wider.toSorted((a, b) => b.recovered - a.recovered),
      texts: predicted.map(({ divergences: own, same }, at) => ({
        ...{ name: texts[at]?.name ?? '', tokens: own.length, divergence: mean(own), agree: same / own.length },
      })),
      ...(labels ? { labels } : {}),
      ...(accuracy ? { accuracy } : {}),
      notes: [
        ...errors.flatMap(({ notes }) => notes),
        ...ends.notes,
        ...(exchanges > 0 ? notExchanged(model, beside) : []),
        ...(noLabels === undefined ? [] : [`Labels are left out: ${noLabels}`]),
        ...(predicts
          ? []
          : ['The model predicts no next token, so predictions are not compared and no tensor is tried.']),
      ],
    };
  };

  let done = 0;
  for (const layer of blocks.keys()) {
    yield { sentence: `Weights of layer ${layer} of ${blocks.length}`, done: done++, total };
    errors.push(await kept(`weights of layer ${layer}`, () => layerErrors(model, exact, layer)));
  }
  yield { sentence: 'Embedding and language head', done: done++, total, partial: result() };
  ends = await kept('embedding and head', () => endErrors(model, exact));
  for (const layer of blocks.keys()) {
    yield { sentence: `Heads of layer ${layer} of ${blocks.length}`, done: done++, total };
    changes.push(await kept(`heads of layer ${layer}`, () => headChanges(model, exact, requests, layer)));
  }
  const exactLogits = keptLogitsOf(exact, requests);
  if (predicts) {
    yield { sentence: 'Predictions', done: done++, total, partial: result() };
    for (const [at, request] of requests.entries()) {
      predicted.push(
        await kept(at === 0 ? 'predictions' : `predictions ${at}`, async () => {
          const [own, other] = [await logitsOf(model, request), await exactLogits(at)];
          const rows = request.ids.length;
          const beside = rowsOf(other, rows);
          const same = rowsOf(own, rows).filter((row, i) => argMax(row) === argMax(beside[i] ?? row));
          return { divergences: divergencesOf(other, own, rows), same: same.length };
        }),
      );
    }
  }
  const [first] = texts;
  if (parameters.labels && noLabels === undefined && first) {
    const within = { ...job, step: kept };
    const known: Awaited<ReturnType<typeof readLabels>>[] = [];
    for (const [of, name] of [
      [model, 'own'],
      [exact, 'exact'],
    ] as const) {
      yield { sentence: `Labels of heads of ${of.facts.summary.name}`, done: done++, total, partial: result() };
      known.push(await readLabels(labelled(of, name, first.prompt, within)));
    }
    const [own, other] = known;
    if (own && other) labels = labelChangesOf(own, other);
  }
  if (input.task && predicts) {
    const run = accuracies(model, exact, input.task, { variant, step: kept });
    for (;;) {
      const next = await run.next();
      if (next.done) {
        accuracy = next.value;
        break;
      }
      yield { sentence: next.value.sentence, done, total, partial: result() };
    }
    done++;
  }
  const whole = result().divergence;
  for (let at = 0; at < exchanges; at++) {
    const { tensors = [] } = beside.exchanges[at] ?? {};
    yield { sentence: `With ${tensors[0] ?? ''} exact`, done: done++, total, partial: result() };
    const left =
      whole <= rounding
        ? whole
        : await kept(`exchange ${at}`, async () =>
            mean((await exchangedDivergences(model, beside, at, requests, exactLogits)).flat()),
          );
    const format = [...new Set(tensors.map((tensor) => formatOf(model, tensor)))].join(', ');
    wider.push({ tensors, format, divergence: left, recovered: whole <= rounding ? 0 : 1 - left / whole });
  }
  return result();
}

/** Its steps are short beside those of the whole run, so only its end is waited for. */
async function readLabels(run: ReturnType<typeof labelled>) {
  for (;;) {
    const next = await run.next();
    if (next.done) return next.value;
  }
}

/** Maps of the layers that no run has exact by themselves, because the two files store them in different ways. */
function notExchanged({ checkpoint }: ModelRunner, { exchanges }: BesideModel<ModelRunner>): readonly string[] {
  const tried = new Set(exchanges.flatMap(({ tensors }) => tensors));
  const all = new Set(linearsOf(checkpoint.spec.blocks).map(([, { weight }]) => weight));
  const left = [...all].filter((weight) => !tried.has(weight));
  return left.length === 0
    ? []
    : [
        `${left.length} maps are not exchanged on their own, such as ${left[0] ?? ''}: the two files store them in different ways.`,
      ];
}

/** Exact logits of a text by its number; only some are kept. */
function keptLogitsOf(model: ModelRunner, requests: readonly TextRequest[]): (text: number) => Promise<Float32Array> {
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
async function exchangedDivergences(
  model: ModelRunner,
  beside: BesideModel<ModelRunner>,
  exchange: number,
  requests: readonly TextRequest[],
  exactLogits: (text: number) => Promise<Float32Array>,
): Promise<readonly (readonly number[])[]> {
  const { layers = [] } = beside.exchanges[exchange] ?? {};
  return beside.exchanged(exchange, async (mixed) => {
    const found: (readonly number[])[] = [];
    for (const [at, request] of requests.entries()) {
      const own = await mixedLogits(model, mixed, layers, request);
      found.push(divergencesOf(await exactLogits(at), own, request.ids.length));
    }
    return found;
  });
}

async function mixedLogits(
  model: ModelRunner,
  mixed: ModelRunner,
  layers: readonly number[],
  request: TextRequest,
): Promise<Float32Array> {
  const end = model.facts.blocks.length;
  let stream: ResidualStream | undefined;
  let from = 0;
  for (;;) {
    const isMixed = layers.includes(from);
    const depth = isMixed ? from + 1 : (layers.find((layer) => layer > from) ?? end);
    const runner = isMixed ? mixed : model;
    const run = runner.layers({
      ...request,
      ...(stream ? { from: stream } : {}),
      ...(depth < end ? { depth } : {}),
      logits: depth < end ? 'none' : 'all',
    });
    for (;;) {
      const step = await run.next();
      if (step.done) {
        const data = step.value.logits?.data;
        if (depth < end) break;
        if (!(data instanceof Float32Array)) throw new TypeError('the run gave no logits');
        return data;
      }
      if (step.value.layer === depth - 1 && depth < end) stream = await step.value.stream();
    }
    from = depth;
  }
}
