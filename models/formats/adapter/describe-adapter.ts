import type { ModelDescription } from '../model-description';
import type { FormatShare, OtherModel } from '../other-model';
import type { SafetensorsTensor } from '../safetensors/header';
import { shortened } from '../short-text';
import type { AdapterConfig } from './adapter-config';
import { adapterTitle, scalingOf } from './adapter-config';
import type { AdaptedModule } from './adapter-tensors';
import { baseNames } from './base-names';
import { adaptedModules, baseModules, baseParameters, expectedParameters } from './adapter-tensors';

/** The model that an adapter is for, where it was found. */
export interface AdapterBase {
  readonly label: string;
  readonly description: ModelDescription;
}

/** `meta-llama/Llama-3.1-8B`, `/models/Llama-3.1-8B/` and a folder of a Hugging Face cache have the same last name. */
export function lastName(name: string): string {
  const parts = name.split(/[\\/]/).filter((part) => part !== '');
  const cached = parts.findLast((part) => part.startsWith('models--'));
  return cached?.split('--').at(-1) ?? parts.at(-1) ?? name;
}

/** What an adapter adds to its base model, from its configuration and the tensors of its weights, where they are there. */
export function describeAdapter(
  config: AdapterConfig,
  tensors: readonly SafetensorsTensor[],
  base?: AdapterBase,
): Omit<OtherModel, 'bytesRead'> {
  const modules = adaptedModules(tensors);
  const counted = modules.reduce((sum, { parameters }) => sum + parameters, 0);
  const total =
    modules.length > 0 ? counted : base === undefined ? undefined : expectedParameters(config, base.description);
  const ofBase = base === undefined ? undefined : baseParameters(base.description);
  const rank = config.rank === undefined ? '' : ` r=${config.rank}`;
  const of = config.baseModel === undefined ? '' : ` of ${shortened(lastName(config.baseModel), 80)}`;
  const formats = formatsOf(tensors);
  const match = base === undefined ? undefined : matchOf(modules, base);
  return {
    kind: 'adapter',
    title: `${adapterTitle(config.kind)}${rank}${of}`,
    ...(base === undefined ? {} : { description: base.description }),
    ...(total === undefined ? {} : { parameters: { total, active: total, split: splitOf(modules) } }),
    bytes: formats.reduce((sum, { bytes }) => sum + bytes, 0),
    formats,
    details: [
      ...scalingLines(config),
      ...targetLines(config, modules),
      ...(config.saved.length === 0 ? [] : [{ title: 'Kept whole', text: names(config.saved) }]),
      ...(config.virtualTokens === undefined
        ? []
        : [{ title: 'Virtual tokens', text: config.virtualTokens.toLocaleString('en-US') }]),
      {
        title: 'Base model',
        text: `${shortened(config.baseModel ?? 'not named', 200)}${base === undefined ? ', not found here' : ''}`,
      },
      ...(total === undefined || ofBase === undefined || ofBase === 0
        ? []
        : [{ title: 'Share of the base', text: `${shareWords(total / ofBase)} of ${ofBase.toLocaleString('en-US')}` }]),
      ...(match === undefined ? [] : [{ title: 'In the base', text: match.words }]),
    ],
    notes: match?.notes ?? [],
  };
}

/** Three significant digits: 0.0052 as `0.52 %`. */
const shareWords = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

/** More names than this are counted only. */
const mostNames = 12;
const names = (all: readonly string[]): string =>
  `${all
    .slice(0, mostNames)
    .map((name) => shortened(name, 60))
    .join(', ')}${all.length > mostNames ? ` and ${all.length - mostNames} more` : ''}`;

function scalingLines(config: AdapterConfig): OtherModel['details'] {
  const scaling = scalingOf(config);
  const { rank, alpha } = config;
  const of = config.rootScaling === true ? 'alpha / sqrt(rank)' : 'alpha / rank';
  return [
    ...(rank === undefined
      ? []
      : [{ title: 'Rank', text: `${rank}${config.patterned === true ? ', some modules have their own' : ''}` }]),
    ...(alpha === undefined ? [] : [{ title: 'Alpha', text: String(alpha) }]),
    ...(scaling === undefined ? [] : [{ title: 'Scaling', text: `${Number(scaling.toPrecision(4))} = ${of}` }]),
    ...(config.magnitudes === true ? [{ title: 'Magnitudes', text: 'learned apart (DoRA)' }] : []),
  ];
}

