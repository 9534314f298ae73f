import { hasRemoteCode } from '../parts';
import { namesOfSense, readsOfType } from '../../../models/formats/config/field-names';
import type { Sense } from '../../../models/formats/config/field-names';
import { renameKey } from '../places';
import type { Rule } from './rule';

const senses = Object.keys(namesOfSense) as readonly Sense[];

export const keyOfOtherFamily: Rule = {
  code: 'key-of-other-family',
  title: 'A key is the name of a field in other families, and this class ignores it',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    // Remote code reads what it likes, and files of it keep the type of the family that they come from.
    const remote = hasRemoteCode(parts);
    for (const part of parts) {
      // An object without a type of its own is no config of the family that it stands in.
      const modelType = part.value['model_type'];
      if (part.role !== 'text' || typeof modelType !== 'string') continue;
      const reads = readsOfType.get(modelType);
      if (reads === undefined) continue;
      for (const sense of senses) {
        const read = reads[sense];
        // A field that is there under a name of its own may have a second one for other tools.
        if (read === undefined || read.some((name) => part.value[name] !== undefined)) continue;
        const key = namesOfSense[sense].find((name) => typeof part.value[name] === 'number' && !read.includes(name));
        if (key === undefined) continue;
        const [name] = read;
        const path = [...part.path, key];
        report(
          { keyOf: path },
          `The class of ${modelType} does not read "${key}"; did you mean "${name}"? As it stands ${JSON.stringify(part.value[key])} is ignored and ${name} has its default.`,
          {
            part,
            ...(remote || sense === 'context' ? { severity: 'information' } : {}),
            fixes: [
              { title: `Rename the key to "${name}"`, changes: renameKey(document, path, name), preferred: true },
            ],
          },
        );
      }
    }
  },
};
