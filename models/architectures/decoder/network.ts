/** The network of a layer, of one expert, or of what stands beside the experts. */
import type { DecoderLayout } from '../../formats/families/shared/decoder-layout';
import type { Layer } from '../../formats/model-description';
import { activationOf, type Names } from '../architecture';
import { ModelError } from '../model-spec';
import type { FeedForwardSpec } from '../network-spec';
import { mapOf, normOf, scaled, type Stack } from './stack';

export function feedForwardOf(stack: Stack, layer: Layer, at: Names): FeedForwardSpec {
  const { layout } = stack;
  const { feedForward, index } = layer;
  if (feedForward.kind !== 'dense')
    throw new ModelError(`Layer ${index} has no feed-forward network, which Headscope does not run yet.`);
  const share = stack.computes.sparsity?.(stack.part, layer) ?? 0;
  const network = networkOf(stack, at, feedForward.size, layout.mlp);
  return share > 0 ? { ...network, threshold: normalQuantile(Math.fround(share)) } : network;
}

/** The number below which a standard normal distribution has this share, by Newton's method. */
function normalQuantile(share: number): number {
  if (!(share > 0 && share < 1)) throw new ModelError(`A share of ${share} of the gates is not between 0 and 1.`);
  let x = 0;
  for (let step = 0; step < 60; step++) {
    let [term, sum] = [x, x];
    // Phi(x) is 1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...).
    for (let odd = 3; Math.abs(term) > 1e-17; odd += 2) sum += term *= (x * x) / odd;
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    x -= Math.max(-1, Math.min(1, (0.5 + density * sum - share) / density));
  }
  return x;
}

/** A dense network: of a layer, of one expert, or of what stands beside the experts. */
export function networkOf(
  stack: Stack,
  at: Names,
  size: number,
  names: DecoderLayout['mlp'],
  /** Numbers that it reads and gives. */
  hidden = stack.part.hiddenSize,
): FeedForwardSpec {
  const { part } = stack;
  const { inputs, output, fused, upFirst, innerNorm, slopes, mixing } = names;
  const [first = '', second] = inputs;
  const factors = stack.computes.networkFactors?.(part);
  const linear = (name: string) => mapOf(stack, at, name, hidden, size);
  const rows = (firstRow: number) => at.linear(first, hidden, size, { firstRow, storedRows: 2 * size });
  const [positive, negative] = slopes ?? [];
  const learned =
    activationName(stack) === 'xielu' && positive !== undefined && negative !== undefined
      ? ({ kind: 'xielu', positive: at.name(positive), negative: at.name(negative) } as const)
      : undefined;
  return {
    activation: learned ?? activationIn(stack),
    ...(fused === true
      ? { gate: rows(upFirst ? size : 0), up: rows(upFirst ? 0 : size) }
      : second === undefined
        ? { up: linear(first) }
        : { gate: scaled(linear(first), factors?.gate), up: linear(second) }),
    ...(innerNorm === undefined ? {} : { innerNorm: normOf(stack, at, innerNorm, size) }),
    down: scaled(mapOf(stack, at, output, size, hidden), factors?.down),
    ...(mixing
      ? {
          mixing: {
            mix: at.name(mixing.mix),
            gateMix: at.name(mixing.gateMix),
            gate: at.linear(mixing.gate, hidden, hidden),
            ...(mixing.ofEarlier ? { ofEarlier: true } : {}),
          },
        }
      : {}),
  };
}

/** The activation of a network, for activations that have no stored numbers. */
export function activationIn(stack: Stack): FeedForwardSpec['activation'] {
  const { part, computes } = stack;
  const held = typeof computes.heldGate === 'function' ? computes.heldGate(part) : computes.heldGate;
  return held ? { kind: 'held-gate', ...held } : activationOf(activationName(stack));
}

export const activationName = ({ part, computes, input }: Stack): string | undefined =>
  computes.activation?.(part, input.model.transformersVersion) ?? part.activation;
