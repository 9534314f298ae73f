/** A result of pictures beside another one, as files hold it. */
import type { HallucinationResult, HallucinationSet } from './hallucination-schema';
import type { PerHead } from './heads';

/** VHD of the first token here minus there, [layers][heads], in units of the distance of both. */
export const divergenceChange = (
  here: Pick<HallucinationResult, 'vhd'>,
  there: Pick<HallucinationResult, 'vhd'>,
): PerHead => here.vhd.map((row, layer) => row.map((value, head) => value - (there.vhd[layer]?.[head] ?? Number.NaN)));

/** What the other result was made of, and by how much this one differs; `changes` is left out where they cannot be compared. */
export function comparedWith(
  name: string,
  { model, prompt, seed, created, headscope, device, settings }: HallucinationResult | HallucinationSet,
  changes?: object,
): object {
  return { name, model, prompt, seed, created, headscope, device, settings, ...(changes ? { changes } : {}) };
}
