/** The steps of a run in words, for those who do not see them. Pure. */
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { unreachable } from '../../../protocol/unreachable';
import { seconds } from '../../ui/numbers';
import { finding } from './finding';
import type { State } from './state';

export interface Spoken {
  readonly words: string;
  /** Is said once, however often it comes. */
  readonly step?: string;
}

/** Of a message, with the state that it made. */
export function spokenOf(message: ToHeadsPanel, state: State): Spoken | undefined {
  switch (message.kind) {
    case 'result':
      return { words: finding(state) };
    case 'failed':
    case 'overdue':
    case 'notice':
      return { words: message.sentence };
    case 'stage': {
      const step = `${Math.floor(message.share * 10) * 10} % of the heads read`;
      const left = message.secondsLeft === undefined ? '' : `, about ${seconds(message.secondsLeft)} left`;
      return { words: `${step}${left}`, step };
    }
    case 'generated':
      return { words: `${message.variant ? 'Changed' : 'Plain'} continuation: ${message.text}` };
    case 'nextTokens': {
      const changed = state.effects?.distributions?.[1];
      return changed && { words: `Divergence ${changed.divergence.toFixed(3)} nats from the plain model` };
    }
    case 'open':
    case 'models':
    case 'model':
    case 'tokenised':
    case 'layer':
    case 'tile':
    case 'row':
    case 'token':
      return undefined;
    default:
      return unreachable(message);
  }
}
