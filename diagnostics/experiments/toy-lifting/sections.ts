/** What the experiment shows and says. */
import { joints, parents } from '../../../kernels/modules/convformer/skeleton';
import type { Section } from '../../../protocol/sections/section';
import { overSeeds, type ArmsResult } from '../../shared/training/arms';
import { armsSections, type ArmMeasure } from '../../shared/training/arms-sections';
import { armWords, folderSection } from '../../shared/training/arms-steps';
import type { ShownPose, ToyLiftingResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const errorName = 'mpjpe';

const error: ArmMeasure = {
  name: errorName,
  title: 'MPJPE',
  unit: '% of the height',
  definition: 'Mean over joints and test clips of the distance between predicted and true joint.',
  range: [0, Infinity],
  scale: 'log10',
};

export function finding({ arms }: ToyLiftingResult): string {
  const say = (arm: string): string => armWords(arms, errorName, arm, { range: [0, Infinity] });
  return `Joints are off by ${say('one')} % of the height with linear queries, keys and values, ${say('seven')} % with one kernel of 7 and ${say('several')} % with three.`;
}

export function sections({ arms, shares, shown }: ToyLiftingResult): readonly Section[] {
  if (arms.runs.length === 0) return [];
  return [
    ...armsSections(arms, [error], 'heights'),
    errorByParameters(arms),
    ...(shown ? [pose(shown, 'front'), pose(shown, 'side')] : []),
    ...(shares ? [kernelTable(shares)] : []),
  ];
}

const errorByParameters = (result: ArmsResult): Section =>
  build.chart(
    'parameters',
    'Error by parameters',
    'MPJPE when training had ended, mean over runs. All networks have the same steps, clips and width.',
    build.axis('trained parameters'),
    build.axis('MPJPE', error.unit, { min: 0 }),
    result.arms.flatMap(({ id, title, parameters }) => {
      const found = overSeeds(result, errorName, id, error.range);
      return found
        ? [build.points(id, title, [{ x: parameters, y: found.mean, low: found.low, high: found.high }])]
        : [];
    }),
    { interval: "Student's 95 % interval over runs" },
  );

/** Bones as pairs of points: a line would join the end of one limb with the beginning of the next. */
const pose = (shown: ShownPose, view: 'front' | 'side'): Section => {
  const across = view === 'front' ? 0 : 2;
  const points = (of: readonly (readonly number[])[]) =>
    of.map((joint, at) => ({
      x: joint[across] ?? Number.NaN,
      y: 0 - (joint[1] ?? Number.NaN),
      label: `${joints[at] ?? ''}, on ${joints[parents[at] ?? -1] ?? 'nothing'}`,
    }));
  return build.chart(
    `pose-${view}`,
    view === 'front' ? 'A pose from the front' : 'The same pose from the side',
    view === 'front'
      ? 'One test clip, its middle frame: what the camera sees, nearly.'
      : 'Depth is what has to be found: the camera does not see it.',
    build.axis(view === 'front' ? 'to the side' : 'depth', 'heights'),
    build.axis('up', 'heights'),
    [
      build.points('truth', 'true joints', points(shown.truth)),
      build.points('pose', 'lifted, kernels 7, 7, 7', points(shown.pose)),
    ],
  );
};

const kernelTable = (shares: readonly (readonly number[])[]): Section =>
  build.cellTable(
    'kernels',
    'Shares of the kernels',
    'Spatial block of the network with three kernels, first run. All begin at a third.',
    [
      build.text('part', 'Of'),
      ...(shares[0] ?? []).map((_, at) =>
        build.number(
          `kernel-${at}`,
          `Kernel ${at + 1}`,
          'eta: softmax of its logits, by which the kernels are summed.',
        ),
      ),
    ],
    shares.map((row, part) => [['query', 'key', 'value'][part] ?? '', ...row]),
  );

export const weights = (folder: string): Section => folderSection(folder, 'convformer');
