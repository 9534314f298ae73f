/** Lengths as they are typed: separated by commas or spaces, digits not grouped, `8k` is 8 x 1,024. */
import { limits } from '../../../protocol/results/limits';
import { count } from '../../ui/numbers';

export const presetLengths: readonly number[] = [128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768];
const [, longest] = limits.length;

export type Lengths =
  | { readonly ok: true; readonly lengths: readonly number[] }
  | { readonly ok: false; readonly why: string };

export function parseLengths(text: string): Lengths {
  const grouped = groupedLength(text);
  if (grouped !== undefined) {
    return {
      ok: false,
      why: `“${grouped}” is two lengths, as commas separate them: write ${grouped.replace(',', '')}.`,
    };
  }
  const words = text.split(/[\s,;]+/).filter((word) => word.length > 0);
  if (words.length === 0) return { ok: false, why: 'Name at least one length, for example 1024, 2048, 4096.' };
  const lengths = new Set<number>();
  for (const word of words) {
    const match = /^(\d+)(k?)$/i.exec(word);
    const value = match ? Number(match[1]) * (match[2] ? 1024 : 1) : Number.NaN;
    if (!Number.isInteger(value) || value < 1) {
      return { ok: false, why: `“${word}” is not a length: write whole numbers of tokens, for example 1024, 2048.` };
    }
    if (value > longest)
      return {
        ok: false,
        why: `${word} is longer than ${longest.toLocaleString('en-US')} tokens: choose a shorter length.`,
      };
    lengths.add(value);
  }
  if (lengths.size > 24)
    return { ok: false, why: `${lengths.size} lengths are too many for one chart: name at most 24.` };
  return { ok: true, lengths: [...lengths].sort((a, b) => a - b) };
}

/**
 * The first grouped number that can hardly be meant as two lengths: its second group starts with a zero, or it is a usual
 * length (`8,192`; 8 and 192 are written `8, 192`). `256,512` is two lengths.
 */
function groupedLength(text: string): string | undefined {
  const usual = presetLengths.filter((length) => length >= 1000).map(count);
  return text
    .split(/[\s;]+|,(?=\s|$)/)
    .map((word) => (usual.includes(word) ? word : /(?<!\d)\d{1,3},0\d{2}(?!\d)/.exec(word)?.[0]))
    .find((found) => found !== undefined);
}

export const writeLengths = (lengths: readonly number[]): string => lengths.join(', ');

/** Adds the length, or takes it out; what cannot be read is left alone. */
export function toggleLength(text: string, length: number): string {
  const parsed = parseLengths(text);
  if (!parsed.ok) return text.trim() === '' ? String(length) : text;
  const without = parsed.lengths.filter((other) => other !== length);
  return writeLengths(
    without.length === parsed.lengths.length ? [...parsed.lengths, length].sort((a, b) => a - b) : without,
  );
}
