/** A table of keys and values; one key comes again and its value is asked for. */
import type { Task } from './task';
import { sample, textDraft, type Part } from './draft';
import { nouns } from './words';
import * as field from '../../kernels/parameters';

export const keyValue: Task<{ pairs: number }> = {
  id: 'key-value',
  title: 'Key and value',
  metric: 'logit-difference',
  source: {
    reference: 'Liu et al. 2023, arXiv:2307.03172, section 3 (key-value retrieval)',
    trust: 'medium',
    note: 'Lines of one word each where the paper has JSON of random identifiers, so that the answer is one token. All keys and values are different. The counterpart has another value in the line that is asked for.',
  },
  parameters: {
    pairs: field.integer('Pairs', 'Lines of the table', { min: 2, max: 28, default: 12 }),
  },
  roles: { key: 'the key, in the table', value: 'its value', asked: 'the key, where it comes again' },
  changed: 'value',
  draw({ random }, { pairs }) {
    const [other = '', ...words] = sample(random, nouns, 2 * pairs + 1);
    const asked = random.whole(pairs);
    const parts: Part[] = [];
    for (let line = 0; line < pairs; line++) {
      const [key, value] = [` ${words[2 * line] ?? ''}`, ` ${words[2 * line + 1] ?? ''}`];
      const here = line === asked;
      parts.push(line === 0 ? 'The' : '\nThe', here ? ['key', key] : key, ':');
      parts.push(here ? ['value', value, ` ${other}`] : value);
    }
    parts.push('\nThe', ['asked', ` ${words[2 * asked] ?? ''}`], ':');
    const [right, wrong] = [[` ${words[2 * asked + 1] ?? ''}`], [` ${other}`]];
    return textDraft(parts, {
      answers: { right, wrong },
      counterpartAnswers: { right: wrong, wrong: right },
      facts: { pairs, line: asked },
    });
  },
};
