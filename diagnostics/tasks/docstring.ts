/** A Python function whose docstring names its parameters in order; the next one is asked for. */
import { Unfit, type DrawTools, type Task } from './task';
import { sample, textDraft } from './draft';
import { nouns } from './words';
import * as field from '../../kernels/parameters';

const words = (
  'load size files last line name path time date text list part page file state value group order table field point level ' +
  'image score model token index count width color shape event error input house water light music world paper story field ' +
  'power money night price river metal stone glass plant heart voice north south'
).split(' ');
const vocabulary = [...new Set([...words, ...nouns])];

/** Those that are one token behind a space. */
function parameterNames({ tokens }: DrawTools, least: number): readonly string[] {
  const split = (word: string): boolean => tokens?.behind(':param', ` ${word}`)?.length !== 1;
  const names = tokens ? vocabulary.filter((word) => !split(word)) : vocabulary;
  if (names.length >= least) return names;
  const example = vocabulary.find(split) ?? '';
  throw new Unfit(
    `The tokenizer splits most names of parameters, "${example}" for one, and they have to be one token each.`,
  );
}

export const docstring: Task<{ parameters: number }> = {
  id: 'docstring',
  title: 'Docstring',
  metric: 'logit-difference',
  source: {
    reference: 'Heimersheim and Janiak 2023, "A circuit for Python docstrings in a 4-layer attention-only transformer"',
    trust: 'medium',
    note: 'The form of their prompts: a method, parameters, a docstring that has named all but the last few. Words are of our own choice. The counterpart names the parameter that is asked for otherwise in the definition; theirs draw definition or docstring anew. Wrong answers are all other parameters, and the one of the counterpart.',
  },
  parameters: {
    parameters: field.integer('Parameters', 'Parameters of the function; the third is asked for', {
      min: 3,
      max: 8,
      default: 4,
    }),
  },
  roles: {
    definition: 'the parameter that is asked for, in the definition',
    'previous-definition': 'the parameter before it, in the definition',
    'previous-docstring': 'the parameter before it, in the docstring',
  },
  changed: 'definition',
  draw(tools, { parameters: count }) {
    const { random } = tools;
    const [other = '', ...names] = sample(random, parameterNames(tools, count + 1), count + 1);
    const [first = '', second = '', third = '', ...more] = names;
    const [method = '', ...said] = sample(random, vocabulary, 8);
    const rest = more.map((name) => `, ${name}`).join('');
    const wrong = (right: string): string[] =>
      [other, ...names].filter((name) => name !== right).map((name) => ` ${name}`);
    return textDraft(
      [
        `def ${method}(self, ${first},`,
        ['previous-definition', ` ${second}`],
        ',',
        ['definition', ` ${third}`, ` ${other}`],
        `${rest}):\n    """${said.slice(0, 3).join(' ')}\n\n    :param ${first}: ${said.slice(3, 5).join(' ')}\n    :param`,
        ['previous-docstring', ` ${second}`],
        `: ${said.slice(5, 7).join(' ')}\n    :param`,
      ],
      {
        answers: { right: [` ${third}`], wrong: wrong(third) },
        counterpartAnswers: { right: [` ${other}`], wrong: wrong(other) },
        facts: { parameters: count },
      },
    );
  },
};
