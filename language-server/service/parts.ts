import type { JsonObject } from '../../models/formats/config/config-reader';
import { holdsSettings } from '../../models/formats/families/generic';
import type { OwnFamily } from '../../models/formats/workspace-family';
import type { JsonPath, JsonValue, ModelDescription } from '../../models/formats/model-description';
import { familiarityOf, familiarityOfFile } from './familiarity';
import type { Familiarity } from './familiarity';
import { isObject } from './json-document';

/** An object of a config that describes one network: the file itself, `text_config`, `vision_config`, … */
export interface ConfigPart {
  readonly path: JsonPath;
  readonly value: JsonObject;
  readonly role: 'text' | 'vision' | 'audio';
  /** Its own model_type, else that of the file when the part is the file's text part or the file itself. */
  readonly modelType: string | undefined;
  readonly familiarity: Familiarity;
}

const roleOf = (path: JsonPath): ConfigPart['role'] => {
  const name = path.join('.').toLowerCase();
  if (/vision|visual|image|vit|sam|backbone/.test(name)) return 'vision';
  if (/audio|speech|wav|code2|dit|bigvgan/.test(name)) return 'audio';
  return 'text';
};

const deepestPart = 4;

/**
 * The parts of a config, the file itself first: the objects from which its family reads networks, and others that have a type or
 * are called a config.
 */
export const partsOf = (
  root: JsonValue | undefined,
  description: ModelDescription | undefined,
  families: readonly OwnFamily[] = [],
): readonly ConfigPart[] => {
  if (!isObject(root)) return [];
  const read = new Map((description?.parts ?? []).map(({ path, role }) => [path.join('.'), role]));
  const parts: ConfigPart[] = [];
  const visit = (value: JsonObject, path: JsonPath, familiarity: Familiarity, aboveType: string | undefined): void => {
    const own = value['model_type'];
    const said = path.length === 0 ? undefined : read.get(path.join('.'));
    const role = said === 'vision' || said === 'audio' ? said : said === undefined ? roleOf(path) : 'text';
    const modelType = typeof own === 'string' && own !== '' ? own : role === 'text' ? aboveType : undefined;
    parts.push({ path, value, role, modelType, familiarity });
    if (path.length >= deepestPart) return;
    for (const [key, child] of Object.entries(value)) {
      if (!isObject(child) || holdsSettings(key)) continue;
      const inner = [...path, key];
      if (read.has(inner.join('.')) || child['model_type'] !== undefined || key.endsWith('_config'))
        visit(child, inner, familiarityOf(child, familiarity, families), modelType);
    }
  };
  visit(root, [], familiarityOfFile(root, families), undefined);
  return parts;
};

/** True of a file that brings its own code along: that may read its fields otherwise than the class of its model_type. */
export const hasRemoteCode = ([root]: readonly ConfigPart[]): boolean => isObject(root?.value['auto_map']);
