/** How many pictures of a folder a run takes, and how long they take. Pure. */
import type { CaptionTime } from '../../../protocol/compute/hallucination';
import type { HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { PictureSample } from '../../../protocol/results/hallucination-schema';
import { count, plural, seconds } from '../../ui/numbers';

/** Captions of each picture. */
const captionsOf = ({ setCaptions }: Pick<HallucinationSetup, 'setCaptions'>): number =>
  ({ plain: 1, reinforced: 2, controls: 4 })[setCaptions];

/** `20 of 320 pictures, drawn by seed 0: 40 captions, at most about 50 s.` */
export function plannedWords(plan: HallucinationSetup, found: number, time: CaptionTime | undefined): string {
  const taken = Math.min(plan.mostImages ?? found, found);
  const which =
    taken < found
      ? `${count(taken)} of ${plural(found, 'picture')}, drawn by seed ${plan.seed}`
      : `All ${plural(found, 'picture')}`;
  const long = time && `, at most about ${seconds(taken * (time.encodeSeconds + time.textSeconds))}`;
  return `${which}: ${plural(taken * captionsOf(plan), 'caption')}${long ?? ''}.`;
}

/** `of 320, drawn by seed 0`; empty where all were taken. */
export const drawnWords = (sample: PictureSample | undefined): string =>
  sample && sample.count < sample.of ? ` of ${count(sample.of)}, drawn by seed ${sample.seed}` : '';
