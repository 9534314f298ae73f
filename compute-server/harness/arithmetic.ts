/** The formats in which a device computes. */
import type { Precision } from '../../kernels/shape';
import type { Arithmetic } from '../../kernels/tensors/rounding';
import type { DeviceId } from '../runtime/session';

/**
 * float16 graphs on the cpu of x64 add up in float32, between casts (onnxruntime 1.30, 2026-11); on Arm the cpu has float16
 * kernels of its own, as other devices have, which may add up in float16.
 */
export const arithmeticOn = (
  device: DeviceId,
  precision: Precision,
  architecture: string = process.arch,
): Arithmetic => ({
  stored: precision,
  summed: precision === 'float16' && device === 'cpu' && architecture !== 'arm64' ? 'float32' : precision,
});
