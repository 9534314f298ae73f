/** A pass key hidden in a text, at a length and a depth. */
import type { Random } from '../../kernels/tensors/random';
import type { DrawTools, Task } from './task';
import { sample, textDraft, type Part } from './draft';
import { haystack } from './haystack';
import { nouns } from './words';
import * as field from '../../kernels/parameters';

const intro =
  'There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the important information there.';
const question = '\nWhat is the pass key? The pass key is';

export const passkey: Task<{ length: number; depth: number; key: string }> = {
  id: 'passkey',
  title: 'Pass key',
  metric: 'logit-difference',
  source: {
    reference: 'Mohtashami and Jaggi 2023, arXiv:2305.16300, section 4.2 and figure 3',
    trust: 'high',
    note: 'Words of the paper. The key has five digits; its digits may be several tokens, then all of them have to be right and the metric is that of the first. Filler is whole sentences up to the length. The counterpart hides another key.',
  },
  parameters: {
    length: field.integer('Length', 'Tokens of the prompt, about', {
      min: 96,
      max: 4_000_000,
      default: 256,
      unit: 'tokens',
    }),
    depth: field.number('Depth', 'Position of the key: 0 at the beginning, 1 at the end', {
      min: 0,
      max: 1,
      default: 0.5,
    }),
    key: field.choice('Key', 'Five digits, or one word', { options: ['digits', 'word'], default: 'digits' }),
  },
  roles: { needle: 'the key, both times that it is said' },
  changed: 'needle',
  draw(tools, { length, depth, key }) {
    const { random, count } = tools;
    const [right, wrong] = key === 'word' ? twoWords(random) : twoKeys(random);
    const needle: Part[] = [
      ' The pass key is',
      ['needle', ` ${right}`, ` ${wrong}`],
      '. Remember it.',
      ['needle', ` ${right}`, ` ${wrong}`],
      ' is the pass key.',
    ];
    const said = needle.map((part) => (typeof part === 'string' ? part : part[1])).join('');
    // Where the space before digits is a token of its own it belongs to the prompt: else all keys begin alike.
    const apart = startsWithSpace(tools, right, wrong);
    const space = apart ? '' : ' ';
    const asked = apart ? `${question} ` : question;
    const used = count(intro) + count(said) + count(asked) + (tools.tokens?.lead.length ?? 0);
    const { before, behind } = haystack(tools, { tokens: length - used, depth });
    const parts = [intro, spaced(before), ...needle, spaced(behind), asked];
    return textDraft(parts, {
      answers: { right: [space + right], wrong: [space + wrong] },
      counterpartAnswers: { right: [space + wrong], wrong: [space + right] },
      long: true,
      facts: { length, depth },
    });
  },
};

function startsWithSpace({ tokens }: DrawTools, right: string, wrong: string): boolean {
  const [first, other] = [right, wrong].map((key) => tokens?.behind(question, ` ${key}`)?.[0]);
  return first !== undefined && first === other;
}

const spaced = (text: string): string => (text === '' ? '' : ` ${text}`);

function twoWords(random: Random): readonly [string, string] {
  const [one = '', other = ''] = sample(random, nouns, 2);
  return [one, other];
}

/** No digit of the one stands at the same place of the other. */
function twoKeys(random: Random): readonly [string, string] {
  const digits = Array.from({ length: 5 }, (_, at) => (at === 0 ? 1 + random.whole(9) : random.whole(10)));
  const others = digits.map((digit, at) =>
    at === 0 ? 1 + ((digit - 1 + 1 + random.whole(8)) % 9) : (digit + 1 + random.whole(9)) % 10,
  );
  return [digits.join(''), others.join('')];
}
