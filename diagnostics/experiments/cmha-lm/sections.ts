/** What the experiment shows and says. */
import { deltaHistogram, deltaMap, planeTable, summaryOf } from '../../../kernels/modules/complexformer/pictures';
import type { Section } from '../../../protocol/sections/section';
import { sectionOf } from '../../shared/sections/picture-section';
import { differenceOverSeeds, overSeeds } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import { counted } from '../../../protocol/wire/number-words';
import type { CmhaResult, LearnedPlanes } from './result';

const measures = ({ best }: Pick<CmhaResult, 'best'>): readonly ArmMeasure[] => [
  {
    name: 'loss',
    title: 'Loss',
    unit: 'nats',
    definition: 'Mean surprisal of held-out tokens; its exponential is the perplexity.',
    levels: [{ title: 'entropy of the text', value: best.loss }],
  },
  {
    name: 'accuracy',
    title: 'Accuracy',
    unit: '',
    definition: 'Share of held-out tokens that have the largest logit.',
    range: [0, 1],
    levels: [{ title: 'best possible', value: best.accuracy }],
  },
];

/** Which of two losses is smaller, where the interval of their paired difference leaves 0 out. */
function comparison({ arms, seeds }: Pick<CmhaResult, 'arms' | 'seeds'>, arm: string): string {
  const title = arms.arms.find(({ id }) => id === arm)?.title ?? arm;
  const difference = differenceOverSeeds(arms, 'loss', arm, 'rope');
  if (!difference) return '';
  const words = overSeedsWords(
    { ...difference, mean: Math.abs(difference.mean), low: Number.NaN, high: Number.NaN },
    2,
  );
  if (difference.high < 0) return `${title} is below RoPE by ${words} nats.`;
  if (difference.low > 0) return `${title} is above RoPE by ${words} nats.`;
  return `${title} and RoPE are not told apart by ${seeds === 1 ? 'one run' : `${seeds} runs`}.`;
}

export function finding(result: CmhaResult): string {
  const { arms, seeds, learned = [] } = result;
  const reached = arms.arms.flatMap(({ id, title }) => {
    const value = overSeeds(arms, 'loss', id);
    return value ? [`${title} ${Number(value.mean.toPrecision(3))}`] : [];
  });
  const [positional, planes] = positionalOf(learned.filter(({ arm }) => arm === 'cmha'));
  const turned =
    planes === 0
      ? ''
      : ` Of ${counted(planes, 'plane', 'planes')} that started drawn, ${positional} ended positional (|δ| < 0.1).`;
  return `Loss after ${arms.steps} steps: ${reached.join(', ')} nats. ${comparison({ arms, seeds }, 'cmha')} ${comparison({ arms, seeds }, 'cmha-one')}${turned}`;
}

function positionalOf(learned: readonly LearnedPlanes[]): readonly [number, number] {
  let positional = 0;
  let planes = 0;
  for (const { delta, b } of learned) {
    delta.forEach((values, head) => {
      positional += summaryOf(values, b[head] ?? []).positional;
      planes += values.length;
    });
  }
  return [positional, planes];
}

const learnedSections = (learned: LearnedPlanes, title: string): readonly Section[] => {
  const { arm, layer } = learned;
  const named = (what: string, words: string) => ({
    id: `${what}-${arm}-${layer}`,
    title: `${title}, layer ${layer}: ${words}`,
  });
  return [
    deltaMap(learned, named('delta', 'weight δ of the angle')),
    deltaHistogram(learned, named('histogram', 'how δ is spread')),
    planeTable(learned, named('planes', 'what the planes of a head do')),
  ].map(sectionOf);
};

export function sections(result: CmhaResult): readonly Section[] {
  const { arms, best, learned = [] } = result;
  const titleOf = (arm: string): string => arms.arms.find(({ id }) => id === arm)?.title ?? arm;
  return [
    ...armsSections(arms, measures({ best })),
    ...learned.flatMap((one) => learnedSections(one, titleOf(one.arm))),
  ];
}

export const weights = (folder: string): Section =>
  networksSection(
    `The weights of the first run of each network are in ${folder}. The panel of modules reads the attention of a layer: module Complex-vector attention, a file such as cmha.safetensors, prefix layers.0.self_attn.`,
    'RoPE has the usual scale of 1 / √d. CMHA has none in the authors’ code, so that its scores start larger; give it the same scale to compare the angles alone.',
  );
