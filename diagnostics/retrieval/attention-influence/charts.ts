/** The charts: influence by source, its distribution, and influence against length. */
import type { ChartSection, SectionSeries } from '../../../protocol/sections/chart';
import type { DocumentResult, InfluenceResult } from './result';
import { documentName, sourceTitle } from './words';
import * as build from '../../../protocol/sections/builders';

/** Sources that a chart tells apart. */
const mostSources = 8;
/** Points of a chart: more are one stain. */
const mostPoints = 4000;

const axis = build.axis('Influence');

/** Those with most documents, in the order of the corpus. */
function drawn({
  sources,
  documents,
}: InfluenceResult): readonly { readonly source: string; readonly of: readonly DocumentResult[] }[] {
  const largest = [...sources].sort((a, b) => b.documents - a.documents).slice(0, mostSources);
  return sources
    .filter((one) => largest.includes(one))
    .map(({ source }) => ({
      source,
      of: documents.filter((one) => (one.source ?? '') === source && !Number.isNaN(one.rank)),
    }));
}

const leftOut = ({ sources }: InfluenceResult): string =>
  sources.length > mostSources ? ` The ${mostSources} largest of ${sources.length} sources are drawn.` : '';

export const chartSections = (result: InfluenceResult): readonly ChartSection[] =>
  result.overall.documents === 0
    ? []
    : [...(result.sources.length > 1 ? [sourcesChart(result)] : []), distributionChart(result), lengthChart(result)];

function sourcesChart(result: InfluenceResult) {
  const shown = new Set(drawn(result).map(({ source }) => source));
  const some = result.sources.filter(({ source }) => shown.has(source));
  const series = (id: string, title: string, points: SectionSeries['points']): SectionSeries =>
    build.points(id, title, points);
  return build.chart(
    'sources-chart',
    'Influence by source',
    `Median of the documents of each source.${leftOut(result)}`,
    build.categoryAxis(
      'Source',
      some.map(({ source }) => sourceTitle(source)),
    ),
    axis,
    [
      series(
        'masked',
        'heads masked',
        some.map(({ median: y, low, high }, x) => ({ x, y, low, high })),
      ),
      result.controls.length > 0 &&
        series(
          'control',
          'random heads',
          some.map(({ control: y }, x) => ({ x, y })),
        ),
    ],
    { interval: '10th to 90th percentile of the documents' },
  );
}

function distributionChart(result: InfluenceResult) {
  const influences = result.documents.flatMap(({ rank, influence }) => (Number.isNaN(rank) ? [] : [influence]));
  const [least, most] = [Math.min(...influences), Math.max(...influences)];
  const level = 1 - result.top / 100;
  return build.chart(
    'distribution',
    'Distribution of influence',
    `Share of the documents of a source whose influence is at most this. Those above the line are selected.${leftOut(result)}`,
    axis,
    build.shareAxis('Share of documents'),
    drawn(result).map(({ source, of }) =>
      build.line(
        `source-${source}`,
        sourceTitle(source),
        thinned([...of].sort((a, b) => a.influence - b.influence)).map((document) => ({
          x: document.influence,
          y: document.quantile,
          label: documentName(document),
        })),
      ),
    ),
    { references: [{ label: `top ${result.top} %`, from: [least, level], to: [most, level] }] },
  );
}

function lengthChart(result: InfluenceResult) {
  const sources = drawn(result);
  const each = Math.floor(mostPoints / Math.max(1, sources.length));
  return build.chart(
    'length',
    'Influence and length',
    `One point a document: the influence of short documents is noisy.${leftOut(result)}${sources.some(({ of }) => of.length > each) ? ` At most ${each} documents of a source are drawn.` : ''}`,
    build.logAxis('Length', 'log10', 'tokens'),
    axis,
    sources.map(({ source, of }) =>
      build.points(
        `source-${source}`,
        sourceTitle(source),
        thinned(of, each).map((document) => ({
          x: document.tokens,
          y: document.influence,
          label: documentName(document),
        })),
      ),
    ),
  );
}

/** Evenly spaced ones of a long list, its ends among them. */
function thinned<T>(list: readonly T[], most = 500): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, at) => list[Math.round((at * (list.length - 1)) / (most - 1))] as T);
}
