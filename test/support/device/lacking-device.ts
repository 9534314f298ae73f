import { operatorTests } from '../../../compute-server/devices/operator-tests';
import type { SelfTest } from '../../../protocol/compute/api';

/** The self-test of a device that has all operators but some. */
export const without = (lacks: (operator: string) => boolean): SelfTest => ({
  maxError: 0,
  operators: Object.fromEntries(
    Object.keys(operatorTests).map((name) => [
      name,
      lacks(name) ? { ok: false, reason: `${name} is not there on this device.` } : { ok: true, maxError: 1e-6 },
    ]),
  ),
});
