/** What of the state is on the screen. Pure. */
import type { Tokenised } from '../../../protocol/compute/models';
import type { State } from './state';

export const layersDone = ({ statistics }: State): number =>
  statistics?.entropy.filter((row) => row !== undefined).length ?? 0;

/** Tokens of what is shown: of the result, else of the prompt in the form. */
export const tokensOf = ({ result, typed }: State): Tokenised => result ?? typed ?? { ids: [], tokens: [] };
