/** The prompts that outputs are resampled from. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { refusal } from '../../../protocol/wire/failures';
import type { Sequence } from '../../model-runner/sequence';
import type { Subject } from '../../shared/effects/subjects';
import type { From } from './parameters';

/**
 * The prompt that each subject resamples from, the same for every part: its counterpart, or another prompt of as many tokens,
 * drawn by the seed. Undefined where there is none.
 */
export function partners(subjects: readonly Subject[], from: From, seed: number): readonly (Sequence | undefined)[] {
  const drawn = random(seedFor(seed, 'resample'));
  const found = subjects.map(({ sequence, counterpart }, at) => {
    if (from === 'counterpart') return counterpart?.ids.length === sequence.ids.length ? counterpart : undefined;
    const others = subjects.filter((other, to) => to !== at && other.sequence.ids.length === sequence.ids.length);
    return others[drawn.whole(Math.max(1, others.length))]?.sequence;
  });
  if (found.some((one) => one !== undefined)) return found;
  throw refusal(
    from === 'counterpart'
      ? 'Resampling takes outputs from a counterpart of as many tokens, and there is none. Give a prompt and its counterpart, or a task whose prompts have them.'
      : 'Resampling takes outputs from another prompt of as many tokens, and the input has no two of one length. Give a task with more samples, or resample from counterparts.',
  );
}
