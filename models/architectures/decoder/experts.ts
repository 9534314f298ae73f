/** Routed experts of a layer, as their family stores them. */
import type { RoutedNames } from '../../formats/families/shared/decoder-layout';
import type { Layer } from '../../formats/model-description';
import type { Names } from '../architecture';
import { ModelError } from '../model-spec';
import type { FeedForwardSpec, RoutedNorms, RoutedSpec } from '../network-spec';
import type { Linear, Norm } from '../weights-spec';
import { activationIn, networkOf } from './network';
import { normOf, scaled, type Stack } from './stack';

/** `beside` is the layer itself. */
export function routedOf(stack: Stack, layer: Layer, beside: Names, names: RoutedNames): RoutedSpec {
  const { part, computes } = stack;
  const { experts, size } = layer.feedForward;
  if (!experts || !computes.router)
    throw new ModelError(`Layer ${layer.index} has routed experts, which Headscope does not run for this family yet.`);
  const { count, perToken, sharedSize } = experts;
  const identity = computes.identityExperts?.(part) ?? 0;
  const all = count + identity;
  if (perToken < 1 || perToken > all)
    throw new ModelError(
      `Layer ${layer.index} chooses ${perToken} of ${all} experts for each token. Correct the config.`,
    );
  const { groups } = computes.router(part);
  if (groups && count % groups.count !== 0)
    throw new ModelError(
      `Layer ${layer.index} has ${count} experts, which ${groups.count} groups do not divide. Correct the config.`,
    );
  const at = beside.at(names.prefix);
  const stored = names.inTurns || names.stacked ? count : storedExperts(at, names, count);
  // Without any, the first that is missing is named.
  if (stored > 0 && stored < count)
    throw new ModelError(
      `Layer ${layer.index} has the weights of ${stored} experts, and the config asks for ${count}. Download the whole checkpoint.`,
    );
  const hidden = part.hiddenSize;
  const width = experts.latentSize ?? hidden;
  if (width !== hidden && !names.latent)
    throw new ModelError(
      `Layer ${layer.index} has experts of another width than the stream, which Headscope does not run for this family yet.`,
    );
  const called = names.plain ?? names.projections ?? ['gate_proj', 'up_proj', 'down_proj'];
  const network = (all: readonly string[]) => ({ prefix: '', inputs: all.slice(0, -1), output: all.at(-1) ?? '' });
  const bias = names.routerBias === undefined || !at.has(names.routerBias) ? undefined : at.name(names.routerBias);
  const { sharedBeside } = names;
  const shared =
    sharedSize === 0
      ? undefined
      : sharedBeside
        ? networkOf(stack, beside.at(sharedBeside.prefix), sharedSize, {
            ...{ prefix: '', inputs: [sharedBeside.gateAndUp], fused: true, output: sharedBeside.down },
          })
        : names.sharedAt !== undefined
          ? networkOf(stack, beside.at(names.sharedAt), sharedSize, network(called))
          : names.shared === undefined
            ? undefined
            : networkOf(stack, at.at(names.shared), sharedSize, network(names.sharedProjections ?? called));
  return {
    router: {
      ...computes.router(part),
      linear: scaled(at.linear(names.router, hidden, all), computes.routerFactor?.(part)),
      perToken,
      ...(names.expertFactors === undefined ? {} : { expertFactors: at.name(names.expertFactors) }),
      ...(bias === undefined ? {} : { choiceBias: { name: bias, shape: at.shape(names.routerBias ?? '') } }),
    },
    experts: Array.from({ length: count }, (_, expert) =>
      names.inTurns
        ? expertInTurns(stack, at, names.inTurns, { expert, count, size })
        : names.stackedInputs
          ? expertByInputs(stack, at, names.stackedInputs, { expert, count, size })
          : names.stacked && (!names.projections || at.has(names.stacked[0]))
            ? stackedExpert(stack, at, names, names.stacked, { expert, count, size })
            : names.merged
              ? mergedExpert(stack, at, names.merged, { expert, count, size })
              : networkOf(stack, at.at(ofExpert(names, expert)), size, network(called), width),
    ),
    ...(names.latent && width !== hidden
      ? {
          latent: {
            down: at.linear(names.latent[0], hidden, width),
            up: at.linear(names.latent[1], width, hidden),
          },
        }
      : {}),
    ...(identity > 0 ? { identity } : {}),
    ...(shared ? { shared } : {}),
    ...(names.norms ? { norms: normsOf(stack, at, names.norms) } : {}),
    ...(shared && experts.sharedGate && names.sharedGate !== undefined
      ? { sharedGate: at.linear(names.sharedGate, hidden, 1) }
      : {}),
  };
}

