/** The steps of a run in words, for those who do not see them. Pure. */
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { unreachable } from '../../../protocol/unreachable';
import { stageSpoken, type Spoken } from '../../ui/run-panel';

export function spokenOf(message: ToWorkbench): Spoken | undefined {
  switch (message.kind) {
    case 'result':
      return { words: message.result.finding };
    case 'failed':
    case 'overdue':
    case 'notice':
      return { words: message.sentence };
    case 'answer':
      return { words: `Answered: ${message.section.title}` };
    case 'extended':
      return { words: message.result.finding };
    case 'generated':
      return { words: `${message.variant ? 'Changed' : 'Plain'} continuation: ${message.text}` };
    case 'nextTokens': {
      const [, changed] = message.distributions;
      return changed && { words: `Divergence ${changed.divergence.toFixed(3)} nats from the plain model` };
    }
    case 'stage':
      return stageSpoken({ done: message.share, total: 1, ...message }, 'done');
    case 'extending':
    case 'open':
    case 'models':
    case 'devices':
    case 'model':
    case 'tokenised':
    case 'estimate':
    case 'partial':
    case 'corpusNote':
    case 'picture':
    case 'tile':
    case 'row':
    case 'token':
    case 'chosen':
    case 'tabs':
    case 'looks':
    case 'history':
    case 'pair':
    case 'beside':
    case 'card':
      return undefined;
    default:
      return unreachable(message);
  }
}
