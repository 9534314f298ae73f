/** Normalisations over the last axis. */
import { float, int, type Value } from '../records';
import { describe, fail, sameType } from './checks';

export function layerNormalization(
  x: Value,
  gain: Value,
  offset: Value | undefined,
  epsilon: number,
  name?: string,
): Value {
  checkGain('LayerNormalization', x, gain, name);
  if (offset) checkGain('LayerNormalization', x, offset, name);
  return x.graph.node('LayerNormalization', [x, gain, offset], [{ type: x.type, shape: x.shape, name }], {
    axis: int(-1),
    epsilon: float(epsilon),
  })[0];
}

/**
 * x / sqrt(mean(x^2) + epsilon) * gain. onnxruntime 1.30 runs it on every provider under its older name
 * SimplifiedLayerNormalization (in the domain ai.onnx, by history).
 */
export function rmsNormalization(x: Value, gain: Value, epsilon: number, name?: string): Value {
  checkGain('SimplifiedLayerNormalization', x, gain, name);
  return x.graph.node('SimplifiedLayerNormalization', [x, gain], [{ type: x.type, shape: x.shape, name }], {
    axis: int(-1),
    epsilon: float(epsilon),
  })[0];
}

function checkGain(operator: string, x: Value, gain: Value, name?: string): void {
  sameType(operator, name, x, gain);
  if (gain.shape.length !== 1 || gain.shape[0] !== x.shape.at(-1)) {
    fail(operator, name, `${describe(gain)} does not match the last axis of ${describe(x)}.`);
  }
}
