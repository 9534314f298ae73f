/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import { overSeeds, type ArmsResult } from '../../shared/training/arms';
import { cellOf } from '../../../protocol/sections/cell';
import { findsFrom, measureNames } from './measure';
import type { Seen, ToyBagsResult } from './result';
import * as build from '../../../protocol/sections/builders';

const measures: readonly ArmMeasure[] = [
  {
    name: measureNames.area,
    title: 'AUC of bags',
    unit: '',
    definition:
      'Chance that a positive test bag gets a larger logit of positive less negative than a negative one, ties half. 0.5 by guessing.',
    range: [0, 1],
    levels: [{ title: 'guessing', value: 0.5 }],
  },
  {
    name: measureNames.mass,
    title: 'Attention on 10 strongest',
    unit: '',
    definition: "Sum of the 10 largest weights of the bag's attention (mean of its branches), mean over test bags.",
    range: [0, 1],
  },
  {
    name: measureNames.entropy,
    title: 'Entropy',
    unit: 'nats',
    definition: "-sum a ln a of the bag's attention, mean over test bags; ln n for even attention.",
    range: [0, Infinity],
  },
  {
    name: measureNames.found,
    title: 'Positive instances found',
    unit: '',
    definition:
      'Share of the k strongest instances that show a pattern, where k instances of the bag show one; mean over positive test bags.',
    range: [0, 1],
  },
  {
    name: measureNames.cosine,
    title: 'Cosine of branches',
    unit: '',
    definition: 'Mean cosine of the attention of two branches (L_d), over test bags. One branch has none.',
    range: [0, 1],
  },
  {
    name: measureNames.covered,
    title: 'Patterns that lead a branch',
    unit: '',
    definition: `Different patterns that some branch ranks best of all, with an area under the ROC curve of ${findsFrom} or more against the background of the same bag.`,
    range: [0, Infinity],
  },
];

export function finding({ arms }: ToyBagsResult): string {
  const say = (measure: string, arm: string, range: readonly [number, number] = [0, 1]): string => {
    const found = overSeeds(arms, measure, arm, range);
    return found ? overSeedsWords(found, 2) : 'nothing';
  };
  const { mass, cosine, area, covered } = measureNames;
  const led = (arm: string): string => say(covered, arm, [0, Infinity]);
  return [
    `The 10 strongest instances take ${say(mass, 'abmil')} of the attention of one branch and ${say(mass, 'acmil')} of that of ACMIL`,
    `the cosine of branches is ${say(cosine, 'branches')} without and ${say(cosine, 'diverse')} with the diversity loss, and ${led('branches')} and ${led('diverse')} patterns lead a branch`,
    `${best(arms, area)}.`,
  ].join('; ');
}

/** Which arm has the best area of bags, unless all of them are within the intervals of the first. */
function best(arms: ArmsResult, area: string): string {
  const all = arms.arms.flatMap(({ id }) => {
    const found = overSeeds(arms, area, id, [0, 1]);
    return found ? [{ id, found }] : [];
  });
  const [most] = [...all].sort((a, b) => b.found.mean - a.found.mean);
  const [first] = all;
  if (!most || !first) return 'no AUC was measured';
  const titleOf = (id: string): string => arms.arms.find((arm) => arm.id === id)?.title ?? id;
  return most.id === first.id
    ? `no network has a larger AUC of bags than one branch, ${overSeedsWords(first.found, 3)}`
    : `the AUC of bags is ${overSeedsWords(first.found, 3)} with one branch and largest with “${titleOf(most.id)}”, ${overSeedsWords(most.found, 3)}`;
}

export function sections({ arms, seen, shown, instances = 0, patterns = 0 }: ToyBagsResult): readonly Section[] {
  if (arms.runs.length === 0) return [];
  const titleOf = (id: string): string => arms.arms.find((arm) => arm.id === id)?.title ?? id;
  return [
    ...armsSections(arms, measures),
    ...(seen && shown
      ? [massChart(seen, titleOf, instances), strips(seen, shown, titleOf, instances), areas(seen, titleOf, patterns)]
      : []),
  ];
}

const massChart = (seen: readonly Seen[], titleOf: (id: string) => string, instances: number): Section =>
  build.chart(
    'mass',
    'Attention on the strongest instances',
    "Share of the bag's attention on its k strongest instances, mean over test bags, of the first run. A curve that rises at once rests on a few.",
    build.axis('strongest instances k', '', { min: 0 }),
    build.shareAxis('share of the attention'),
    seen.map(({ arm, mass }) =>
      build.line(
        arm,
        titleOf(arm),
        mass.map((y, at) => ({ x: at + 1, y })),
      ),
    ),
    {
      references: [
        {
          label: 'even attention',
          from: [0, 0],
          to: [seen[0]?.mass.length ?? 1, (seen[0]?.mass.length ?? 1) / instances],
        },
      ],
    },
  );

function strips(
  seen: readonly Seen[],
  shown: readonly number[],
  titleOf: (id: string) => string,
  instances: number,
): Section {
  const rows = seen.flatMap(({ arm, strip }) =>
    strip.map((row, branch) => ({ row, label: strip.length > 1 ? `${titleOf(arm)} ${branch + 1}` : titleOf(arm) })),
  );
  return {
    kind: 'map',
    id: 'strips',
    title: 'Attention of each branch in one test bag',
    caption: `Instances of the patterns (P1, the clearest, first) and some of the background (b); even attention would be ${(1 / instances).toPrecision(2)}. First run, nothing masked.`,
    unit: '',
    definition: 'A_in = softmax over instances of the logits of branch i',
    scale: build.ranges.sequential,
    rows: { title: 'Branch', labels: rows.map(({ label }) => label) },
    columns: { title: 'Instance', labels: shown.map((pattern) => (pattern === 0 ? 'b' : `P${pattern}`)) },
    values: rows.map(({ row }) => row),
  };
}

const areas = (seen: readonly Seen[], titleOf: (id: string) => string, patterns: number): Section =>
  build.cellTable(
    'areas',
    'Which branch finds which pattern',
    `First run. 0.5: no better than chance; from ${findsFrom} a branch is said to find the pattern.`,
    [
      build.text('branch', 'Branch'),
      ...Array.from({ length: patterns }, (_, pattern) =>
        build.number(
          `pattern-${pattern}`,
          `Pattern ${pattern + 1}`,
          'Chance that an instance of the pattern has more attention of the branch than one of the background, mean over test bags that have it.',
        ),
      ),
    ],
    seen.flatMap(({ arm, areas: of }) =>
      of.map((row, branch) => [of.length > 1 ? `${titleOf(arm)} ${branch + 1}` : titleOf(arm), ...row.map(cellOf)]),
    ),
  );

export const weights = (folder: string): Section =>
  networksSection(
    `Weights of each network of the first run, by the names of ACMIL_GA, are in ${folder}; the module acmil reads them.`,
  );
