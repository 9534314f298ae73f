/** A fact hidden in a text, at every depth of every length. */
import { Unfit, type DrawTools, type Task } from './task';
import { sample, textDraft, pick, type Part } from './draft';
import { haystack } from './haystack';
import { ownNeedles, type OwnNeedle } from './needles-file';
import { names, objects, places } from './words';
import * as field from '../../kernels/parameters';

export const needleGrid: Task<{ lengths: string; depths: number; haystack: string; needles: string }> = {
  id: 'needle-grid',
  title: 'Needle grid',
  metric: 'logit-difference',
  source: {
    reference: 'Kamradt 2023, github.com/gkamradt/LLMTest_NeedleInAHaystack (grid of lengths and depths)',
    trust: 'medium',
    note: 'The needle is a sentence of our own whose answer is one token, where the original judges a free answer. Samples go through the cells in turn, lengths first. Depths are evenly spaced from 0 to 1. The counterpart hides another place; own needles have none.',
  },
  parameters: {
    lengths: field.text('Lengths', 'Tokens of the prompts, about, separated by commas', '128,256,512'),
    depths: field.integer('Depths', 'How many depths, evenly spaced from the beginning to the end', {
      min: 1,
      max: 100,
      default: 5,
    }),
    haystack: field.file('Haystack', 'A text file to hide the needle in; empty: a few plain sentences, repeated'),
    needles: field.file(
      'Needles',
      'A JSONL file of needle, question and answer (or real_needle) a line; empty: whereabouts of objects',
    ),
  },
  roles: {
    needle: 'the place, where it is said; of own needles the answer in the needle',
    owner: 'the owner in the needle',
    asked: 'the owner in the question',
  },
  changed: 'needle',
  draw(tools, { lengths: listed, depths }) {
    const { random, count, number, files } = tools;
    const lengths = listed.split(',').map(Number);
    if (lengths.some((length) => !Number.isSafeInteger(length) || length < 48)) {
      throw new Unfit(`Lengths are whole numbers from 48 on, separated by commas, not "${listed.slice(0, 60)}".`);
    }
    const length = lengths[number % lengths.length] ?? 0;
    const row = Math.floor(number / lengths.length) % depths;
    const depth = depths === 1 ? 0.5 : row / (depths - 1);
    const own = files['needles'] === undefined ? [] : ownNeedles(files['needles']);
    if (own.length > 0) {
      return ofOwn(tools, own, { length, depth, at: Math.floor(number / (lengths.length * depths)) % own.length });
    }
    const [owner, thing] = [pick(random, names), pick(random, objects)];
    const [right = '', wrong = ''] = sample(random, places, 2);
    const needle: Part[] = [
      `The ${thing} of`,
      ['owner', ` ${owner}`],
      ' is in the',
      ['needle', ` ${right}`, ` ${wrong}`],
      '.',
    ];
    const said = needle.map((part) => (typeof part === 'string' ? part : part[1])).join('');
    const [question, end] = [`\nWhere is the ${thing} of`, '? It is in the'];
    const used = count(said) + count(`${question} ${owner}${end}`) + (tools.tokens?.lead.length ?? 0);
    const text = files['haystack'];
    const { before, behind } = haystack(tools, {
      tokens: length - used,
      depth,
      ...(text === undefined ? {} : { text, start: random.uniform() }),
    });
    const parts: readonly Part[] = [
      before === '' ? '' : `${before} `,
      ...needle,
      behind === '' ? '' : ` ${behind}`,
      question,
      ['asked', ` ${owner}`],
      end,
    ];
    return textDraft(parts, {
      answers: { right: [` ${right}`], wrong: [` ${wrong}`] },
      counterpartAnswers: { right: [` ${wrong}`], wrong: [` ${right}`] },
      facts: { length, depth },
    });
  },
};

const asked = (question: string): string => `\nBased on the content of the book, Question: ${question}\nAnswer:`;

/** Prompt of github.com/nightdessert/Retrieval_Head, retrieval_head_detection.py. */
function ofOwn(
  tools: DrawTools,
  all: readonly OwnNeedle[],
  { length, depth, at }: { readonly length: number; readonly depth: number; readonly at: number },
): ReturnType<Task['draw']> {
  const one = all[at];
  if (!one) throw new RangeError('there is no needle');
  const { before, said, behind, question, answer } = one;
  const end = asked(question);
  const used = tools.count(before + said + behind) + tools.count(end) + (tools.tokens?.lead.length ?? 0);
  const text = tools.files['haystack'];
  const hay = haystack(tools, {
    tokens: length - used,
    depth,
    ...(text === undefined ? {} : { text, start: tools.random.uniform() }),
  });
  const first = (each: OwnNeedle): unknown => tools.tokens?.behind(end, ` ${each.answer}`)?.[0] ?? each.answer;
  const others = all.filter((other) => first(other) !== first(one));
  const parts: readonly Part[] = [
    hay.before === '' ? '' : `${hay.before} `,
    before,
    ['needle', said],
    behind,
    hay.behind === '' ? '' : ` ${hay.behind}`,
    end,
  ];
  const draft = textDraft(parts, {
    answers: { right: [` ${answer}`], wrong: others.map((other) => ` ${other.answer}`) },
    long: true,
    facts: { length, depth, needle: at + 1 },
  });
  return { ...draft, counterpart: undefined };
}
