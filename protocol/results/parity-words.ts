import type { Parity } from '../schema/parts';
import { heldWords } from '../inputs/weights';

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
    const integers = device === undefined && (weights === 'q8' || weights === 'q4');
    const activations = integers ? ' (activations rounded to int8)' : '';
    return `With ${held}${activations}, logits differ from those of exact weights by ${number(maxLogitError)}${where}${same}`;
  }
  if (device === undefined) {
    return ok
      ? maxLogitError === 0
        ? 'Checked: recording did not change the output'
        : `Checked: recording changed no logit by more than ${number(maxLogitError)}`
      : `Recording changed the output: a logit differs by ${number(maxLogitError)}${where}`;
  }
  const allowed = tolerance === undefined ? '' : `, allowed ${number(tolerance)}`;
  return ok
    ? `Checked: ${device} agrees with the CPU in float32 (largest difference of a logit ${number(maxLogitError)}${allowed})`
    : `${device} differs from the CPU in float32 by ${number(maxLogitError)}${where}`;
}
