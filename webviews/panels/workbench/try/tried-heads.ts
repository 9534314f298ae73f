/** Grids of heads under a trial: the gains of the request are marked, and while a text is written the numbers are those of its latest token. */
import type { HeadGain } from '../../../../protocol/schema/parts';
import type { HeadsLayer, HeadsSection } from '../../../../protocol/sections/heads';
import type { QueryStatistics } from '../../../../protocol/panels/try-messages';
import { remembered } from '../../../sections/remembered';
import { gainsOf } from './changes';
import type { Tried } from './tried';

/** The same list as long as the entries are the same, so that grids are not drawn anew. */
const gains = remembered(gainsOf);

export const triedHeads = (section: HeadsSection, { entries, trial }: Tried): HeadsSection =>
  drawn(section, gains(entries), trial.generation?.live);

const drawn = remembered(
  (section: HeadsSection, of: readonly HeadGain[], live: QueryStatistics | undefined): HeadsSection => {
    const numbers = live ? section.numbers.flatMap((number) => liveNumber(number, live)) : [];
    if (numbers.length === 0) return { ...section, gains: of };
    const { pictures: _ofThePrompt, ...rest } = section;
    return { ...rest, gains: of, numbers };
  },
);

/** None where the number is no statistic of a single query. */
function liveNumber({ low: _low, high: _high, ...number }: HeadsLayer, live: QueryStatistics): readonly HeadsLayer[] {
  const values = Object.entries(live).find(([name]) => name === number.name)?.[1];
  if (!values) return [];
  // A single query reads anything from 0 to 1: a scale that stays does not flicker from token to token.
  const ends = number.unit === '' ? { min: 0, max: 1 } : {};
  return [{ ...number, title: `${number.title}, latest token`, values, scale: { kind: 'sequential', ...ends } }];
}
