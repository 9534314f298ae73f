import type { Section } from '../../../protocol/sections/section';
import { threeDigits } from '../../../protocol/wire/number-words';
import type { LayerAgreementResult } from './result';
import * as build from '../../../protocol/sections/builders';

const isMeasured = (result: Partial<LayerAgreementResult>): result is LayerAgreementResult =>
  (result.maps?.length ?? 0) > 0;

/** Layers whose maps are drawn over the picture or the text: more would fill the switch. */
const mostDrawn = 32;

interface Pair {
  readonly a: number;
  readonly b: number;
  readonly r: number;
}

const pairsOf = ({ agreement }: LayerAgreementResult): readonly Pair[] =>
  agreement
    .flatMap((row, a) => row.flatMap((r, b) => (b > a && !Number.isNaN(r) ? [{ a, b, r }] : [])))
    .sort((x, y) => y.r - x.r || x.a - y.a || x.b - y.b);

export function finding(result: Partial<LayerAgreementResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const { reader, maps, places, chance } = result;
  const pairs = pairsOf(result);
  const [first] = pairs;
  const last = pairs.at(-1);
  const what = reader === 'patches' ? 'What patches read' : `What the ${reader} reads`;
  if (!first || !last) return `${what} is compared between layers, and no two layers with uneven maps are there.`;
  const mean = pairs.reduce((sum, { r }) => sum + r, 0) / pairs.length;
  const of = ({ a, b, r }: Pair): string => `layers ${a} and ${b} (${threeDigits(r)})`;
  const least = pairs.length > 1 ? `, least in ${of(last)}` : '';
  return `${what} in ${maps.length} layers has a mean correlation of ${threeDigits(mean)} between layers (over ${places} places; chance alone gives up to ±${threeDigits(chance)}): most in ${of(first)}${least}.`;
}

export const sections = (result: Partial<LayerAgreementResult>): readonly Section[] =>
  isMeasured(result) ? [agreementSection(result), headsSection(result), ...mapSections(result)] : [];

const readerWords: Readonly<Record<LayerAgreementResult['reader'], string>> = {
  'class token': 'attention of the class token to each patch',
  patches: 'mean attention of all patches to each patch',
  'last token': 'attention of the last token to each place',
};

function agreementSection({ agreement, reader, chance }: LayerAgreementResult): Section {
  const labels = agreement.map((_, layer) => `${layer}`);
  return {
    kind: 'map',
    id: 'agreement',
    title: 'Agreement of layers',
    caption: `1 where two layers look at the same places; of maps with nothing in common 95 % are within ${threeDigits(chance)} of 0.`,
    unit: '',
    definition: `Pearson correlation over places of the ${readerWords[reader]}, mean over heads; empty where a map is even`,
    scale: { kind: 'diverging', min: -1, max: 1 },
    rows: { title: 'layer', labels },
    columns: { title: 'layer', labels },
    values: agreement,
  };
}

const headsSection = ({ heads, reader }: LayerAgreementResult): Section =>
  build.heads(
    'heads',
    'Heads that look where the other layers do',
    'Near 1 a head shares the common view; near or below 0 it looks elsewhere.',
    [
      build.scaled(
        { kind: 'diverging', min: -1, max: 1 },
        'agreement',
        'Agreement',
        `Pearson correlation over places of the head's ${readerWords[reader]} with the mean over all heads of all other layers`,
        heads,
      ),
    ],
  );

function mapSections({ maps, reader, image, imageMaps, tokens }: LayerAgreementResult): readonly Section[] {
  const scale = build.ranges.fromZero;
  const numbers = (values: LayerAgreementResult['maps']) =>
    values.slice(0, mostDrawn).map((map, layer) => ({
      ...{ name: `layer-${layer}`, title: `Layer ${layer}`, unit: '', scale, values: map },
      definition: `${readerWords[reader]}, mean over the heads of layer ${layer}`,
    }));
  const about = { title: 'Where each layer looks' };
  if (image) return [{ kind: 'image', id: 'maps', ...about, image, numbers: numbers(imageMaps) }];
  return [{ kind: 'tokens', id: 'maps', ...about, tokens, numbers: numbers(maps) }];
}
