/** Weights of a module from a published state dict. */
import { isAbsolute } from 'node:path';
import type { ParameterValues } from '../../kernels/mechanism';
import type { Module, Tensors } from '../../kernels/module';
import { tensor } from '../../kernels/tensors/tensor';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { readTensorFile, type Refuse, type TensorFile } from '../tensor-file';
import { resolvedParameters } from './parameters';

export interface FileWeights {
  readonly weights: Tensors;
  readonly parameters: ParameterValues;
  readonly note: string;
}

/** Prefixes and names that a sentence lists. */
const mostNamed = 5;

const listed = (names: readonly string[]): string =>
  `${names.slice(0, mostNamed).join(', ')}${names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ''}`;

export async function readWeights(
  module: Module,
  given: ParameterValues,
  { file: path, prefix }: { readonly file: string; readonly prefix?: string },
  largestBytes: number,
): Promise<FileWeights> {
  const refuse = (why: string): FailureError => refusal(`${path} does not hold the weights of ${module.id}: ${why}`);
  if (!isAbsolute(path)) throw refuse('its path is relative. Give the absolute path.');
  if (module.weights(given).length === 0) throw refuse('the module has none. Leave the file out.');
  const file = await readTensorFile(path, largestBytes, refuse);
  const found = prefixesIn(module, given, file, refuse);
  const chosen = prefix ?? found.find((each) => faultOf(module, given, file, each) === undefined) ?? found[0]!;
  const fault = faultOf(module, given, file, chosen);
  if (fault !== undefined) {
    const others = found.filter((each) => each !== chosen);
    throw refuse(others.length > 0 ? `${fault} Other prefixes with such names: ${listed(others.map(shown))}.` : fault);
  }
  const parameters = parametersAt(module, given, file, chosen);
  const weights = Object.fromEntries(
    module.weights(parameters).map(({ name, shape }) => {
      const { data } = file.tensor(chosen + name)!;
      if (!data.every(Number.isFinite)) throw refuse(`"${chosen + name}" holds numbers that are not finite.`);
      return [name, tensor(shape, Float64Array.from(data))];
    }),
  );
  const decided = Object.entries(parameters).filter(([name, value]) => given[name] !== value);
  const taken = decided.map(([name, value]) => `${name} ${value}`).join(', ');
  const more = found.length > 1 ? ` Of ${found.length} such modules in the file; name another prefix for another.` : '';
  const unread = unreadBehind(module, parameters, file, chosen);
  const left = unread.length > 0 ? ` Not read: ${listed(unread)}.` : '';
  return {
    weights,
    parameters,
    note: `Weights from ${path}, behind the prefix ${shown(chosen)}${taken === '' ? '' : `, which gives ${taken}`}.${more}${left}`,
  };
}

const shown = (prefix: string): string => (prefix === '' ? '"" (none)' : `"${prefix}"`);

/** What stands before the name of the module's first weight, wherever the file has it at the end of a name. */
function prefixesIn(module: Module, given: ParameterValues, file: TensorFile, refuse: Refuse): readonly string[] {
  const first = module.weights(given)[0]!.name;
  const found = file.names.flatMap((name) => {
    if (name === first) return [''];
    return name.endsWith(`.${first}`) ? [name.slice(0, -first.length)] : [];
  });
  if (found.length > 0) {
    return [...found].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  }
  throw refuse(
    `no name in it ends in "${first}". It has ${listed(file.names)}; the module reads ${listed(module.weights(given).map(({ name }) => name))}, as its repository names them.`,
  );
}

function parametersAt(module: Module, given: ParameterValues, file: TensorFile, prefix: string): ParameterValues {
  return { ...given, ...module.parametersOf?.((name) => file.shapeOf(prefix + name)) } as ParameterValues;
}

/** Why the names behind a prefix are not the module's weights, as a sentence. */
function faultOf(module: Module, given: ParameterValues, file: TensorFile, prefix: string): string | undefined {
  const parameters = parametersAt(module, given, file, prefix);
  try {
    resolvedParameters(module, parameters);
  } catch (error) {
    if (error instanceof FailureError && 'detail' in error.failure) return error.failure.detail;
    throw error;
  }
  const wanted = module.weights(parameters);
  const missing = wanted.filter(({ name }) => file.shapeOf(prefix + name) === undefined);
  if (missing.length > 0) {
    return `behind the prefix ${shown(prefix)} there is no ${listed(missing.map(({ name }) => `"${name}"`))}.`;
  }
  for (const { name, shape } of wanted) {
    const own = file.shapeOf(prefix + name)!;
    if (own.join() !== shape.join()) {
      return `"${prefix + name}" has the shape [${own.join(', ')}], and [${shape.join(', ')}] is needed with ${spelled(parameters)}.`;
    }
  }
  const layers = new Set(wanted.map(({ name }) => layerOf(name)));
  const extra = unreadBehind(module, parameters, file, prefix).find(
    (name) => layerOf(name) !== '' && layers.has(layerOf(name)),
  );
  return extra === undefined
    ? undefined
    : `"${prefix + extra}" belongs to a layer that the module reads without it, so the layer computes something else.`;
}

/** Names behind the prefix that the module does not read, but for the counters of batch norms, which nothing is computed from. */
function unreadBehind(
  module: Module,
  parameters: ParameterValues,
  file: TensorFile,
  prefix: string,
): readonly string[] {
  const wanted = new Set(module.weights(parameters).map(({ name }) => name));
  return file.names
    .filter((name) => name.startsWith(prefix) && !name.endsWith('.num_batches_tracked'))
    .map((name) => name.slice(prefix.length))
    .filter((name) => !wanted.has(name));
}

/** `qkv.c` of `qkv.c.weight`; of a parameter of the module itself nothing. */
const layerOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('.')));

const spelled = (parameters: ParameterValues): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
