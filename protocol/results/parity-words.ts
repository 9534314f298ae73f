import type { Parity } from './heads';
import { heldWords } from './weights';

/** What a parity says, for badges, exports and terminals; `number` writes a figure. */
export function parityWords(
  { maxLogitError, device, tolerance, worstLayer, ok, weights, greedy }: Parity,
  number: (value: number) => string,
): string {
  const where = worstLayer === undefined || ok ? '' : `, worst in layer ${worstLayer}`;
  if (weights !== undefined) {
    const held = `${heldWords[weights]}${device === undefined ? '' : ` on ${device}`}`;
    const same = greedy === undefined ? '' : `, same greedy token at ${greedy.same} of ${greedy.positions} positions`;
    // The CPU multiplies integers by integers.
    const integers = device === undefined && weights !== 'float16';
    const activations = integers ? ' (activations rounded to int8)' : '';
    return `${held}${activations}: logits differ from those of exact weights by ${number(maxLogitError)}${where}${same}`;
  }
  if (device === undefined) {
    return ok
      ? `instrumented = plain, ${number(maxLogitError)} error`
      : `instrumented differs from plain by ${number(maxLogitError)}${where}`;
  }
  const allowed = tolerance === undefined ? '' : ` of at most ${number(tolerance)}`;
  return ok
    ? `${device} = CPU in float32, ${number(maxLogitError)} error${allowed}`
    : `${device} differs from the CPU in float32 by ${number(maxLogitError)}${where}`;
}
