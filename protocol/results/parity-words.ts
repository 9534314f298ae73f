import type { Parity } from './heads';

/** What a parity says, for badges, exports and terminals; `number` writes a figure. */
export function parityWords(
  { maxLogitError, device, tolerance, worstLayer, ok }: Parity,
  number: (value: number) => string,
): string {
  const where = worstLayer === undefined || ok ? '' : `, worst in layer ${worstLayer}`;
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
