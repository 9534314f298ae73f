/**
 * The probe of retrieval heads: values in a haystack that only their keys find.
 *
 * [bos] k1 s v1 … k2 s v2 … km s vm … | k3 s v3 k1 s v1 …: m keys with their values, needles in a haystack of random tokens;
 * then each key once more, in another order, followed by its value. All tokens are drawn at random and different but for the
 * one separator s, which stands before every value. At the second s the model has to say the value of the key before it.
 *
 * - A head retrieves at that query when, of all keys that the query reads, the value of its needle is the one it reads most:
 *   the copy event of Wu et al. 2024 ("Retrieval Head Mechanistically Explains Long-Context Factuality", arXiv:2404.15574,
 *   section 2.1), with the value given instead of generated. Score: share of the m queries at which it does.
 * - The token before every value is the same: a head that finds what followed an earlier occurrence of the query's own token
 *   (induction) has m values and more to choose from, and is right by chance in 1 of m. So the label says something that the
 *   induction score does not.
 * - Null model: the same, but other keys stand in the haystack, so that the needle is absent while the values and their
 *   places remain. What a head reads by place, or because it is a value, is counted there as well.
 */
import { copyScores, mostReadIn, type MostReadKeys } from '../retrieval/copy-events';
import { drawDistinct, type ProbeSettings } from './probes';

export interface RetrievalProbe {
  readonly ids: readonly number[];
  /** The separators behind the repeated keys, and where in the haystack the value of each stands. */
  readonly queries: readonly { readonly position: number; readonly answer: number }[];
}

/** A needle and a query of 3 tokens each take a ninth of the tokens behind the first; the rest is hay. */
const share = 9;
/** Tokens between the last needle and the first query: no needle lies in the local window of its query. */
const gap = 16;

export const retrievalProbe = (settings: ProbeSettings): RetrievalProbe => probeOf(settings, true);

/** The null model: the keys asked for are not in the haystack. */
export const absentNeedles = (settings: ProbeSettings): RetrievalProbe => probeOf(settings, false);

function probeOf(settings: ProbeSettings, present: boolean): RetrievalProbe {
  const room = 2 * settings.period;
  const needles = Math.floor(room / share);
  const hay = room - 6 * needles;
  const drawn = drawDistinct(settings, 1 + 3 * needles + hay);
  const [separator = 0, ...others] = drawn;
  const [keys, values, absent] = [0, 1, 2].map((part) => others.slice(part * needles, (part + 1) * needles));
  const straw = others.slice(3 * needles);
  const ids = settings.bosId === undefined ? [] : [settings.bosId];
  const answers: number[] = [];
  const before = Math.max(0, hay - gap);
  for (let needle = 0; needle < needles; needle++) {
    const from = Math.floor((needle * before) / needles);
    ids.push(...straw.slice(from, Math.floor(((needle + 1) * before) / needles)));
    answers.push(ids.length + 2);
    ids.push((present ? keys : absent)?.[needle] ?? 0, separator, values?.[needle] ?? 0);
  }
  ids.push(...straw.slice(before));
  const queries = order(needles).map((needle) => {
    ids.push(keys?.[needle] ?? 0, separator, values?.[needle] ?? 0);
    return { position: ids.length - 2, answer: answers[needle] ?? 0 };
  });
  return { ids, queries };
}

/** 0..count-1 in steps that share no factor with the count: no query follows the one of the needle before it. */
function order(count: number): readonly number[] {
  const commonFactor = (a: number, b: number): number => (b === 0 ? a : commonFactor(b, a % b));
  let step = Math.max(1, Math.round(count * 0.62));
  while (commonFactor(step, count) > 1) step++;
  return Array.from({ length: count }, (_, at) => (step + at * step) % count);
}

/** By head: share of the queries that read the value of their needle most. */
export function retrievalScores({ ids, queries }: RetrievalProbe, most: MostReadKeys): readonly number[] {
  const needle = { ids, positions: queries.map(({ answer }) => answer) };
  const given = queries.map(({ position, answer }) => ({
    id: ids[answer] ?? -1,
    mostRead: [mostReadIn(most, position)],
  }));
  return copyScores(needle, given)[0] ?? [];
}
