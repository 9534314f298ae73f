/** What the analysis shows and says. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { Offer } from '../../../protocol/analysis/schema';
import type { LowRank } from '../../../protocol/interventions/low-rank';
import { beforeAfterSection } from '../../shared/conversions/before-after-section';
import { curveChart } from '../../shared/training/curves';
import type { Compared, CurvePoint, Distillation, EcoMlaResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Layers drawn: more are not told apart. */
const mostLines = 12;

const digits = (value: number): string => String(Number(value.toPrecision(3)));
const isMeasured = (result: Partial<EcoMlaResult>): result is EcoMlaResult => (result.layers?.length ?? 0) > 0;

/** Nats per token from which a model is no longer itself: half of the way to a uniform guess. */
const brokenLoss = ({ loss, vocabulary }: EcoMlaResult): number => (loss + Math.log(vocabulary)) / 2;

export function finding(result: Partial<EcoMlaResult>): string {
  if (!isMeasured(result)) return 'No layer has been looked at yet.';
  const { layers, all, cached, loss, vocabulary, distillation } = result;
  const ranks = layers.map(({ rank }) => rank);
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  const rank = least === most ? `rank ${least}` : `ranks ${least} to ${most}`;
  const share = `Latents of ${rank} leave ${digits(cached.share)} % of the cache`;
  if (!all) return `${share} of the layers that were looked at.`;
  const broken =
    all.loss > brokenLoss(result)
      ? ` Without distillation this is a broken model: a uniform guess has ${digits(Math.log(vocabulary))}.`
      : all.kl > 0.1
        ? ' Distillation must repair the difference.'
        : '';
  const trained = distillation
    ? ` ${distillation.steps} steps of distillation bring the KL on ${distillation.apart ? 'held-out' : 'the same'} text from ${digits(distillation.kl.before)} to ${digits(distillation.kl.after)}.`
    : broken;
  return `${share}. Before any distillation the loss is ${digits(all.loss)} nats per token instead of ${digits(loss)} (KL ${digits(all.kl)}).${trained}`;
}

function layerTable({ layers }: EcoMlaResult) {
  const lowQueries = layers.some(({ queryRank }) => queryRank !== null);
  return build.table(
    'layers',
    'Layer by layer',
    'Errors of the initialisation, each layer changed alone. Choose a row for its singular values.',
    layers,
    [
      build.text('layer', 'Layer', ({ layer }) => `L${layer}`),
      { ...build.number('rank', 'Rank', 'r_kv, the width of the latent.'), digits: 6, cell: ({ rank }) => rank },
      lowQueries && {
        ...build.number('query', 'Rank of queries', 'r_q, the width of the queries’ own latent.'),
        digits: 6,
        cell: ({ queryRank }) => queryRank,
      },
      build.number('share', 'Cache share', '(r + d_r) / (2 G d).', '%'),
      build.number(
        'weight',
        'Weight error',
        'sqrt of the dropped squares of singular values of [W_K; W_V] over all: no matrix of this rank is nearer (Eckart and Young).',
        ({ weightError }) => weightError,
      ),
      build.number(
        'bound',
        'Dropped norm',
        'The same not divided: the Frobenius norm of what is dropped of [W_K; W_V].',
      ),
      build.number(
        'output',
        'Output error',
        'Norm of the change of what attention adds to the stream over its norm, all tokens together.',
        ({ outputError }) => outputError,
      ),
      build.number('kl', 'KL', 'Mean KL(plain || changed) of the next token.', 'nats/token'),
    ],
    { ask: 'Show its singular values' },
  );
}

