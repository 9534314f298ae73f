/** The steps of a run in words, for those who do not see them. Pure. */
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import { unreachable } from '../../../protocol/unreachable';
import { stageSpoken, type Spoken } from '../../ui/run-panel';
import { finding } from './finding';
import type { State } from './state';

/** What a screen reader says on a message, with the state that it made. */
export function spokenOf(message: ToHallucinationPanel, state: State): Spoken | undefined {
  switch (message.kind) {
    case 'result':
    case 'set':
      return { words: finding(state) };
    case 'failed':
    case 'overdue':
    case 'notice':
      return { words: message.sentence };
    case 'stage':
      return stageSpoken({ done: message.share, total: 1, ...message }, 'done');
    case 'variant':
      return { words: `Caption: ${message.caption.text}` };
    case 'open':
    case 'models':
    case 'devices':
    case 'model':
    case 'picture':
    case 'imageFolder':
    case 'tokenised':
    case 'folderTime':
    case 'card':
    case 'firstStep':
    case 'token':
    case 'map':
    case 'step':
    case 'entry':
    case 'entryFailed':
      return undefined;
    default:
      return unreachable(message);
  }
}
