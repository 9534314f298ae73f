/**
 * Training of the gates of DuoAttention (arXiv:2410.10819, section 3; duo_attn/train.py): what is not a run of the model.
 *
 * L = L_distill + penalty · mean |alpha| over all key/value heads. AdamW without decay at PyTorch's other settings; the rate of step t
 * (from 0) of T is the largest times min(1, max((t + 1) / (T / 5), 0.1), max((T - t) / (T / 5), 0.1)): up over the first fifth, down
 * over the last. Gates begin at 1 and are clamped to 0..1 before each step.
 */
import { usualAdam } from '../../../kernels/training/training-step';

/** Flat lists over layers and key/value heads. */
export interface GateState {
  /** Steps done. */
  readonly step: number;
  readonly gates: readonly number[];
  readonly first: readonly number[];
  readonly second: readonly number[];
}

export const startingGates = (heads: number): GateState => ({
  step: 0,
  gates: Array.from({ length: heads }, () => 1),
  first: Array.from({ length: heads }, () => 0),
  second: Array.from({ length: heads }, () => 0),
});

/** Factor on the learning rate at step `step` (from 0). */
export function rateFactor(step: number, steps: number): number {
  const fifth = steps / 5;
  return Math.min(1, Math.max((step + 1) / fifth, 0.1), Math.max((steps - step) / fifth, 0.1));
}

export const meanGate = (gates: readonly number[]): number =>
  gates.reduce((sum, gate) => sum + Math.abs(gate), 0) / gates.length;

/** `gradient`: of L_distill with respect to each gate. */
export function gateStep(
  { step, gates, first, second }: GateState,
  gradient: readonly number[],
  { steps, rate, penalty }: { readonly steps: number; readonly rate: number; readonly penalty: number },
): GateState {
  const { beta1, beta2, epsilon } = usualAdam;
  const whole = gradient.map((each, at) => each + (penalty * Math.sign(gates[at] ?? 0)) / gates.length);
  const newFirst = first.map((each, at) => beta1 * each + (1 - beta1) * (whole[at] ?? 0));
  const newSecond = second.map((each, at) => beta2 * each + (1 - beta2) * (whole[at] ?? 0) ** 2);
  const now = rate * rateFactor(step, steps);
  const [mean, square] = [1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)];
  return {
    step: step + 1,
    gates: gates.map((gate, at) => {
      const direction = (newFirst[at] ?? 0) / mean / (Math.sqrt((newSecond[at] ?? 0) / square) + epsilon);
      return Math.min(1, Math.max(0, gate - now * direction));
    }),
    first: newFirst,
    second: newSecond,
  };
}
