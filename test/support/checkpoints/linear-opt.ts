/** The tiny OPT with random weights, without a final norm and with MLPs that add 0: heads of its last layer act linearly on the logits. */
import type { Checkpoint } from './planted-circuit';
import { tinyModel, tinyTensors } from './tiny-models';

export function linearOpt(): Checkpoint {
  const tiny = tinyModel('opt');
  const tensors = new Map(
    [...tinyTensors(tiny)].filter(([name]) => !name.startsWith('model.decoder.final_layer_norm')),
  );
  for (const [name, { shape, data }] of tensors) {
    if (name.includes('.fc2.')) tensors.set(name, { shape, data: new Float32Array(data.length) });
  }
  return { config: { ...tiny.config, _remove_final_layer_norm: true }, tensors };
}
