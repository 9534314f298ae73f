import { namesOf } from '../../models/formats/config/config-reader';
import { isDraft, isOwnClass, knownModelTypes } from '../../models/formats/families/shared/class-names';
import { isOwnForm } from '../../models/formats/families/type-by-keys';
import type { OwnFamily } from '../../models/formats/workspace-family';
import { isObject } from './json-document';
import { isOfOtherProgram } from './other-programs';
import type { JsonObject } from '../../models/formats/config/config-reader';

/**
 * How much the checks may claim about a part.
 * - `known`: its model_type is one whose published configs were studied
 * - `unnamed`: the file names no model type, class or code of its own: the general names mean what they mean in transformers
 * - `foreign`: another library or remote code reads it; nothing is called an error on its account
 */
export type Familiarity = 'known' | 'unnamed' | 'foreign';

/** True where the first class of a config has layers of its own under a known model type, or the config is a draft's. */
const hasOwnClass = (root: JsonObject): boolean => {
  if (isDraft(root)) return true;
  const { architectures, auto_map: remoteCode, model_type: modelType } = root;
  const [first] = Array.isArray(architectures) ? (architectures as readonly unknown[]) : [];
  return (
    typeof first === 'string' && typeof modelType === 'string' && isOwnClass(first, modelType, isObject(remoteCode))
  );
};

/** Familiarity of an object inside one of familiarity `above`. */
export const familiarityOf = (value: JsonObject, above: Familiarity, families: readonly OwnFamily[]): Familiarity => {
  const modelType = value['model_type'];
  if (typeof modelType !== 'string' || modelType === '') return above;
  const isKnown = knownModelTypes.has(modelType) || families.some((own) => own.modelType === modelType);
  return isKnown && above !== 'foreign' ? 'known' : 'foreign';
};

/** Familiarity of a whole file. */
export const familiarityOfFile = (root: JsonObject, families: readonly OwnFamily[]): Familiarity => {
  if (typeof root['model_type'] === 'string' && root['model_type'] !== '')
    return hasOwnClass(root) ? 'foreign' : familiarityOf(root, 'unnamed', families);
  const sized = namesOf('num_attention_heads').some((key) => root[key] !== undefined);
  return isOwnForm(root) || isObject(root['auto_map']) || (sized && isOfOtherProgram(root)) ? 'foreign' : 'unnamed';
};
