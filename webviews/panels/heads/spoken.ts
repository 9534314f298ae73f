/** The steps of a run in words, for those who do not see them. Pure. */
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { unreachable } from '../../../protocol/unreachable';
import { stageSpoken, type Spoken } from '../../ui/run-panel';
import { finding } from './finding';
import type { State } from './state';

/** What a screen reader says on a message, with the state that it made. */
export function spokenOf(message: ToHeadsPanel, state: State): Spoken | undefined {
  switch (message.kind) {
    case 'result':
      return { words: finding(state) };
    case 'failed':
    case 'overdue':
    case 'notice':
      return { words: message.sentence };
    case 'stage':
      return stageSpoken({ done: message.share, total: 1, ...message }, 'of the heads read');
    case 'generated':
      return { words: `${message.variant ? 'Changed' : 'Plain'} continuation: ${message.text}` };
    case 'headEffects':
      return message.finding === undefined
        ? stageSpoken({ done: message.share, total: 1, ...message }, 'of the heads removed')
        : { words: message.finding };
    case 'nextTokens': {
      const changed = state.effects?.distributions?.[1];
      return changed && { words: `Divergence ${changed.divergence.toFixed(3)} nats from the plain model` };
    }
    case 'open':
    case 'models':
    case 'devices':
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
