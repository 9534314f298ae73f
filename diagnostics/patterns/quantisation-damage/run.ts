/** Compares weights, then maps and outputs layer by layer, then predictions, then runs with each map exact by itself. */
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { argMax } from '../../model-runner/sampling';
import { mean } from '../../../kernels/tensors/vectors';
import type { CrossHeads } from '../../../protocol/results/cross-heads';
import type { TextPair } from '../../shared/beside/head-changes';
import {
  crossLabelChangesOf,
  crossLabelled,
  labelChangesOf,
  labelled,
  unlabelled,
  type CrossLabelChanges,
  type LabelChanges,
} from '../../shared/beside/label-changes';
import { divergencesOf, logitsOf, requireSame, rowsOf } from '../../shared/beside/predictions';
import { accuracies, type TaskAccuracies } from '../../shared/beside/task-accuracies';
import { textsOf, type TextParameters } from '../../shared/beside/texts';
import { exchangedDivergences, keptLogitsOf, notExchanged } from './mixed';
import type { DamageResult, Wider } from './result';
import { pairOf, stacksOf } from './stacks';
import { endErrors, formatOf } from '../../shared/beside/weights';

export type DamageParameters = TextParameters & {
  readonly against: string;
  readonly exchange: boolean;
  readonly labels: boolean;
};

/** Mean divergence in nats that the rounding of float32 sums can cause by itself. Below it no tensor gets a share. */
const rounding = 1e-9;

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
  const pairs: TextPair[] = [];
  for (const { prompt } of texts)
    pairs.push(await pairOf(model, exact, { ...prompt, groups: groups ?? [], variants: [variant] }));
  const stacks = stacksOf(model, exact, pairs);
  const [ownHeads, cross, encoder] = stacks;
  const kept = <T>(key: string, act: () => Promise<T>): Promise<T> => step(`${beside.stamp} ${key}`, act);
  const { predicts } = model.facts;
  const exchanges = parameters.exchange && predicts ? beside.exchanges.length : 0;
  const noLabels = parameters.labels ? unlabelled(job) : undefined;
  const layers = stacks.reduce((sum, { counts }) => sum + counts.length, 0);
  const total = 2 * layers + 2 + exchanges + (parameters.labels ? 2 * stacks.length : 0) + (input.task ? 1 : 0);
  const wider: Wider[] = [];
  const predicted: Predicted[] = [];
  let ends: Awaited<ReturnType<typeof endErrors>> = { tensors: [], notes: [] };
  const labels: { own?: LabelChanges; cross?: CrossLabelChanges; encoder?: LabelChanges } = {};
  let accuracy: TaskAccuracies | undefined;
  const result = (): DamageResult => {
    const divergences = predicted.flatMap((text) => text.divergences);
    return {
      ...{ against: exact.facts.summary.name, ...ownHeads.result(), divergences },
      ...(cross ? { cross: { ...cross.result(), ...(labels.cross ? { labels: labels.cross } : {}) } } : {}),
      ...(encoder ? { encoder: { ...encoder.result(), ...(labels.encoder ? { labels: labels.encoder } : {}) } } : {}),
      agree: predicted.reduce((sum, { same }) => sum + same, 0) / divergences.length,
      divergence: divergences.length === 0 ? Number.NaN : mean(divergences),
      tensors: [...stacks.flatMap(({ errors }) => errors.flatMap(({ tensors }) => tensors)), ...ends.tensors],
      wider: wider.toSorted((a, b) => b.recovered - a.recovered),
      texts: predicted.map(({ divergences: own, same }, at) => ({
        ...{ name: texts[at]?.name ?? '', tokens: own.length, divergence: mean(own), agree: same / own.length },
      })),
      ...(labels.own ? { labels: labels.own } : {}),
      ...(accuracy ? { accuracy } : {}),
      notes: [
        ...stacks.flatMap((each) => each.notes()),
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
  for (const each of stacks)
    for (const layer of each.counts.keys()) {
      yield { sentence: `Weights of layer ${layer} of ${each.counts.length}${each.place}`, done: done++, total };
      each.errors.push(await kept(each.key(`weights of layer ${layer}`), () => each.errorsOf(layer)));
    }
  yield { sentence: 'Embedding and language head', done: done++, total, partial: result() };
  ends = await kept('embedding and head', () => endsOf(model, exact));
  for (const each of stacks)
    for (const layer of each.counts.keys()) {
      yield { sentence: `Heads of layer ${layer} of ${each.counts.length}${each.place}`, done: done++, total };
      each.changes.push(await kept(each.key(`heads of layer ${layer}`), () => each.changesOf(layer)));
    }
  const exactLogits = keptLogitsOf(
    exact,
    pairs.map(({ beside: read }) => read),
  );
  if (predicts) {
    yield { sentence: 'Predictions', done: done++, total, partial: result() };
    for (const [at, { own: request }] of pairs.entries()) {
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
  const [first] = pairs;
  if (parameters.labels && noLabels === undefined && first) {
    const within = { ...job, step: kept };
    for (const {
      stack,
      own: model,
      exact: other,
      texts: [text = first],
    } of stacks) {
      const known: Awaited<ReturnType<typeof readLabels>>[] = [];
      const crossed: CrossHeads[] = [];
      for (const [of, name, read] of [
        [model, 'own', text.own],
        [other, 'exact', text.beside],
      ] as const) {
        yield { sentence: `Labels of heads of ${of.facts.summary.name}`, done: done++, total, partial: result() };
        if (stack === 'cross') crossed.push(await kept(`labels cross ${name}`, () => crossLabelled(of, read, variant)));
        else if (stack === undefined) known.push(await readLabels(labelled(of, name, read, within)));
        else {
          const { variants: [changed = []] = [], groups: named = [] } = read;
          known.push(
            await readLabels(labelled(of, `encoder ${name}`, read, { ...within, variant: changed, groups: named })),
          );
        }
      }
      const [one, two] = known;
      if (one && two) labels[stack === 'encoder' ? 'encoder' : 'own'] = labelChangesOf(one, two);
      const [ownCross, otherCross] = crossed;
      if (ownCross && otherCross) labels.cross = crossLabelChangesOf(ownCross, otherCross);
    }
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
            mean((await exchangedDivergences(model, beside, at, pairs, exactLogits)).flat()),
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

/** With the embedding of an encoder, if it is another one. */
async function endsOf(model: ModelRunner, exact: ModelRunner): ReturnType<typeof endErrors> {
  const own = await endErrors(model, exact);
  const [encoder, other] = [model.source(), exact.source()];
  if (!encoder || !other) return own;
  const { tensors, notes } = await endErrors(encoder, other);
  const further = tensors.filter(({ tensor }) => own.tensors.every((each) => each.tensor !== tensor));
  return { tensors: [...own.tensors, ...further], notes: [...own.notes, ...notes] };
}
