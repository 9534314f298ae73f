/** The steps of a run in words, for those who do not see them. Pure. */
import type { ToAnalysesPanel } from '../../../protocol/panels/analyses';
import { unreachable } from '../../../protocol/unreachable';
import { seconds } from '../../ui/numbers';

export interface Spoken {
  readonly words: string;
  /** Is said once, however often it comes. */
  readonly step?: string;
}

export function spokenOf(message: ToAnalysesPanel): Spoken | undefined {
  switch (message.kind) {
    case 'result':
      return { words: message.result.finding };
    case 'failed':
    case 'overdue':
    case 'notice':
      return { words: message.sentence };
    case 'answer':
      return { words: `Answered: ${message.section.title}` };
    case 'stage': {
      const step = `${Math.floor(message.share * 10) * 10} % done`;
      const left = message.secondsLeft === undefined ? '' : `, about ${seconds(message.secondsLeft)} left`;
      return { words: `${step}${left}`, step };
    }
    case 'open':
    case 'models':
    case 'model':
    case 'estimate':
    case 'started':
    case 'partial':
    case 'picture':
    case 'chosen':
      return undefined;
    default:
      return unreachable(message);
  }
}
