/** Sections on which patterns heads have. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn, TableSection } from '../../../protocol/sections/table';
import { counted, percent, threeDigits } from '../../shared/words';
import { numberColumn } from '../../shared/sections/cell';
import { asks } from './importance-sections';
import type { PatternGroup, Patterns } from './result';

export const patternSections = (patterns: Patterns | undefined): readonly Section[] =>
  patterns
    ? [
        headMap(patterns),
        headsSection(patterns),
        signatureSection(patterns),
        ...patterns.groups.map((group, at) => groupSection(patterns, group, at)),
      ]
    : [];

const headsOf = ({ x }: Patterns) => x.flatMap((row, layer) => row.map((_, head) => ({ layer, head })));

const groupName = (at: number): string => `pattern ${at + 1}`;

function headMap(patterns: Patterns): ChartSection {
  const { x, y, shares, anchors, error, componentError, headGroup, steps, maps } = patterns;
  const groups = [...new Set(headGroup.flat())].sort((a, b) => a - b);
  const [first = 0, second = 0] = shares;
  const comparison =
    error < componentError
      ? 'less than as many principal components lose'
      : 'no less than as many principal components lose: more steps or maps may help';
  return {
    kind: 'chart',
    id: 'head-map',
    title: 'Heads by their patterns',
    caption: `Each head stands at the mean of its maps in the code of an autoencoder (${maps} maps, ${steps} steps), on two principal components of the codes (${percent(first)} and ${percent(second)} of the variance). On pictures it did not see it loses ${threeDigits(error)} a number (principal components ${threeDigits(componentError)}), ${comparison}. Colours are groups of heads with like shares of patterns; patterns made by hand stand in the same plane.`,
    x: { title: 'first component', unit: '', scale: 'linear' },
    y: { title: 'second component', unit: '', scale: 'linear' },
    series: [
      ...groups.map((group, at) => ({
        id: `group-${group}`,
        title: `heads, group ${group + 1}`,
        mark: 'points' as const,
        look: { colour: at, shape: 0 },
        points: headsOf(patterns)
          .filter(({ layer, head }) => headGroup[layer]?.[head] === group)
          .map(({ layer, head }) => ({
            x: x[layer]?.[head] ?? Number.NaN,
            y: y[layer]?.[head] ?? Number.NaN,
            label: `L${layer}H${head}`,
          })),
      })),
      {
        id: 'anchors',
        title: 'made by hand',
        mark: 'points',
        look: { colour: groups.length, shape: 1 },
        points: anchors.map((anchor) => ({ x: anchor.x, y: anchor.y, label: anchor.name })),
      },
    ],
  };
}

function headsSection(patterns: Patterns): HeadsSection {
  const { signatures, headGroup, headSilhouette, groups } = patterns;
  const held = [...new Set(headGroup.flat())].sort((a, b) => a - b);
  return {
    kind: 'heads',
    id: 'groups',
    title: 'Which head has which pattern',
    caption: `Groups by average linkage over Jensen-Shannon distances of the shares (mean silhouette ${Number.isNaN(headSilhouette) ? 'none: all are alike' : threeDigits(headSilhouette)}).`,
    ask: asks.groups,
    numbers: groups.map(({ anchor }, at) => ({
      name: `pattern-${at}`,
      title: `Share of ${groupName(at)}`,
      unit: '',
      definition: `Share of the head's maps in the group of ${groupName(at)}, which is nearest to “${anchor}”.`,
      scale: { kind: 'sequential', min: 0, max: 1 },
      values: signatures.map((row) => row.map((shares) => shares[at] ?? Number.NaN)),
    })),
    classes: held.map((group) => ({
      name: `group-${group}`,
      title: `group ${group + 1}`,
      definition: 'Heads with like shares of patterns.',
      heads: headsOf(patterns).filter(({ layer, head }) => headGroup[layer]?.[head] === group),
    })),
  };
}

function signatureSection(patterns: Patterns): TableSection {
  const { groups, signatures } = patterns;
  const shareColumns = groups.map(({ anchor }, at): SectionColumn =>
    numberColumn(
      `pattern-${at}`,
      groupName(at),
      `Share of the head's maps, 0 to 1; the pattern is nearest to “${anchor}”.`,
    ),
  );
  return {
    kind: 'table',
    id: 'signatures',
    title: 'Shares of patterns by head',
    ask: asks.places,
    columns: [{ name: 'head', title: 'head', kind: 'head' }, ...shareColumns],
    rows: headsOf(patterns).map(({ layer, head }) => [
      { layer, head },
      ...(signatures[layer]?.[head] ?? groups.map(() => null)),
    ]),
  };
}

function groupSection({ cells }: Patterns, { share, anchor, centre }: PatternGroup, at: number): MapSection {
  return {
    kind: 'map',
    id: `pattern-${at}`,
    title: `${groupName(at)[0]?.toUpperCase() ?? ''}${groupName(at).slice(1)}: ${percent(share)} of the maps`,
    caption: `What the decoder makes of the centre of the group. Of the patterns made by hand it is nearest to “${anchor}”.`,
    unit: '',
    definition: `Attention between ${counted(cells.rows * cells.columns, 'cell', 'cells')} of the picture; rows sum to 1.`,
    scale: { kind: 'sequential', min: 0 },
    ...cellAxes(cells),
    values: centre,
  };
}

/** `[row, column]` of each cell, line by line. */
export function cellAxes({ rows, columns }: Patterns['cells']): Pick<MapSection, 'rows' | 'columns'> {
  const labels = Array.from(
    { length: rows * columns },
    (_, cell) => `[${Math.floor(cell / columns)}, ${cell % columns}]`,
  );
  return { rows: { title: 'query', labels, named: true }, columns: { title: 'key', labels, named: true } };
}
