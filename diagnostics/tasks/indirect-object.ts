/** Two people, one of whom is named again; the other is the one to whom something is given. */
import type { Task } from './task';
import { fill, pick, sample, textDraft } from './draft';
import { names, objects, places } from './words';
import * as field from '../../kernels/parameters';

/** A: indirect object, B: subject (or the other way round), S: the name that comes again. */
const templates = [
  'Then, {A} and {B} went to the {place}. {S} gave a {object} to',
  'Then, {A} and {B} had a lot of fun at the {place}. {S} gave a {object} to',
  'Then, {A} and {B} were working at the {place}. {S} decided to give a {object} to',
  'Then, {A} and {B} were thinking about going to the {place}. {S} wanted to give a {object} to',
  'Then, {A} and {B} had a long argument, and afterwards {S} said to',
  'After {A} and {B} went to the {place}, {S} gave a {object} to',
  'When {A} and {B} got a {object} at the {place}, {S} decided to give it to',
  'While {A} and {B} were working at the {place}, {S} gave a {object} to',
  'While {A} and {B} were commuting to the {place}, {S} gave a {object} to',
  'Afterwards, {A} and {B} went to the {place}. {S} gave a {object} to',
  'The {place} {A} and {B} went to had a {object}. {S} gave it to',
  'Friends {A} and {B} found a {object} at the {place}. {S} gave it to',
];

export const indirectObject: Task<{ counterpart: string }> = {
  id: 'indirect-object',
  title: 'Indirect object',
  metric: 'logit-difference',
  source: {
    reference: 'Wang et al. 2022, arXiv:2211.00593, section 2 and appendix E (templates)',
    trust: 'high',
    note: 'Twelve of the fifteen templates, both orders of the names with equal chance. Names, places and objects are lists of our own. The counterpart changes the second mention of the subject alone; the ABC sentences of the paper draw all names anew.',
  },
  parameters: {
    counterpart: field.choice(
      'Counterpart',
      'What replaces the second mention of the subject: a third name (ABC, nothing is repeated), or the indirect object (ABA, the answer changes)',
      { options: ['ABC', 'ABA'], default: 'ABC' },
    ),
  },
  roles: {
    'indirect-object': 'the name that is the answer',
    subject: 'the other name, where it comes first',
    'repeated-subject': 'the subject, where it comes again',
  },
  changed: 'repeated-subject',
  draw({ random }, { counterpart }) {
    const [io = '', subject = '', third = ''] = sample(random, names, 3);
    const template = random.whole(templates.length);
    const objectFirst = random.whole(2) === 0;
    const [a, b] = [
      ['indirect-object', io],
      ['subject', subject],
    ] as const;
    const slots = {
      A: objectFirst ? a : b,
      B: objectFirst ? b : a,
      S: ['repeated-subject', subject, counterpart === 'ABA' ? io : third],
      place: pick(random, places),
      object: pick(random, objects),
    } as const;
    return textDraft(fill(templates[template] ?? '', slots), {
      answers: { right: [` ${io}`], wrong: [` ${subject}`] },
      counterpartAnswers: counterpart === 'ABA' ? { right: [` ${subject}`], wrong: [` ${io}`] } : undefined,
      facts: { template, order: objectFirst ? 'ABB' : 'BAB' },
    });
  },
};
