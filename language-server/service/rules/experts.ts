import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import { relatedField, replaceValue } from '../places';
import type { Rule } from './rule';

export const expertsPerToken: Rule = {
  code: 'experts-per-token',
  title: 'A token is sent to more experts than there are',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const experts = numberField(part.value, namesOf('num_experts'));
      const chosen = numberField(part.value, namesOf('num_experts_per_tok'));
      if (experts === undefined || chosen === undefined || experts.value <= 0) continue;
      const path = [...part.path, chosen.key];
      if (chosen.value > experts.value) {
        report(
          path,
          `${chosen.value} experts per token are more than the ${experts.value} experts. ${chosen.key} is at most ${experts.key}.`,
          {
            part,
            related: [relatedField(document, [...part.path, experts.key], `${experts.key} is ${experts.value}`)],
            fixes: [
              {
                title: `Change ${chosen.key} to ${experts.value}`,
                changes: replaceValue(document, path, String(experts.value)),
                preferred: true,
              },
            ],
          },
        );
      }
    }
  },
};

export const expertGroups: Rule = {
  code: 'expert-groups',
  title: 'Groups of experts do not fit the expert count',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const experts = numberField(part.value, namesOf('num_experts'));
      const groups = numberField(part.value, ['n_group']);
      const chosen = numberField(part.value, ['topk_group']);
      if (experts === undefined || groups === undefined || groups.value <= 0 || experts.value <= 0) continue;
      if (experts.value % groups.value !== 0) {
        report(
          [...part.path, 'n_group'],
          `${experts.value} experts cannot be put into ${groups.value} groups of one size. n_group must divide ${experts.key}.`,
          {
            part,
            related: [relatedField(document, [...part.path, experts.key], `${experts.key} is ${experts.value}`)],
          },
        );
      }
      if (chosen !== undefined && chosen.value > groups.value) {
        report(
          [...part.path, 'topk_group'],
          `topk_group ${chosen.value} is more than the ${groups.value} groups there are (n_group).`,
          {
            part,
            related: [relatedField(document, [...part.path, 'n_group'], `n_group is ${groups.value}`)],
          },
        );
      }
    }
  },
};
