/** Facts that a model has to know: nothing in the prompt says them. */
import type { Task } from './task';
import { fill, pick, sample, textDraft } from './draft';
import { relationNames, relations, type Relation, type RelationName } from './facts';
import * as field from '../../kernels/parameters';

export const capitals: Task<{ relation: string; shots: number }> = {
  id: 'capitals',
  title: 'Capitals and other facts',
  metric: 'logit-difference',
  source: {
    reference:
      'Hernandez et al. 2024, arXiv:2308.09124 (relations); Meng et al. 2022, arXiv:2202.05262 (counterfactual answers)',
    trust: 'medium',
    note: 'Facts and templates are of our own choice. The counterpart names another subject with another answer, which is the wrong answer of the prompt.',
  },
  parameters: {
    relation: field.choice('Relation', 'What is asked of the subject; any: one of them for each sample', {
      options: [...relationNames, 'any'],
      default: 'capital',
    }),
    shots: field.integer('Solved examples', 'Facts of the same relation that stand solved in front of the prompt', {
      min: 0,
      max: 8,
      default: 0,
    }),
  },
  roles: { subject: 'of whom or what the fact is' },
  changed: 'subject',
  draw({ random }, { relation: asked, shots }) {
    const name = relationNames.find((one) => one === asked) ?? pick<RelationName>(random, relationNames);
    const { templates, facts }: Relation = relations[name];
    const template = random.whole(templates.length);
    const [subject, right] = pick(random, facts);
    const [other, wrong] = pick(
      random,
      facts.filter(([, answer]) => answer !== right),
    );
    const form = templates[template] ?? '';
    const solved = sample(
      random,
      facts.filter(([name, answer]) => name !== subject && name !== other && answer !== right && answer !== wrong),
      shots,
    ).map(([name, answer]) => `${form.replace('{subject}', name)} ${answer}${form.includes('\n') ? '\n' : '. '}`);
    return textDraft([...solved, ...fill(form, { subject: ['subject', subject, other] })], {
      answers: { right: [` ${right}`], wrong: [` ${wrong}`] },
      counterpartAnswers: { right: [` ${wrong}`], wrong: [` ${right}`] },
      facts: { relation: name, template },
    });
  },
};
