/** Sections on which patterns heads have. */
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionColumn } from '../../../protocol/sections/table';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import { asks } from './importance-sections';
import type { PatternGroup, Patterns } from './result';
import * as build from '../../../protocol/sections/builders';

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

function headMap(patterns: Patterns) {
  const { x, y, shares, anchors, error, componentError, headGroup, steps, maps } = patterns;
  const groups = [...new Set(headGroup.flat())].sort((a, b) => a - b);
  const [first = 0, second = 0] = shares;
  const comparison =
    error < componentError
      ? 'less than as many principal components lose'
      : 'no less than as many principal components lose: more steps or maps may help';
  return build.chart(
    'head-map',
    'Heads by their patterns',
    `Each head stands at the mean of its maps in the code of an autoencoder (${maps} maps, ${steps} steps), on two principal components of the codes (${percent(first)} and ${percent(second)} of the variance). On pictures it did not see it loses ${threeDigits(error)} a number (principal components ${threeDigits(componentError)}), ${comparison}. Colours are groups of heads with like shares of patterns; patterns made by hand stand in the same plane.`,
    build.axis('first component'),
    build.axis('second component'),
    [
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
  );
}

function headsSection(patterns: Patterns) {
  const { signatures, headGroup, headSilhouette, groups } = patterns;
  const held = [...new Set(headGroup.flat())].sort((a, b) => a - b);
  return build.heads(
    'groups',
    'Which head has which pattern',
    `Groups by average linkage over Jensen-Shannon distances of the shares (mean silhouette ${Number.isNaN(headSilhouette) ? 'none: all are alike' : threeDigits(headSilhouette)}).`,
    groups.map(({ anchor }, at) =>
      build.shares(
        `pattern-${at}`,
        `Share of ${groupName(at)}`,
        `Share of the head's maps in the group of ${groupName(at)}, which is nearest to “${anchor}”.`,
        signatures.map((row) => row.map((shares) => shares[at] ?? Number.NaN)),
      ),
    ),
    {
      ask: asks.groups,
      classes: held.map((group) =>
        build.headClass(
          `group-${group}`,
          `group ${group + 1}`,
          'Heads with like shares of patterns.',
          headsOf(patterns).filter(({ layer, head }) => headGroup[layer]?.[head] === group),
        ),
      ),
    },
  );
}

function signatureSection(patterns: Patterns) {
  const { groups, signatures } = patterns;
  const shareColumns = groups.map(({ anchor }, at): SectionColumn =>
    build.number(
      `pattern-${at}`,
      groupName(at),
      `Share of the head's maps, 0 to 1; the pattern is nearest to “${anchor}”.`,
    ),
  );
  return build.cellTable(
    'signatures',
    'Shares of patterns by head',
    '',
    [build.head(undefined, 'head', 'head'), ...shareColumns],
    headsOf(patterns).map(({ layer, head }) => [
      { layer, head },
      ...(signatures[layer]?.[head] ?? groups.map(() => null)),
    ]),
    { ask: asks.places },
  );
}

function groupSection({ cells }: Patterns, { share, anchor, centre }: PatternGroup, at: number): MapSection {
  return {
    kind: 'map',
    id: `pattern-${at}`,
    title: `${groupName(at)[0]?.toUpperCase() ?? ''}${groupName(at).slice(1)}: ${percent(share)} of the maps`,
    caption: `What the decoder makes of the centre of the group. The nearest of the patterns made by hand is “${anchor}”.`,
    unit: '',
    definition: `Attention between ${counted(cells.rows * cells.columns, 'cell', 'cells')} of the picture; rows sum to 1.`,
    scale: build.ranges.fromZero,
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
