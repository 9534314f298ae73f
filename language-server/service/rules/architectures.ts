import { describe } from '../../../models/formats/config/config-reader';
import { replaceValue } from '../places';
import type { Rule } from './rule';

export const architecturesNotList: Rule = {
  code: 'architectures-not-list',
  title: 'architectures is no list of class names',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const value = part.value['architectures'];
      if (value === undefined || value === null || Array.isArray(value)) continue;
      const path = [...part.path, 'architectures'];
      const isText = typeof value === 'string';
      report(
        path,
        `architectures should be a list of class names, and is ${describe(value)}. ${isText ? 'Loaders take its first letter for the class.' : 'Loaders find no class in it.'}`,
        {
          part,
          fixes: isText
            ? [
                {
                  title: 'Put it into a list',
                  changes: replaceValue(document, path, `[${JSON.stringify(value)}]`),
                  preferred: true,
                },
              ]
            : [],
        },
      );
    }
  },
};