function normsOf(stack: Stack, at: Names, names: NonNullable<RoutedNames['norms']>): RoutedNorms {
  const own = (name: string): Norm => normOf(stack, at, name, stack.part.hiddenSize);
  return {
    router: { ...normOf(stack, at, undefined, stack.part.hiddenSize), weight: at.name(names.router) },
    experts: own(names.experts),
    shared: own(names.shared),
    expertsOutput: own(names.expertsOutput),
    sharedOutput: own(names.sharedOutput),
  };
}

/** Experts that have a weight of their own. */
const storedExperts = (at: Names, names: RoutedNames, count: number): number =>
  Array.from({ length: count }, (_, expert) => expert).filter((expert) =>
    (names.plain ?? names.projections)?.some((name) => at.has(`${ofExpert(names, expert)}${name}.weight`)),
  ).length;

const ofExpert = ({ each = 'experts.{expert}.' }: RoutedNames, expert: number): string =>
  each.replace('{expert}', String(expert));

interface OneOf {
  readonly expert: number;
  readonly count: number;
  readonly size: number;
}

/** The map of one expert in a tensor of all, with a row for each output. An expert has `rows` rows, and the map begins at row `from` of them. */
const rowsOfExpert = (
  weight: string,
  { expert, count }: OneOf,
  [inputs, outputs]: readonly [number, number],
  { rows = outputs, from = 0 } = {},
): Linear => ({
  ...{ weight, inputs, outputs, stored: 'outputs-inputs' },
  ...{ firstRow: rows * expert + from, storedShape: [count, rows, inputs] },
});

/** The same in a tensor whose rows are inputs, `columns` wide. */
const inputsOfExpert = (
  weight: string,
  { expert, count }: OneOf,
  [inputs, outputs]: readonly [number, number],
  columns = outputs,
): Linear => ({
  ...{ weight, inputs, outputs, stored: 'inputs-outputs' },
  ...{ firstRow: inputs * expert, storedShape: [count, inputs, columns] },
});

/** Units are rows of all three tensors. */
function mergedExpert(
  stack: Stack,
  at: Names,
  [gate, up, down]: NonNullable<RoutedNames['merged']>,
  one: OneOf,
): FeedForwardSpec {
  const [{ hiddenSize: hidden }, { count, size }] = [stack.part, one];
  const flat = { storedShape: [count * size, hidden] };
  return {
    activation: activationIn(stack),
    gate: { ...rowsOfExpert(at.name(gate), one, [hidden, size]), ...flat },
    up: { ...rowsOfExpert(at.name(up), one, [hidden, size]), ...flat },
    down: { ...inputsOfExpert(at.name(down), one, [size, hidden]), ...flat },
  };
}

function expertInTurns(
  stack: Stack,
  at: Names,
  { maps, biases }: NonNullable<RoutedNames['inTurns']>,
  one: OneOf,
): FeedForwardSpec {
  const { hiddenSize: hidden } = stack.part;
  const { expert, count, size } = one;
  const biased = (of: 0 | 1) => ({ bias: at.name(biases[of]), biasRow: { row: expert, rows: count } });
  const both = { ...inputsOfExpert(at.name(maps[0]), one, [hidden, size], 2 * size), ...biased(0) };
  return {
    activation: activationIn(stack),
    gate: { ...both, everySecond: 0 },
    up: { ...both, everySecond: 1 },
    down: { ...inputsOfExpert(at.name(maps[1]), one, [size, hidden]), ...biased(1) },
  };
}

/** Gate and up are halves of the columns of one matrix. */
function expertByInputs(
  stack: Stack,
  at: Names,
  [gateAndUp, down]: NonNullable<RoutedNames['stackedInputs']>,
  one: OneOf,
): FeedForwardSpec {
  const [{ hiddenSize: hidden }, { size }] = [stack.part, one];
  const both = inputsOfExpert(at.name(gateAndUp), one, [hidden, size], 2 * size);
  return {
    activation: activationIn(stack),
    gate: { ...both, firstColumn: 0 },
    up: { ...both, firstColumn: size },
    down: inputsOfExpert(at.name(down), one, [size, hidden]),
  };
}

/** Gate and up are halves of the rows of one matrix. */
function stackedExpert(
  stack: Stack,
  at: Names,
  { outputBias }: RoutedNames,
  [gateAndUp, down]: NonNullable<RoutedNames['stacked']>,
  one: OneOf,
): FeedForwardSpec {
  const [{ hiddenSize: hidden }, { size }] = [stack.part, one];
  return {
    activation: activationIn(stack),
    gate: rowsOfExpert(at.name(gateAndUp), one, [hidden, size], { rows: 2 * size }),
    up: rowsOfExpert(at.name(gateAndUp), one, [hidden, size], { rows: 2 * size, from: size }),
    down: {
      ...rowsOfExpert(at.name(down), one, [size, hidden]),
      // Shares sum to 1, so that each expert has the bias of all.
      ...(outputBias === undefined ? {} : { bias: at.name(outputBias) }),
    },
  };
}
