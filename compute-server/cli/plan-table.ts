/** A cache plan in words: heads by what they keep, bytes at some lengths, where it comes from, what it was measured to do. */
import { kvName } from '../../diagnostics/shared/plans/places';
import { headsByKeep, type AlikeHeads, headPlanWords } from '../../protocol/plans/head-plan';
import { lengthsWithin } from '../../protocol/plans/lengths';
import { planBytes, type PlanBytes } from '../../protocol/plans/plan-bytes';
import type { Plan } from '../../protocol/plans/plan-file';
import { bytesInWords } from '../../protocol/wire/words';
import { textTable } from './table';

/** Most heads first. */
export const kindsOf = (heads: Plan['heads']): readonly AlikeHeads[] =>
  [...headsByKeep(heads)].sort((a, b) => b.heads.length - a.heads.length);

/** Cache bytes for prompts of each length, float32. The model's own windows are not in the file and not counted. */
export const bytesByLength = (
  { heads, model }: Plan,
  lengths: readonly number[],
): Readonly<Record<string, PlanBytes>> =>
  Object.fromEntries(lengths.map((length) => [String(length), planBytes(heads, model.headDim, length)]));

/** Heads of a kind that are named, at most. */
const mostNamed = 12;

export const usualLengths = ({ model: { contextLength } }: Plan): readonly number[] =>
  lengthsWithin([2048, 8192, 32_768, 131_072], contextLength);

export function planWords(plan: Plan, lengths: readonly number[] = usualLengths(plan)): string {
  const { title, model, heads, prompt, origin, measured = [] } = plan;
  const all = heads.reduce((sum, row) => sum + row.length, 0);
  const kinds = textTable(
    ['heads', 'keeps', 'meaning', 'key/value heads'],
    kindsOf(heads).map(({ keeps, plan: head, heads: own }) => [
      String(own.length),
      keeps,
      headPlanWords(head),
      own.slice(0, mostNamed).map(kvName).join(', ') + (own.length > mostNamed ? ', …' : ''),
    ]),
    [0],
  );
  const bytes = textTable(
    ['tokens', 'under the plan', 'full cache', 'share'],
    Object.entries(bytesByLength(plan, lengths)).map(([length, { plan: kept, full }]) => [
      Number(length).toLocaleString('en'),
      bytesInWords(kept),
      bytesInWords(full),
      `${((100 * kept) / full).toFixed(1)} %`,
    ]),
    [0, 1, 2, 3],
  );
  const settings = Object.entries(origin.settings)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${value}`);
  const from = [
    `From ${origin.method}${origin.created === '' ? '' : `, ${origin.created}`}${origin.headscope === '' ? '' : `, Headscope ${origin.headscope}`}, seed ${origin.seed}${origin.note === undefined ? '' : `, ${origin.note}`}.`,
    ...(settings.length > 0 ? [`Settings: ${settings.join(', ')}.`] : []),
  ].join(' ');
  const results =
    measured.length === 0
      ? 'Not measured yet: `headscope plan evaluate` does.'
      : textTable(
          ['measured', 'score', '95 % interval', 'full cache', 'n', 'bytes'],
          measured.map(({ what, score, low, high, full, n, bytes: kept, bytesFull }) => [
            what,
            digits(score),
            `${digits(low)} to ${digits(high)}`,
            digits(full),
            String(n),
            `${bytesInWords(kept)} of ${bytesInWords(bytesFull)}`,
          ]),
          [1, 3, 4],
        );
  return [
    `${title}. A plan of ${all} key/value heads in ${heads.length} layers for ${model.name} (hash ${model.hash.slice(0, 12)})${prompt === undefined ? '' : `, for one prompt of ${prompt} tokens`}.`,
    kinds,
    prompt === undefined ? bytes : '',
    from,
    results,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const digits = (value: number): string => (Number.isNaN(value) ? '–' : String(Number(value.toPrecision(3))));
