import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { LensResult } from './result';
import { overRuns, wins } from './summary';
import type { ModelName } from './trial';

export function finding(given: Partial<LensResult>): string {
  if (!given.sizes || !given.measured?.length || !given.constant) return 'Nothing is fitted yet.';
  const result = given as LensResult;
  const { examples, first: degree1, second: degree2, runs } = result.sizes;
  const ended = new Set(result.measured.filter(({ curve, at }) => curve === 'mean' && at > 1.5).map(({ run }) => run));
  if (ended.size < runs) return `${counted(ended.size, 'run has', 'runs have')} ended of ${runs} so far.`;
  const errorOf = (model: ModelName, target: 'T1' | 'T2'): string =>
    threeDigits(overRuns(result, { curve: 'examples', at: examples, model }, target)?.mean ?? Number.NaN);
  const below = (model: ModelName, other: ModelName): string => {
    const [first, second] = (['T1', 'T2'] as const).map((target) => wins(result, target, model, other));
    return `The error of ${model} is below that of ${other} on T1 in ${first!.won} of ${first!.runs} runs and on T2 in ${second!.won} of ${second!.runs}`;
  };
  const errors = (target: 'T1' | 'T2', degree: number): string =>
    `on ${target} (degree ${degree}) ${errorOf('RFA', target)} with RFA, ${errorOf('BRFA', target)} with BRFA and ${errorOf('RFMLP', target)} with RFMLP (${threeDigits(result.constant[target])} when the mean is predicted)`;
  return [
    `After ${examples} examples the relative test error is ${errors('T1', degree1)} and ${errors('T2', degree2)}.`,
    `${below('RFA', 'RFMLP')}. ${below('BRFA', 'RFA')}.`,
  ].join(' ');
}
