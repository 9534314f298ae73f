/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import { meanInterval } from '../../shared/statistics/proportion';
import { overSeedsWords } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import { curveChart } from '../../shared/training/curves';
import type { LaneRun, ToyLanesResult } from './result';
import { laneArms, type LaneArm } from './stages';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

const precisionDefinition =
  'Mean over the classes so far of the average precision of their scores over the test pictures (mAP).';
const forgettingDefinition =
  'Mean over the tasks before the last of the mAP of their classes right after them less that at the end.';

const ofArm = (runs: readonly LaneRun[], arm: string): readonly LaneRun[] => runs.filter((run) => run.arm === arm);
const atEnd = (runs: readonly LaneRun[], arm: LaneArm) =>
  meanInterval(
    ofArm(runs, arm).map(({ precision }) => precision.at(-1) ?? Number.NaN),
    { range: [0, 1] },
  );
const forgotten = (runs: readonly LaneRun[], arm: LaneArm) =>
  meanInterval(ofArm(runs, arm).map(({ forgetting }) => forgetting));

export function finding({ runs, tasks = 0, ceiling }: Partial<ToyLanesResult>): string {
  if (!runs || runs.length === 0) return 'The pathways are not trained yet.';
  const say = (arm: LaneArm): string =>
    `${overSeedsWords(atEnd(runs, arm), 2)} (forgotten: ${overSeedsWords(forgotten(runs, arm), 2)})`;
  const all = ceiling === undefined ? '' : `; all classes at once reach ${Number(ceiling.toPrecision(2))}`;
  return `After ${tasks} tasks the mAP is ${say('lanes')} with a pathway for each task, ${say('chosen')} with one chosen by key and ${say('shared')} with a shared one${all}.`;
}

export function sections(result: Partial<ToyLanesResult>): readonly Section[] {
  const { backbone, runs = [], maps = [], shown = [], cost, ceiling, tasks = 0, folder } = result;
  return [
    ...(runs.length > 0 ? [precisionChart(runs, tasks, ceiling), table(runs)] : []),
    ...maps.map((map, at): Section => ({
      kind: 'map',
      id: `map-${at}`,
      title: map.title,
      caption: `Which patches of a picture with ${shown.join(', ')} go into the summary, last layer, first run.`,
      unit: '',
      definition: 'W = softmax over tokens of s . x / sqrt(C), at the patches',
      scale: build.ranges.sequential,
      rows: { title: 'Row of patches', labels: map.values.map((_, row) => String(row + 1)) },
      columns: { title: 'Column of patches', labels: (map.values[0] ?? []).map((_, column) => String(column + 1)) },
      values: map.values,
    })),
    ...(cost ? [costChart(cost)] : []),
    ...(backbone
      ? [
          curveChart(backbone, {
            id: 'backbone',
            title: 'Loss of the transformer',
            caption: 'On pictures of all shapes, before it is frozen.',
            y: build.axis('loss', 'nats'),
            loss: true,
          }),
        ]
      : []),
    ...(folder === undefined
      ? []
      : [
          networksSection(
            `Weights of the transformer with the pathway of each task of the first run are in ${folder}, by the names of the module multi-lane.`,
          ),
        ]),
  ];
}

const precisionChart = (runs: readonly LaneRun[], tasks: number, ceiling: number | undefined): Section =>
  build.chart(
    'precision',
    'Precision of the classes so far',
    precisionDefinition,
    build.axis('tasks learned', '', { min: 1, max: tasks }),
    build.shareAxis('mAP'),
    laneArms.map(({ id, title }) => {
      const own = ofArm(runs, id);
      return build.line(
        id,
        title,
        Array.from({ length: tasks }, (_, at) => {
          const values = own.map(({ precision }) => precision[at] ?? Number.NaN);
          return { x: at + 1, y: mean(values), low: Math.min(...values), high: Math.max(...values) };
        }),
      );
    }),
    {
      references:
        ceiling === undefined
          ? undefined
          : [{ label: 'all classes at once', from: [1, ceiling] as const, to: [Math.max(1, tasks), ceiling] as const }],
      interval: 'smallest and largest of the runs',
    },
  );

const table = (runs: readonly LaneRun[]): Section =>
  build.cellTable(
    'runs',
    'What was kept',
    '',
    [
      build.text('arm', 'Scores'),
      build.number('precision', 'mAP at the end', precisionDefinition),
      build.number('precision-low', 'from', "Lower end of Student's 95 % interval over runs."),
      build.number('precision-high', 'to', 'Upper end of it.'),
      build.number('forgetting', 'Forgotten', forgettingDefinition),
      build.number('forgetting-low', 'from', "Lower end of Student's 95 % interval over runs."),
      build.number('forgetting-high', 'to', 'Upper end of it.'),
    ],
    laneArms.map(({ id, title }) => {
      const [end, lost] = [atEnd(runs, id), forgotten(runs, id)];
      return [title, ...[end.mean, end.low, end.high, lost.mean, lost.low, lost.high].map(cellOf)];
    }),
  );

const costChart = (cost: NonNullable<ToyLanesResult['cost']>): Section =>
  build.chart(
    'cost',
    'Work for one picture by number of tasks',
    'A pathway reads a few summaries; without them each task is a whole pass with its prompts.',
    build.logAxis('tasks', 'log2'),
    build.logAxis('multiply-adds', 'log10'),
    (['lanes', 'passes'] as const).map((id) =>
      build.line(
        id,
        id === 'lanes' ? 'one pass and pathways' : 'a pass for each task',
        cost.map((each) => ({ x: each.tasks, y: each[id] })),
      ),
    ),
  );
