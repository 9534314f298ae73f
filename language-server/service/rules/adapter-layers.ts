import type { JsonPath, JsonValue } from '../../../models/formats/model-description';
import { layerOf, ranges } from '../../../models/formats/tensors/tensor-sentences';
import { targetsOf } from '../../../models/formats/adapter/base-names';
import { modulesOf } from '../adapter-modules';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { ConfigPart } from '../parts';
import type { Related } from '../finding';
import type { FolderFacts } from '../folder-facts';
import { isObject } from '../json-document';
import { nearestName } from '../../../protocol/wire/nearest-name';
import { matchesSome } from '../../../models/formats/python-patterns';
import { renameKey } from '../places';
import type { Rule, RuleContext } from './rule';

interface LayerCount {
  readonly layers: number;
  readonly related: Related;
}

/** How many layers the deepest part of the config beside the adapter has. */
const layersOfConfig = (parts: readonly ConfigPart[]): LayerCount | undefined => {
  const counts = parts.flatMap((part) => numberField(part.value, namesOf('num_hidden_layers')) ?? []);
  const deepest = counts.reduce<(typeof counts)[number] | undefined>(
    (best, one) => (best === undefined || one.value > best.value ? one : best),
    undefined,
  );
  if (deepest === undefined) return undefined;
  const { key, value: layers } = deepest;
  return { layers, related: { message: `${key} is ${layers}`, place: { file: 'config.json', key } } };
};

/** The layers that the weights beside the adapter, or its own, are of. */
const layersOfWeights = ({
  facts,
}: RuleContext): { readonly layers: ReadonlySet<number>; readonly file: string } | undefined => {
  const modules = modulesOf(facts);
  const layers = new Set(modules?.names.flatMap((name) => layerOf(`${name}.`) ?? []));
  return modules === undefined || layers.size === 0 ? undefined : { layers, file: modules.file };
};

export const loraLayers: Rule = {
  code: 'lora-layers-outside',
  title: 'The adapter is for layers that the model does not have',
  severity: 'error',
  kinds: ['adapter'],
  check(context, report) {
    const value = context.document.value;
    if (!isObject(value)) return;
    const chosen = value['layers_to_transform'];
    const list = Array.isArray(chosen) ? (chosen as readonly JsonValue[]) : [chosen];
    const ofConfig = layersOfConfig(context.configParts);
    const ofWeights = ofConfig === undefined ? layersOfWeights(context) : undefined;
    const outside = list.flatMap((layer, index) => {
      if (typeof layer !== 'number') return [];
      const isThere =
        layer >= 0 &&
        (ofConfig === undefined || layer < ofConfig.layers) &&
        (ofWeights === undefined || ofWeights.layers.has(layer));
      return isThere ? [] : [{ layer, index }];
    });
    const [first] = outside;
    if (first === undefined) return;
    const layers = ranges(outside.map(({ layer }) => layer));
    const has =
      ofConfig !== undefined
        ? `the model has ${ofConfig.layers}, counted from 0`
        : ofWeights !== undefined
          ? `${ofWeights.file} has the layers ${ranges([...ofWeights.layers])}`
          : 'layers are counted from 0';
    report(
      Array.isArray(chosen) ? ['layers_to_transform', first.index] : ['layers_to_transform'],
      `layers_to_transform names ${outside.length === 1 ? 'layer' : 'the layers'} ${layers}, and ${has}. No adapter is put there.`,
      {
        related:
          ofConfig !== undefined
            ? [ofConfig.related]
            : ofWeights !== undefined
              ? [{ message: ofWeights.file, place: { file: ofWeights.file } }]
              : [],
      },
    );
  },
};

/** A name as it stands, or a pattern. */
const isPlain = (key: string): boolean => /^[\w.-]+$/.test(key);
const lastOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
/** Patterns that are tried, each in its own sandbox; the other keys of a file are plain names. */
const mostPatterns = 20;

/** The modules that an adapter is put on, as its weights or its list of targets say; undefined where neither does. */
const chosenModules = (
  value: JsonObject,
  facts: FolderFacts,
): { readonly names: readonly string[]; readonly whole: boolean } | undefined => {
  const weights = facts.shards.has('adapter_model.safetensors') ? modulesOf(facts) : undefined;
  if (weights?.file === 'adapter_model.safetensors') return { names: weights.names, whole: true };
  const { target_modules: targets, target_parameters: parameters } = value;
  // A pattern or "all-linear" chooses modules that only the model knows.
  if (!Array.isArray(targets)) return undefined;
  const lists = [targets, Array.isArray(parameters) ? parameters : []] as readonly (readonly JsonValue[])[];
  const names = lists.flat().filter((target): target is string => typeof target === 'string');
  return names.every(isPlain) ? { names, whole: false } : undefined;
};

export const loraPattern: Rule = {
  code: 'lora-pattern-matches-nothing',
  title: 'A key of rank_pattern or alpha_pattern matches no module of the adapter',
  severity: 'warning',
  kinds: ['adapter'],
  check({ document, facts }, report) {
    const value = document.value;
    const chosen = isObject(value) ? chosenModules(value, facts) : undefined;
    if (!isObject(value) || chosen === undefined) return;
    const { names, whole } = chosen;
    const lasts = new Set(names.map(lastOf));
    const endings = whole ? targetsOf(names) : new Set(names);
    let tried = 0;
    const matches = (key: string): boolean => {
      // PEFT looks for the key at the end of a name, behind a point or at the start.
      if (isPlain(key)) return endings.has(key) || (!whole && lasts.has(lastOf(key)));
      tried += 1;
      return !whole || tried > mostPatterns || matchesSome(`(?:.*\\.)?(?:${key})`, names) !== 'no';
    };
    for (const holder of ['rank_pattern', 'alpha_pattern'] as const) {
      const patterns = value[holder];
      if (!isObject(patterns)) continue;
      for (const key of Object.keys(patterns)) {
        if (key === '' || matches(key)) continue;
        const last = lastOf(key);
        // A key whose last name is right is wrong in its path, which no name is near to.
        const near = isPlain(key) && !lasts.has(last) ? nearestName(last, lasts, 2) : undefined;
        const place: JsonPath = [holder, key];
        report(
          { keyOf: place },
          `"${key}" matches no module that the adapter is put on${near === undefined ? '.' : `; did you mean "${near}"?`} ${holder === 'rank_pattern' ? 'The rank' : 'The value'} under it has no effect.`,
          {
            ...(whole
              ? { related: [{ message: 'adapter_model.safetensors', place: { file: 'adapter_model.safetensors' } }] }
              : {}),
            fixes:
              near === undefined
                ? []
                : [
                    {
                      title: `Rename the key to "${key.slice(0, -last.length)}${near}"`,
                      changes: renameKey(document, place, key.slice(0, -last.length) + near),
                      preferred: true,
                    },
                  ],
          },
        );
      }
    }
  },
};
