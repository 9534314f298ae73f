/** Facts that a model has to know: nothing in the prompt says them. */
import type { Task } from '../task';
import { fill, pick, textDraft } from './draft';
import { relationNames, relations, type Relation, type RelationName } from './facts';

export const capitals: Task<{ relation: string }> = {
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
    relation: {
      kind: 'choice',
      title: 'Relation',
      description: 'What is asked of the subject; any: one of them for each sample',
      options: [...relationNames, 'any'],
      default: 'capital',
    },
  },
  roles: { subject: 'of whom or what the fact is' },
  changed: 'subject',
  draw({ random }, { relation: asked }) {
    const name = relationNames.find((one) => one === asked) ?? pick<RelationName>(random, relationNames);
    const { templates, facts }: Relation = relations[name];
    const template = random.whole(templates.length);
    const [subject, right] = pick(random, facts);
    const [other, wrong] = pick(
      random,
      facts.filter(([, answer]) => answer !== right),
    );
    return textDraft(fill(templates[template] ?? '', { subject: ['subject', subject, other] }), {
      answers: { right: [` ${right}`], wrong: [` ${wrong}`] },
      counterpartAnswers: { right: [` ${wrong}`], wrong: [` ${right}`] },
      facts: { relation: name, template },
    });
  },
};