function sizeChart({ curve, loss, all, cached }: EcoMlaResult, of: keyof Compared) {
  const series = (id: 'latent' | 'lowRank', title: string): SectionSeries =>
    build.line(
      id,
      title,
      curve.map((point: CurvePoint) => ({ x: point.share, y: point[id][of] })),
    );
  const chosen: readonly SectionSeries[] = all
    ? [build.points('chosen', 'latent attention, ranks of the table', [{ x: cached.share, y: all[of] }])]
    : [];
  return build.chart(
    of,
    of === 'kl' ? 'Change of the next token by the size of the cache' : 'Loss by the size of the cache',
    of === 'loss'
      ? 'The same runs.'
      : `All layers; 100 % are ${cached.before} numbers a token, ${4 * cached.before} bytes in float32. One curve is latent attention as it is initialised, before any distillation. The other is keys and values of low rank that keep their rotation (intervention low-rank): it needs no distillation but rebuilds every key.`,
    build.axis('cache', '%', { min: 0, max: 100 }),
    build.axis(of === 'kl' ? 'KL(plain || changed)' : 'loss', 'nats/token', { min: 0 }),
    [series('latent', 'latent attention'), series('lowRank', 'low-rank cache'), ...chosen],
    { references: of === 'loss' ? [{ label: 'the model as it is', from: [0, loss], to: [100, loss] }] : undefined },
  );
}

function spectra({ layers }: EcoMlaResult) {
  const step = Math.max(1, Math.ceil(layers.length / mostLines));
  const some = layers.filter((_, at) => at % step === 0);
  return build.chart(
    'spectra',
    'Weight error by rank',
    `The best that a rank can do for [W_K; W_V] of a layer.${step > 1 ? ` Every ${step}th layer.` : ''}`,
    build.axis('rank', '', { min: 0 }),
    build.shareAxis('weight error'),
    some.map(({ layer, errors }) =>
      build.line(
        `L${layer}`,
        `L${layer}`,
        errors.map(({ rank, error }) => ({ x: rank, y: error })),
      ),
    ),
  );
}

const distillationChart = ({ curves, initialisation, steps, apart }: Distillation) =>
  curveChart(curves, {
    id: 'distillation',
    title: `Distillation from ${initialisation === 'svd' ? 'singular values' : 'random numbers'}, ${steps} steps`,
    caption: `All weights are trained towards the next-token distributions of the model itself.${apart ? '' : ' There is one text, which the training reads and the divergence is measured on.'}`,
    y: build.axis('KL(model || distilled)', 'nats/token', { min: 0 }),
    loss: true,
    measures: { kl: apart ? 'held-out texts' : 'the same text' },
  });

/** Singular values of one layer. */
export function spectrumSection({ layers }: EcoMlaResult, row: number, id: string) {
  const found = layers[row];
  if (!found) throw new RangeError(`no layer ${row}`);
  const { layer, singular, largest, rank } = found;
  return build.chart(
    `${id}-L${layer}`,
    `Singular values of [W_K; W_V] of layer ${layer}`,
    `Each as a share of the largest, ${digits(largest)}; key and value heads count as often as query heads read them. The line is the rank of the table.`,
    build.axis('place', '', { min: 0 }),
    build.shareAxis('share of the largest'),
    [
      build.line(
        'values',
        'singular values',
        singular.map((value, at) => ({ x: at + 1, y: value })),
      ),
    ],
    { references: [{ label: `rank ${rank}`, from: [rank, 0], to: [rank, 1] }] },
  );
}

export const sections = (result: Partial<EcoMlaResult>): readonly Section[] =>
  isMeasured(result)
    ? [
        layerTable(result),
        ...(result.curve.length > 0 ? [sizeChart(result, 'kl'), sizeChart(result, 'loss')] : []),
        spectra(result),
        ...(result.distillation ? [distillationChart(result.distillation)] : []),
        ...(result.comparison ? [beforeAfterSection(result.comparison)] : []),
      ]
    : [];

/** Keys and values of low rank that cache as many numbers as the latents would. */
export function offers({ layers }: EcoMlaResult): readonly Offer[] {
  const byRank = new Map<number, number[]>();
  for (const { layer, rank, rotary } of layers) {
    byRank.set(rank + rotary, [...(byRank.get(rank + rotary) ?? []), layer]);
  }
  const interventions = [...byRank].map(([rank, own]): LowRank => ({
    kind: 'low-rank',
    layers: own.length === layers.length ? ['all'] : own,
    rank,
  }));
  if (interventions.length === 0) return [];
  return [
    {
      title: 'Low-rank cache of this size',
      description:
        'Keys and values of every layer are made of as many numbers per token as the latents and the rotary key have; rotation stays in its place.',
      interventions,
    },
  ];
}
