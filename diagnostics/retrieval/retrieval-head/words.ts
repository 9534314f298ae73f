/** How heads, sets and shares are called in sentences. */
import type { MaskMode } from '../../shared/retrieval/masking';
import type { PlannedSet } from './head-sets';
import { counted } from '../../../protocol/wire/number-words';

export const setWords = ({ kind, name, count }: PlannedSet): string => {
  switch (kind) {
    case 'chosen':
      return count === 1 ? 'the chosen head' : `the ${count} chosen heads`;
    case 'top':
      return count === 1 ? 'the top head' : `the top ${count} heads`;
    case 'random': {
      const draw = /, (draw \d+)$/u.exec(name)?.[1];
      return `${counted(count, 'random other head', 'random other heads')}${draw === undefined ? '' : ` (${draw})`}`;
    }
  }
};

export const modeWords: Readonly<Record<MaskMode, string>> = {
  uniform: 'attends to all its keys equally',
  zero: 'outputs zero',
  mean: 'outputs its mean over the prompts',
};

/** A label of a map, which shows spaces as it shows those of tokens. */
export const label = (text: string): string => text.replaceAll(' ', '\u00a0');
