import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { SpectralHeadsResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

const isMeasured = (result: Partial<SpectralHeadsResult>): result is SpectralHeadsResult =>
  (result.kernels?.length ?? 0) > 0;

const nameOf = ({ layer, head }: HeadPlace): string => `L${layer}H${head}`;

interface Ranked extends HeadPlace {
  readonly residual: number;
  readonly explained: number;
}

/** Heads that were measured, smallest residual first. */
const ranked = ({ residual, explained }: SpectralHeadsResult): readonly Ranked[] =>
  residual
    .flatMap((row, layer) =>
      row.map((value, head) => ({
        ...{ layer, head, residual: value },
        explained: explained[layer]?.[head] ?? Number.NaN,
      })),
    )
    .filter((one) => !Number.isNaN(one.residual))
    .sort((a, b) => a.residual - b.residual || a.layer - b.layer || a.head - b.head);

/** The head whose map is explained most by distance, among those that are not even. */
const mostExplained = (all: readonly Ranked[]): Ranked | undefined =>
  all
    .filter(({ explained }) => !Number.isNaN(explained))
    .reduce<Ranked | undefined>((best, one) => (best && best.explained >= one.explained ? best : one), undefined);

const matrixWords: Readonly<Record<SpectralHeadsResult['form'], string>> = {
  circulant: 'a circulant matrix',
  'block-circulant': 'a block circulant matrix on the grid of patches',
  toeplitz: 'a Toeplitz matrix',
};

export function finding(result: Partial<SpectralHeadsResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const all = ranked(result);
  const [first] = all;
  if (!first) return 'Nothing is measured yet.';
  const most = mostExplained(all);
  const layers = result.kernels.flatMap((_, layer) => {
    const own = all.filter((one) => one.layer === layer);
    return own.length === 0 ? [] : [mean(own.map((one) => one.residual))];
  });
  const byLayer =
    layers.length > 1
      ? ` The mean residual is ${threeDigits(layers[0] ?? Number.NaN)} in the first layer and ${threeDigits(layers.at(-1) ?? Number.NaN)} in the last.`
      : '';
  const explains =
    most && !Number.isNaN(most.explained)
      ? ` Distance alone explains most in ${nameOf(most)}: ${threeDigits(100 * most.explained)} % of how its map differs from even attention.`
      : '';
  return `Of ${counted(all.length, 'head', 'heads')}, the map of ${nameOf(first)} is nearest to ${matrixWords[result.form]}: the residual is ${threeDigits(first.residual)} of its norm.${explains}${byLayer}`;
}

export const sections = (result: Partial<SpectralHeadsResult>): readonly Section[] => {
  if (!isMeasured(result)) return [];
  const all = ranked(result);
  const shown = mostExplained(all) ?? all[0];
  return [
    headsSection(result, shown),
    ...(shown ? [kernelSection(result, shown, 'filter')] : []),
    layersSection(result),
  ];
};

function headsSection(result: SpectralHeadsResult, shown: HeadPlace | undefined): Section {
  const { form, inputs, residual, explained, straight, height, width } = result;
  const share = { unit: '', scale: build.ranges.share } as const;
  const over = form === 'block-circulant' ? `${height} x ${width} patches` : `${width} tokens`;
  return build.heads(
    'heads',
    'How far heads are filters',
    `Maps over ${over}, mean over ${counted(inputs, 'input', 'inputs')}. An even map is a filter too, with residual 0: look at what distance explains.`,
    [
      {
        ...{ name: 'explained', title: 'Explained', ...share, values: explained },
        definition:
          '1 - |A - C|^2 / |A - mean|^2: of what an even map leaves of the map A, the share that C explains; empty for an even map',
      },
      {
        ...{ name: 'residual', title: 'Residual', ...share, values: residual },
        definition: `|A - C| / |A| in the Frobenius norm, A the mean map, C ${matrixWords[form]} that is nearest to it: the mean of A over all pairs of one distance`,
      },
      form !== 'toeplitz' && {
        ...{ name: 'straight', title: 'No wrap', ...share, values: straight },
        definition: 'the residual when distances do not go around the edges (Toeplitz): more numbers, so never larger',
      },
    ],
    { ask: 'Show its filter', marked: shown ? [{ layer: shown.layer, head: shown.head }] : undefined },
  );
}

/** The kernel of one head: over the grid with distance 0 in the middle, or by distance back. */
export function kernelSection(result: SpectralHeadsResult, place: HeadPlace, id: string): Section {
  const { form, height, width, kernels } = result;
  const { layer, head } = place;
  const kernel = kernels[layer]?.[head] ?? [];
  const definition = 'mean of A_ij over all pairs of query i and key j of one distance';
  const title = `Filter of ${nameOf({ layer, head })}`;
  if (form !== 'block-circulant') {
    return build.chart(
      id,
      title,
      `What a query gives on average to the key so many positions ${form === 'toeplitz' ? 'before' : 'behind'} it.`,
      build.axis(`positions ${form === 'toeplitz' ? 'back' : 'on, around the end'}`),
      build.axis('mean attention', '', { min: 0 }),
      [build.line('kernel', nameOf(place), kernel)],
    );
  }
  const centred = (size: number): readonly number[] =>
    Array.from({ length: size }, (_, at) => at - Math.floor(size / 2));
  const values = centred(height).map((down) =>
    centred(width).map(
      (across) => kernel[((down + height) % height) * width + ((across + width) % width)] ?? Number.NaN,
    ),
  );
  return {
    kind: 'map',
    id,
    title,
    caption: 'What a patch gives on average to the patch so many rows down and columns across, around the edges.',
    unit: '',
    definition,
    scale: build.ranges.fromZero,
    rows: { title: 'rows down', labels: centred(height).map(String) },
    columns: { title: 'columns across', labels: centred(width).map(String) },
    values,
  };
}

function layersSection(result: SpectralHeadsResult): Section {
  const { residual, kernels } = result;
  return build.chart(
    'layers',
    'Residual by layer',
    'SpectFormer puts its filters into the early layers.',
    build.categoryAxis(
      'layer',
      kernels.map((_, layer) => `${layer}`),
    ),
    build.axis('residual', 'of the norm', { min: 0, max: 1 }),
    [
      build.points(
        'heads',
        'heads',
        kernels.flatMap((heads, layer) =>
          heads.map((_, head) => ({
            ...{ x: layer, y: residual[layer]?.[head] ?? Number.NaN },
            label: nameOf({ layer, head }),
          })),
        ),
      ),
    ],
  );
}