const layerOf = (module: string): number | undefined => {
  const layer = /\.(\d{1,6})\./.exec(module)?.[1];
  return layer === undefined ? undefined : Number(layer);
};

/** `q_proj in 32 layers`, from the tensors where they are there. */
function targetLines(config: AdapterConfig, modules: readonly AdaptedModule[]): OtherModel['details'] {
  const adapted = modules.filter(({ whole }) => !whole);
  const byName = new Map<string, Set<number>>();
  for (const { module } of adapted) {
    const name = module.slice(module.lastIndexOf('.') + 1);
    const layers = byName.get(name) ?? new Set();
    const layer = layerOf(module);
    if (layer !== undefined) layers.add(layer);
    byName.set(name, layers);
  }
  const layers = [...new Set(adapted.flatMap(({ module }) => layerOf(module) ?? []))].toSorted((a, b) => a - b);
  const [first, last] = [layers[0], layers.at(-1)];
  const written = typeof config.targets === 'string' ? config.targets : names(config.targets);
  const found = [...byName].map(([name, own]) => `${name}${own.size === 0 ? '' : ` in ${own.size} layers`}`);
  return [
    ...(found.length > 0
      ? [{ title: 'Targets', text: names(found) }]
      : written === ''
        ? []
        : [{ title: 'Targets', text: shortened(written, 400) }]),
    ...(first === undefined || last === undefined
      ? config.layers === undefined
        ? []
        : [{ title: 'Layers', text: names(config.layers.map(String)) }]
      : [{ title: 'Layers', text: `${layers.length}, from ${first} to ${last}` }]),
  ];
}

function splitOf(modules: readonly AdaptedModule[]): NonNullable<OtherModel['parameters']>['split'] {
  const split = new Map<string, number>();
  for (const { module, parameters } of modules) {
    const name = shortened(module.slice(module.lastIndexOf('.') + 1), 60);
    split.set(name, (split.get(name) ?? 0) + parameters);
  }
  return [...split].map(([name, count]) => ({ name, count, active: count }));
}

function formatsOf(tensors: readonly SafetensorsTensor[]): readonly FormatShare[] {
  const formats = new Map<string, { name: string; tensors: number; weights: number; bytes: number }>();
  for (const { dtype, shape, begin, end } of tensors) {
    const share = formats.get(dtype) ?? { name: dtype, tensors: 0, weights: 0, bytes: 0 };
    share.tensors += 1;
    share.weights += shape.reduce((product, size) => product * size, 1);
    share.bytes += end - begin;
    formats.set(dtype, share);
  }
  return [...formats.values()];
}

/** How the adapted modules fit the base model's matrices; undefined where its layout is not known in full. */
function matchOf(
  modules: readonly AdaptedModule[],
  { label, description }: AdapterBase,
): { readonly words: string; readonly notes: readonly string[] } | undefined {
  const inBase = baseModules(description);
  const adapted = modules.filter(({ whole }) => !whole);
  if (inBase === undefined || adapted.length === 0) return undefined;
  // As a run finds them: a checkpoint may lack what its class has in front of its names.
  const nameOf = baseNames(new Set([...inBase.keys()].map((module) => `${module}.weight`)));
  const inModel = (module: string) => inBase.get(nameOf(`${module}.weight`)?.slice(0, -'.weight'.length) ?? '');
  const found = adapted.filter(({ module }) => inModel(module) !== undefined);
  const unlike = found.filter(({ module, input, output }) => {
    const matrix = inModel(module);
    // GPT-2 keeps its matrices the other way round.
    const fits = (a: number | undefined, b: number | undefined): boolean =>
      (input === undefined || input === a) && (output === undefined || output === b);
    return matrix !== undefined && !fits(matrix.input, matrix.output) && !fits(matrix.output, matrix.input);
  });
  const [one] = unlike;
  const matrix = one === undefined ? undefined : inModel(one.module);
  return {
    words: `${found.length} of ${adapted.length} adapted modules`,
    notes:
      one === undefined || matrix === undefined
        ? []
        : [
            `${shortened(one.module)} is adapted from ${one.input ?? '?'} to ${one.output ?? '?'}, and in ${label} it goes from ${matrix.input} to ${matrix.output}: the adapter is for another model.`,
          ],
  };
}
