/** What a result of activation patching shows. */
import type { Scale } from '../../../protocol/sections/figure';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { answerWords } from '../../shared/effects/gap';
import { intervalWords, levelTable } from '../../shared/effects/level-section';
import { metricWords } from '../../shared/effects/metric';
import { headKind, isPerHead, stackOf, targetOf, type Site } from './parameters';
import { isMeasured, ranked } from './ranking';
import type { PatchingResult, Table } from './result';
import { cellOf } from '../../../protocol/sections/cell';
import * as build from '../../../protocol/sections/builders';

export const sections = (result: Partial<PatchingResult>): readonly Section[] =>
  isMeasured(result)
    ? [
        ...(isPerHead(result.site) ? [headsSection(result)] : mapSections(result)),
        rankedSection(result),
        levelSection(result),
      ]
    : [];

const effectTitle = ({ direction }: PatchingResult): string =>
  direction === 'denoise' ? 'Share of the drop restored' : 'Share of the drop caused';

export function effectDefinition({ direction, metric }: PatchingResult): string {
  const name = metricWords[metric].name;
  return direction === 'denoise'
    ? `Mean of (${name} patched - corrupted) over mean of (clean - corrupted), the clean value put into the corrupted run: 0 nothing, 1 all.`
    : `Mean of (${name} clean - patched) over mean of (clean - corrupted), the corrupted value put into the clean run: 0 nothing, 1 all.`;
}

const nullTitle = 'Random pairs';
const nullDefinition = ({ null: random }: PatchingResult): string =>
  `The same with values of another prompt of the task, drawn at random: what any prompt of its kind would do. Mean over ${random?.n ?? 0} prompts that have another one of as many tokens.`;

/** One for the effects and those of random pairs: side by side they are to be compared. */
function scaleOf({ effect, null: random }: PatchingResult): Scale {
  const sizes = [effect, random?.mean ?? []]
    .flat(2)
    .filter((value) => !Number.isNaN(value))
    .map(Math.abs);
  const max = Math.max(0, ...sizes);
  return { kind: 'diverging', ...(max > 0 ? { max } : {}) };
}

const captionOf = ({ n, leftOut = 0, at, answers, metric }: PatchingResult): string => {
  const places = at === undefined ? '' : ` Patched at ${at}.`;
  const left = leftOut > 0 ? ` ${leftOut} prompts of the task were left out: no counterpart, or another layout.` : '';
  return `Over ${n} ${n === 1 ? 'pair' : 'pairs'} of prompts.${answerWords(metric, answers)}${places}${left}`;
};

function headsTitle(site: Site): string {
  if (targetOf[site] !== 'head' && stackOf(site) === undefined)
    return `${site[0]?.toUpperCase()}${site.slice(1)} of each head`;
  const stack = stackOf(site);
  return `Output of each head${stack === 'cross' ? ' of cross-attention' : stack === 'encoder' ? ' of the encoder' : ''}`;
}

function headsSection(result: PatchingResult) {
  const { site, direction, n, effect, effectLow, effectHigh, beyondChance, null: random } = result;
  const [largest] = ranked(result);
  const shared = { unit: '', scale: scaleOf(result) };
  const numbers: HeadsLayer[] = [
    {
      name: 'effect',
      title: effectTitle(result),
      definition: effectDefinition(result),
      ...shared,
      values: effect,
      ...(n > 1 ? { low: effectLow, high: effectHigh, interval: intervalWords } : {}),
    },
    ...(random
      ? [{ name: 'null', title: nullTitle, definition: nullDefinition(result), ...shared, values: random.mean }]
      : []),
  ];
  return build.heads('heads', headsTitle(site), captionOf(result), numbers, {
    cell: headKind(site),
    stack: stackOf(site),
    ask: 'Show by position',
    classes: beyondChance
      ? [
          build.headClass(
            'beyond-chance',
            'beyond chance',
            `The effect is other than 0${random && direction === 'denoise' ? ', and goes further from it than that of random pairs, prompt by prompt' : ''}: by intervals of Student's t that are widened for the number of heads (Bonferroni: 5 % over all of them).`,
            beyondChance.flatMap((row, layer) => row.flatMap((is, head) => (is ? [{ layer, head }] : []))),
          ),
        ]
      : undefined,
    marked: largest ? [{ layer: largest.layer, head: largest.slot }] : undefined,
  });
}

function mapSections(result: PatchingResult): readonly MapSection[] {
  const { site, columns = [], effect, null: random } = result;
  const what = site === 'mlp' ? 'Output of each MLP' : 'Residual stream that leaves each layer';
  const map = (id: string, title: string, definition: string, values: Table, caption?: string): MapSection => ({
    kind: 'map',
    id,
    title,
    ...(caption === undefined ? {} : { caption }),
    unit: '',
    definition,
    scale: scaleOf(result),
    rows: { title: 'layer', labels: effect.map((_, layer) => `L${layer}`) },
    columns: { title: 'position', labels: columns, named: true },
    values,
  });
  return [
    map('map', `${what}: ${effectTitle(result).toLowerCase()}`, effectDefinition(result), effect, captionOf(result)),
    ...(random ? [map('null', `${what}: random pairs`, nullDefinition(result), random.mean)] : []),
  ];
}

/** The title of the column after the layer, for a table that has no column of heads. */
const placeTitle = (site: Site): string =>
  !isPerHead(site) ? 'Position' : headKind(site) === 'key/value head' ? 'Key/value head' : 'Head';

function rankedSection(result: PatchingResult) {
  const { site, columns = [], n, null: random } = result;
  const byHead = site === 'head-output' || site === 'query';
  const places: TableSection['columns'] = byHead
    ? [build.head()]
    : [build.text('layer', 'Layer'), build.text('place', placeTitle(site))];
  const number = (name: string, title: string, definition: string): TableSection['columns'][number] =>
    build.number(name, title, definition);
  return build.cellTable(
    'ranked',
    'Largest effect first',
    '',
    [
      ...places,
      number('effect', effectTitle(result), effectDefinition(result)),
      ...(n > 1
        ? [
            number('low', 'From', `Lower end of its ${intervalWords}.`),
            number('high', 'To', `Upper end of its ${intervalWords}.`),
          ]
        : []),
      ...(random ? [number('null', nullTitle, nullDefinition(result))] : []),
      ...(n > 1 ? [build.text('beyondChance', 'Beyond chance')] : []),
    ],
    ranked(result).map(({ layer, slot, effect, low, high, random: other, beyondChance }) => [
      ...(byHead ? [{ layer, head: slot }] : [`L${layer}`, isPerHead(site) ? `${slot}` : (columns[slot] ?? `${slot}`)]),
      effect,
      ...(n > 1 ? [cellOf(low), cellOf(high)] : []),
      ...(random ? [cellOf(other)] : []),
      ...(n > 1 ? [beyondChance ? 'yes' : 'no'] : []),
    ]),
    {
      ask: isPerHead(site) && headKind(site) !== 'key/value head' ? 'Show by position' : undefined,
      empty: 'Clean and corrupted prompts do not differ, so there is no effect.',
    },
  );
}

function levelSection({ metric, clean, corrupted, gap }: PatchingResult) {
  return levelTable(metric, 'patches', [
    ['clean', clean],
    ['corrupted', corrupted],
    ['clean less corrupted', gap],
  ]);
}
