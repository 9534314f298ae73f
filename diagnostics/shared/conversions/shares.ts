import { refusal } from '../../../protocol/wire/failures';

/** Shares of a curve, given in per cent from `least` to `most` and separated by commas. */
export function sharesIn(text: string, least: number, most: number): readonly number[] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return parts.map((part) => {
    const percent = Number(part);
    if (!(percent >= least && percent <= most)) {
      const detail = `"${part.trim()}" is no share of the curve. Give per cents from ${least} to ${most}, separated by commas.`;
      throw refusal(detail);
    }
    return percent / 100;
  });
}
