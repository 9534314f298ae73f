/** An experiment that is one training of arms: its steps, and words that such experiments share. */
import type { Section } from '../../../protocol/sections/section';
import type { AnalysisJob, Step } from '../../analysis';
import type { Workbench } from '../../experiment';
import { overSeeds, trainArms, type Arm, type ArmsParameters, type ArmsResult, type TrainedArms } from './arms';
import { overSeedsWords } from './arms-sections';
import * as build from '../../../protocol/sections/builders';

/** Trains all arms by the parameters of the job; `partial` is what the experiment shows of them meanwhile; `every`: see `ArmsSetup`. */
export async function* armsSteps<P extends ArmsParameters, R>(
  bench: Pick<Workbench, 'trainer'>,
  { parameters: { seeds, steps }, seed, step }: Pick<AnalysisJob<P>, 'parameters' | 'seed' | 'step'>,
  arms: readonly Arm[],
  partial: (arms: ArmsResult) => Partial<R>,
  every?: number,
): AsyncGenerator<Step<R>, TrainedArms> {
  const [first, ...rest] = arms;
  if (!first) throw new RangeError('there is nothing to train');
  const running = trainArms(bench, step, {
    arms: [first, ...rest],
    seeds,
    steps,
    seed,
    ...(every === undefined ? {} : { every }),
  });
  for (;;) {
    const next = await running.next();
    if (next.done) return next.value;
    const { result, ...at } = next.value;
    yield { ...at, partial: partial(result) };
  }
}

/** `0.62 (0.55 to 0.69)` of an arm at its end, or what is said in its place. */
export function armWords(
  arms: ArmsResult,
  measure: string,
  arm: string,
  { digits = 2, range }: { readonly digits?: number; readonly range?: readonly [number, number] } = {},
): string {
  const found = overSeeds(arms, measure, arm, range);
  return found ? overSeedsWords(found, digits) : 'not measured';
}

/** Where the weights are, and what reads them. */
export const networksSection = (...paragraphs: readonly string[]): Section =>
  build.paragraphs('folder', 'The networks', paragraphs);

/** Where the weights of the first run are; `module`: whose names they have. */
export const folderSection = (folder: string, module?: string): Section =>
  networksSection(
    `Weights of each network of the first run are in ${folder}${module === undefined ? '' : `, by the names of the module ${module} where they are of that module`}.`,
  );
